// The toolbar of each line, at its right: status or length, speed, the pause after it, how it is read, play, regenerate. Toolbars exist only for the
// lines in view, so that a thousand lines cost no more than ten. Tab reaches the toolbar of the line with the caret.

import { formatDuration, h } from "../../components/dom.js";

const ICONS = {
  replay: "M4 2.5v11l9-5.5z",
  retake: "M13 8a5 5 0 1 1-1.6-3.7M13 1.8v3h-3",
  flip: "M2.5 5.5h10M9.5 2.5l3 3-3 3M13.5 10.5h-10M6.5 7.5l-3 3 3 3",
  pause: "M5 3v10M11 3v10",
  more: "M3 8h.01M8 8h.01M13 8h.01",
  spoken: "M2.5 3h11v8h-6l-3 2.5V11h-2z",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon ${name}`);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export class LineToolbar {
  #gutter;
  #take;
  #i18n;
  #popover;
  #actions;
  #toolbars = new Map(); // row -> {toolbar, and its parts}
  #layer = h("div", { className: "tools-layer" });
  #scheduled = false;

  /** `actions` is {replay(row), retake(row), flip(row), otherTake(row)}; `popover` is the LinePopover. */
  constructor(gutter, take, i18n, popover, actions) {
    this.#gutter = gutter;
    this.#take = take;
    this.#i18n = i18n;
    this.#popover = popover;
    this.#actions = actions;
    const { area } = gutter;
    area.parentElement.append(this.#layer);
    for (const event of ["scroll", "click", "keyup", "focus"]) area.addEventListener(event, () => this.draw());
    new ResizeObserver(() => this.draw()).observe(area);
    gutter.addEventListener("change", () => this.draw());
    i18n.addEventListener("change", () => this.draw());
  }

  /** Draw at the next animation frame. */
  draw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#place();
    });
  }

  #place() {
    const { rows, area, caretRow } = this.#gutter;
    const [top, bottom] = [area.scrollTop, area.scrollTop + area.clientHeight];
    const visible = new Set();
    for (let i = firstVisible(rows, top); i < rows.length && rows[i].element.offsetTop < bottom; i++) {
      if (rows[i].number === null) continue;
      visible.add(rows[i]);
      const parts = this.#toolbars.get(rows[i]) ?? this.#create(rows[i]);
      parts.toolbar.style.top = `${rows[i].element.offsetTop - top}px`;
      this.#update(rows[i], parts, i === caretRow);
    }
    for (const [row, { toolbar }] of this.#toolbars) {
      if (visible.has(row)) continue;
      toolbar.remove();
      this.#toolbars.delete(row);
    }
  }

  #create(row) {
    const button = (name, onclick, ...inner) =>
      h("button", { type: "button", className: `tool ${name}`, onclick }, ...inner);
    const parts = {
      state: h("span", { className: "state" }),
      speed: button("speed", () => this.#popover.open(row, parts.toolbar, "speed")),
      pause: button("pause", () => this.#popover.open(row, parts.toolbar, "pause")),
      spoken: button("spoken", () => this.#popover.open(row, parts.toolbar, "speed"), icon("spoken")),
      replay: button("replay", () => this.#actions.replay(row), icon("replay")),
      flip: button("flip", () => this.#actions.flip(row), icon("flip")),
      retake: button("retake", () => this.#actions.retake(row), icon("retake")),
      more: button("more", () => this.#popover.open(row, parts.toolbar, "speed"), icon("more")),
    };
    parts.toolbar = h("div", { className: "strip", role: "group" }, ...Object.values(parts));
    this.#toolbars.set(row, parts);
    this.#layer.append(parts.toolbar);
    return parts;
  }

  #update(row, { toolbar, state, speed, pause, spoken, replay, flip, retake, more }, isCurrent) {
    const t = (key, params) => this.#i18n.t(key, params);
    const line = { line: row.number + 1 };
    const { speed: factor, pause_s } = row.tags;
    const { status } = row;
    toolbar.ariaLabel = t("line.label", line);
    toolbar.dataset.current = isCurrent;
    toolbar.dataset.state = row.playing ? "now" : status.state;
    state.textContent = statusText(row, t);
    speed.textContent = `${factor.toFixed(factor * 10 === Math.round(factor * 10) ? 1 : 2)}×`;
    speed.dataset.set = factor !== 1;
    setTitle(speed, t("line.speed.of", { ...line, speed: factor }));
    pause.replaceChildren(icon("pause"), ...(pause_s ? [`${pause_s.toFixed(1)} s`] : []));
    pause.dataset.set = pause_s > 0;
    setTitle(pause, t("line.pause.of", { ...line, seconds: pause_s }));
    replay.disabled = status.start === null || status.state === "failed" || status.end <= status.start;
    setTitle(replay, t("line.replay.of", line));
    const other = this.#actions.otherTake(row);
    flip.hidden = !other;
    flip.dataset.set = Boolean(other);
    if (other) setTitle(flip, t("line.flip.of", { ...line, letter: other.letter }));
    retake.disabled = row.line === null || !this.#take.isComplete;
    const { similarity } = status;
    const drifted = similarity !== undefined;
    retake.dataset.set = toolbar.dataset.drifted = drifted;
    const percent = drifted && Math.round(100 * similarity);
    setTitle(retake, t(drifted ? "line.drifted.of" : "line.retake.of", { ...line, percent }));
    setTitle(spoken, t("line.spoken.of", line));
    setTitle(more, t("line.more.of", line));
    for (const tool of [speed, pause, spoken, replay, flip, retake, more]) tool.tabIndex = isCurrent ? 0 : -1;
  }
}

/** The status of a row as a word, or its length. */
export function statusText({ status, playing, edited }, t) {
  if (playing && status.state !== "failed") return t("line.state.now");
  if (status.state === "done" && status.similarity !== undefined && !edited) return t("line.state.drifted");
  if (status.state === "done") return edited ? t("line.state.edited") : formatDuration(status.seconds);
  return status.state ? t(`line.state.${status.state}`) : "";
}

function setTitle(button, title) {
  if (button.title !== title) button.title = button.ariaLabel = title;
}

/** The index of the first row that reaches below `top`. */
function firstVisible(rows, top) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { offsetTop, offsetHeight } = rows[middle].element;
    if (offsetTop + offsetHeight <= top) low = middle + 1;
    else high = middle;
  }
  return low;
}
