// Aligns two takes of one text. In: the segments of both, their lengths, and a position. Out: the position in the other.

/** `position` of a take {segments, samples} in `other`: in the same line, at the same part of it. */
export function alignedPosition(position, from, other) {
  const [own, others] = [spans(from), spans(other)];
  const span = own.findLast(({ start }) => start <= position) ?? own[0];
  const match = span && others.find(({ line }) => line === span.line);
  if (!match) return Math.round(other.samples * Math.min(1, position / Math.max(1, from.samples)));
  const part = Math.min(1, (position - span.start) / Math.max(1, span.end - span.start));
  return Math.round(match.start + part * (match.end - match.start));
}

/** {line, start, end} of each line. */
function spans({ segments, samples }) {
  const starts = new Map();
  for (const { line, start_sample } of segments) if (!starts.has(line)) starts.set(line, start_sample);
  const lines = [...starts].map(([line, start]) => ({ line, start, end: samples }));
  lines.slice(1).forEach(({ start }, i) => (lines[i].end = start));
  return lines;
}
