// Writes the inline tags `[1.2x]` and `[pause 0.5s]` into a line; the text is where speed and pause are stored. The server reads them
// (qwen3tts_webui/text/inline_tags.py): `tags` is its analysis of the line, and both functions return that of the new line as well.

const format = (value) => String(Number(value.toFixed(2)));

/** `line` with `speed` as its first tag; 1 removes the tag. */
export function withSpeed(line, tags, speed) {
  const prefix = speed === 1 ? "" : `[${format(speed)}x] `;
  return { line: prefix + line.slice(tags.prefix_length), tags: { ...tags, speed, prefix_length: prefix.length } };
}

/** `line` with a pause as its last tag; 0 removes the tag. `template` is the tag's spelling: "[pause {seconds}s]". */
export function withPause(line, tags, pause_s, template) {
  const suffix = pause_s === 0 ? "" : ` ${template.replace("{seconds}", format(pause_s))}`;
  const rest = line.slice(0, line.length - tags.suffix_length);
  return { line: rest + suffix, tags: { ...tags, pause_s, suffix_length: suffix.length } };
}
