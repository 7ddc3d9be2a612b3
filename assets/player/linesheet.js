// The panel of one line: speed and pause by slider, hear it again, speak it anew. What the sliders say is written into the line
// as marks.

import { make } from "./dom.js";
import { describe } from "./linetools.js";
import { MAX_PAUSE_S, SPEEDS, settingsOf, withPause, withSpeed } from "./marks.js";
import { openBeside, panel } from "./sheet.js";

export class LineSheet {
  #lines;
  #sentences;
  #act;
  #row = null;
  #sheet = panel("line-sheet");
  #title = make("h3");
  #state = make("p", { className: "soft" });
  #sliders;
  #buttons;

  constructor(lines, sentences, act) {
    this.#lines = lines;
    this.#sentences = sentences;
    this.#act = act;
    this.#sliders = {
      speed: this.#slider("speed", { min: SPEEDS.least, max: SPEEDS.most, step: 0.05 }),
      pause: this.#slider("pause", { min: 0, max: MAX_PAUSE_S, step: 0.1 }),
    };
    const button = (name) => make("button", { type: "button", className: "ghost", onclick: () => this.#do(name) });
    this.#buttons = { replay: button("replay"), retake: button("retake") };
    const rows = Object.values(this.#sliders).map(({ row }) => row);
    this.#sheet.append(this.#title, this.#state, ...rows, make("div", { className: "bar" }, ...Object.values(this.#buttons)));
    lines.addEventListener("change", () => this.#row && this.#draw());
    this.#sheet.addEventListener("toggle", ({ newState }) => newState === "closed" && (this.#row = null));
  }

  /** Open for `row`, beside its strip, with the slider `first` ready for the arrow keys. */
  open(row, strip, first) {
    this.#row = row;
    this.#draw();
    openBeside(this.#sheet, strip, this.#sliders[first].input);
  }

  #slider(name, range) {
    const words = make("span");
    const shown = make("output");
    const input = make("input", { type: "range", ...range, oninput: () => this.#write(name, Number(input.value)) });
    return { input, words, shown, row: make("label", { className: "slide" }, words, input, shown) };
  }

  #write(name, value) {
    const { text } = this.#row;
    const line = name === "speed" ? withSpeed(text, value) : withPause(text, value, this.#sentences.say("line.pause.mark"));
    this.#lines.replace(this.#lines.rows.indexOf(this.#row), line);
  }

  #do(name) {
    const row = this.#row;
    this.#sheet.hidePopover();
    this.#act[name](row);
  }

  #draw() {
    const say = (key, params) => this.#sentences.say(key, params);
    const row = this.#row;
    const { speed, pause_s } = settingsOf(row.text);
    this.#title.textContent = say("line.label", { line: (row.number ?? 0) + 1 });
    this.#sheet.ariaLabel = this.#title.textContent;
    this.#state.textContent = describe(row, say);
    for (const [name, value, shown] of [["speed", speed, `${speed.toFixed(2)}×`], ["pause", pause_s, `${pause_s.toFixed(1)} s`]]) {
      const slider = this.#sliders[name];
      slider.words.textContent = say(`line.${name}`);
      if (Number(slider.input.value) !== value) slider.input.value = value;
      slider.shown.textContent = slider.input.ariaValueText = shown;
    }
    for (const [name, button] of Object.entries(this.#buttons)) button.textContent = say(`line.${name}`);
    this.#buttons.replay.disabled = row.fare.start === null || row.fare.state === "failed";
    this.#buttons.retake.disabled = row.line === null || !this.#act.canRetake();
  }
}
