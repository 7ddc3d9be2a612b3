// In: a textarea and the number of a line as the server counts them: from 0, lines that are not empty. Out: that line, selected and
// in view.

/** Focus `area` and select line `number`. */
export function selectLine(area, number) {
  const lines = area.value.split("\n");
  let row = -1;
  for (let count = -1; count < number && row < lines.length - 1;) if (lines[++row].trim()) count++;
  const start = lines.slice(0, row).reduce((sum, line) => sum + line.length + 1, 0);
  area.focus({ preventScroll: true });
  area.setSelectionRange(start, start + lines[row].length);
  area.scrollTop = area.scrollHeight * (row / lines.length) - area.clientHeight / 2;
  area.scrollIntoView({ block: "nearest" });
}
