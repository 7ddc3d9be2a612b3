// The marks people write into a line, `[pause 0.5s]` and `[1.2x]`: read, and written by the line's own controls. The text is the
// one place where speed and pause live. The same forms as qwen3tts_webui/text/marks.py, which decides what is spoken.

export const SPEEDS = { least: 0.5, most: 2 };
export const MAX_PAUSE_S = 10;
const DEFAULT_PAUSE_S = 0.5;

const NUMBER = "[+-]?[0-9]{1,6}(?:[.,][0-9]{1,6})?|[.,][0-9]{1,6}";
const PAUSE = `(?:pause|停顿|停頓|暂停|暫停)(?:\\s*[:：]?\\s*(?<pause>${NUMBER})\\s*(?<unit>ms|毫秒|s|secs?|seconds?|秒)?)?`;
const SPEED = `(?<speed>${NUMBER})\\s*[x×倍]速?`;
const OPEN = "[\\[［【]\\s*";
const CLOSE = "\\s*[\\]］】]";
const MARK = new RegExp(`${OPEN}(?:${PAUSE}|${SPEED})${CLOSE}`, "giu");
const LEADING_SPEED = new RegExp(`^\\s*${OPEN}${SPEED}${CLOSE}\\s*`, "iu");
const TRAILING_PAUSES = new RegExp(`(?:\\s*${OPEN}${PAUSE.replace(/\?<\w+>/g, "?:")}${CLOSE})+\\s*$`, "iu");

const number = (written) => Number(written.replace(",", "."));
const short = (value) => String(Number(value.toFixed(2)));

/** The stretches of a line between its marks: [{text, speed, pause_s}]; out of range numbers are held to the range. */
export function parts(line) {
  const found = [];
  let [start, speed] = [0, 1];
  const add = (text, pause_s) => {
    if (text || (pause_s && !found.length)) found.push({ text, speed, pause_s });
    else if (pause_s) found.at(-1).pause_s = Math.min(MAX_PAUSE_S, found.at(-1).pause_s + pause_s);
  };
  for (const mark of line.matchAll(MARK)) {
    add(line.slice(start, mark.index).trim(), 0);
    start = mark.index + mark[0].length;
    if (mark.groups.speed !== undefined) speed = Math.min(SPEEDS.most, Math.max(SPEEDS.least, number(mark.groups.speed)));
    else add("", pauseOf(mark));
  }
  add(line.slice(start).trim(), 0);
  return found;
}

function pauseOf({ groups }) {
  if (groups.pause === undefined) return DEFAULT_PAUSE_S;
  const amount = number(groups.pause);
  return Math.min(MAX_PAUSE_S, Math.max(0, /^(ms|毫秒)$/i.test(groups.unit ?? "") ? amount / 1000 : amount));
}

/** The speed that a line begins with, and the pause after it. */
export function settingsOf(line) {
  const speed = line.match(LEADING_SPEED);
  const trailing = line.match(TRAILING_PAUSES)?.[0] ?? "";
  const pause_s = [...trailing.matchAll(MARK)].reduce((sum, mark) => sum + pauseOf(mark), 0);
  return { speed: speed ? number(speed.groups.speed) : 1, pause_s: Math.min(MAX_PAUSE_S, pause_s) };
}

/** `line` with another speed at its beginning; 1 takes the mark away. */
export function withSpeed(line, speed) {
  const rest = line.replace(LEADING_SPEED, "");
  return speed === 1 ? rest : `[${short(speed)}x] ${rest}`;
}

/** `line` with another pause at its end; 0 takes the mark away. `written` is how a pause is spelt: "[pause {seconds}s]". */
export function withPause(line, pause_s, written) {
  const rest = line.replace(TRAILING_PAUSES, "");
  return pause_s === 0 ? rest : `${rest} ${written.replace("{seconds}", short(pause_s))}`;
}
