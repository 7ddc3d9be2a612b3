// What one line of the text offers, at its right: state and length, its speed, the pause after it, hearing it again, speaking it anew.
// Strips exist for the lines in sight only, so that an article of a thousand lines costs no more than ten. Speed and pause write
// marks into the text. The strip of the line with the caret is the one that Tab reaches.

import { clock, make } from "./dom.js";
import { settingsOf } from "./marks.js";

const ICONS = { replay: "M4 2.5v11l9-5.5z", retake: "M13 8a5 5 0 1 1-1.6-3.7M13 1.8v3h-3", pause: "M5 3v10M11 3v10", more: "M3 8h.01M8 8h.01M13 8h.01" };

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon ${name}`);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export class LineTools {
  #lines;
  #take;
  #sentences;
  #sheet;
  #strips = new Map(); // row -> {strip, and its parts}
  #layer = make("div", { className: "tools-layer" });
  #asked = false;
  #act;

  /** `act` is {replay(row), retake(row)}; `sheet` opens the line's own panel. */
  constructor(lines, take, sentences, sheet, act) {
    this.#act = act;
    this.#lines = lines;
    this.#take = take;
    this.#sentences = sentences;
    this.#sheet = sheet;
    const { area } = lines;
    area.parentElement.append(this.#layer);
    for (const event of ["scroll", "click", "keyup", "focus"]) area.addEventListener(event, () => this.draw());
    new ResizeObserver(() => this.draw()).observe(area);
    lines.addEventListener("change", () => this.draw());
    sentences.addEventListener("change", () => this.#redo());
  }

  /** Ask for a drawing at the next frame. */
  draw() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#place();
    });
  }

  #redo() {
    for (const { strip } of this.#strips.values()) strip.remove();
    this.#strips.clear();
    this.draw();
  }

  #place() {
    const { rows, area, caret } = this.#lines;
    const [top, bottom] = [area.scrollTop, area.scrollTop + area.clientHeight];
    const seen = new Set();
    for (let i = firstBelow(rows, top); i < rows.length && rows[i].element.offsetTop < bottom; i++) {
      if (rows[i].number === null) continue;
      seen.add(rows[i]);
      const parts = this.#strips.get(rows[i]) ?? this.#strip(rows[i]);
      parts.strip.style.top = `${rows[i].element.offsetTop - top}px`;
      this.#fill(rows[i], parts, i === caret);
    }
    for (const [row, { strip }] of this.#strips) {
      if (seen.has(row)) continue;
      strip.remove();
      this.#strips.delete(row);
    }
  }

  #strip(row) {
    const button = (name, onclick, ...inner) => make("button", { type: "button", className: `tool ${name}`, onclick }, ...inner);
    const parts = {
      state: make("span", { className: "state" }),
      speed: button("speed", () => this.#sheet.open(row, parts.strip, "speed")),
      pause: button("pause", () => this.#sheet.open(row, parts.strip, "pause")),
      replay: button("replay", () => this.#act.replay(row), icon("replay")),
      retake: button("retake", () => this.#act.retake(row), icon("retake")),
      more: button("more", () => this.#sheet.open(row, parts.strip, "speed"), icon("more")),
    };
    parts.strip = make("div", { className: "strip", role: "group" }, ...Object.values(parts));
    this.#strips.set(row, parts);
    this.#layer.append(parts.strip);
    return parts;
  }

  #fill(row, { strip, state, speed, pause, replay, retake, more }, current) {
    const say = (key, params) => this.#sentences.say(key, params);
    const line = { line: row.number + 1 };
    const { speed: factor, pause_s } = settingsOf(row.text);
    strip.ariaLabel = say("line.label", line);
    strip.dataset.current = current;
    strip.dataset.state = row.now ? "now" : row.fare.state;
    state.textContent = describe(row, say);
    speed.textContent = `${factor.toFixed(factor * 10 === Math.round(factor * 10) ? 1 : 2)}×`;
    speed.dataset.set = factor !== 1;
    name(speed, say("line.speed.of", { ...line, speed: factor }));
    pause.replaceChildren(icon("pause"), ...(pause_s ? [`${pause_s.toFixed(1)} s`] : []));
    pause.dataset.set = pause_s > 0;
    name(pause, say("line.pause.of", { ...line, seconds: pause_s }));
    replay.disabled = row.fare.start === null || row.fare.state === "failed" || row.fare.end <= row.fare.start;
    name(replay, say("line.replay.of", line));
    retake.disabled = row.line === null || !this.#take.whole;
    name(retake, say("line.retake.of", line));
    name(more, say("line.more.of", line));
    for (const tool of [speed, pause, replay, retake, more]) tool.tabIndex = current ? 0 : -1;
  }
}

/** What became of a row, in a word or as its length. */
export function describe({ fare, now, edited }, say) {
  if (now && fare.state !== "failed") return say("line.state.now");
  if (fare.state === "done") return edited ? say("line.state.edited") : clock(fare.seconds);
  return fare.state ? say(`line.state.${fare.state}`) : "";
}

function name(button, words) {
  if (button.title === words) return;
  button.title = button.ariaLabel = words;
}

/** The first row that reaches below `top`. */
function firstBelow(rows, top) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { offsetTop, offsetHeight } = rows[middle].element;
    if (offsetTop + offsetHeight <= top) low = middle + 1;
    else high = middle;
  }
  return low;
}
