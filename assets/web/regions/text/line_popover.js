// The popover of one line: how it will be read, sliders for speed and pause, buttons to play and to regenerate it. The sliders write inline tags.

import { h } from "../../components/dom.js";
import { createPopover, moveNextTo, openAnchored } from "../../components/popover.js";
import { withPause, withSpeed } from "../../text/inline_tags.js";
import { statusText } from "./line_toolbar.js";

export class LinePopover {
  #gutter;
  #i18n;
  #analyzer;
  #actions;
  #spoken;
  #row = null;
  #popover = createPopover("line-sheet");
  #title = h("h3");
  #status = h("p", { className: "muted" });
  #sliders;
  #buttons;
  #latest = {}; // the last value of each slider

  constructor({ gutter, i18n, analyzer, limits, actions, spoken }) {
    this.#spoken = spoken;
    this.#gutter = gutter;
    this.#i18n = i18n;
    this.#analyzer = analyzer;
    this.#actions = actions;
    this.#sliders = {
      speed: this.#slider("speed", { min: limits.min_speed, max: limits.max_speed, step: 0.05 }),
      pause: this.#slider("pause", { min: 0, max: limits.max_pause_s, step: 0.1 }),
    };
    const names = ["replay", "replayFrom", "flip", "retake"];
    this.#buttons = Object.fromEntries(names.map((name) => [name, this.#button(name)]));
    const rows = Object.values(this.#sliders).map(({ row }) => row);
    const bar = h("div", { className: "bar" }, ...Object.values(this.#buttons));
    this.#popover.append(this.#title, this.#status, spoken.element, ...rows, bar);
    gutter.addEventListener("change", () => this.#row && this.#draw());
    this.#popover.addEventListener("toggle", ({ newState }) => newState === "closed" && (this.#row = null));
  }

  /** Open for `row`, next to its toolbar, with the slider `first` focused. */
  async open(row, toolbar, first) {
    this.#row = row;
    this.#draw();
    this.#spoken.element.replaceChildren();
    openAnchored(this.#popover, toolbar, this.#sliders[first].input);
    await this.#spoken.show(row);
    if (this.#row === row) moveNextTo(this.#popover, toolbar);
  }

  #button(name) {
    return h("button", { type: "button", className: "button-outline", onclick: () => this.#run(name) });
  }

  #slider(name, range) {
    const label = h("span");
    const output = h("output");
    const input = h("input", { type: "range", ...range, oninput: () => this.#write(name, Number(input.value)) });
    return { input, label, output, row: h("label", { className: "slide" }, label, input, output) };
  }

  /** Write the tag; if the line was edited a moment ago, wait for its analysis first. */
  async #write(name, value) {
    const row = this.#row;
    const { text } = row;
    this.#latest[name] = value;
    const tags = this.#analyzer.line(text) ?? (await this.#analyzer.fetchLine(text).catch(() => null));
    if (!tags || row.text !== text) return;
    const template = this.#i18n.t("line.pause.mark");
    const edited =
      name === "speed"
        ? withSpeed(text, tags, this.#latest.speed)
        : withPause(text, tags, this.#latest.pause, template);
    this.#analyzer.remember(edited.line, edited.tags);
    this.#gutter.replace(this.#gutter.rows.indexOf(row), edited.line);
  }

  #run(name) {
    const row = this.#row;
    this.#popover.hidePopover();
    this.#actions[name](row);
  }

  #draw() {
    const t = (key, params) => this.#i18n.t(key, params);
    const row = this.#row;
    const { speed, pause_s } = row.tags;
    this.#title.textContent = t("line.label", { line: (row.number ?? 0) + 1 });
    this.#popover.ariaLabel = this.#title.textContent;
    this.#status.textContent = statusText(row, t);
    this.#showValue("speed", speed, `${speed.toFixed(2)}×`);
    this.#showValue("pause", pause_s, `${pause_s.toFixed(1)} s`);
    for (const name of ["replay", "replayFrom", "retake"]) this.#buttons[name].textContent = t(`line.${name}`);
    const other = this.#actions.otherTake(row);
    this.#buttons.flip.hidden = !other;
    if (other) this.#buttons.flip.textContent = t("line.flip", { letter: other.letter });
    const isSilent = row.status.start === null || row.status.state === "failed";
    for (const name of ["replay", "replayFrom"]) this.#buttons[name].disabled = isSilent;
    this.#buttons.retake.disabled = row.line === null || !this.#actions.canRetake();
  }

  #showValue(name, value, text) {
    const { input, label, output } = this.#sliders[name];
    label.textContent = this.#i18n.t(`line.${name}`);
    if (Number(input.value) !== value) input.value = value;
    output.textContent = input.ariaValueText = text;
  }
}
