// The settings drawer, drawn when it is first opened. In: `Settings`, the page's language and theme, the seed. Out: their changes, and
// a PATCH when the precision is to be another. What the speaking engine would ignore is disabled, with the reason.

import { Api } from "./api.js";
import { make, styled } from "./dom.js";
import { CONTROLS } from "./settings.js";
import { THEMES } from "./theme.js";

const PRECISION = "api/settings/precision";
const FRAME_MS = 80;

export class Drawer {
  #settings;
  #asking;
  #sentences;
  #theme;
  #player;
  #api;
  #dialog = make("dialog", { id: "settings", className: "drawer" });
  #precision = { precision: null, choices: [], memory_bytes: null };
  #told = ""; // how the last change of precision went
  #changing = false;
  #drawn = ""; // `#shown` when it was drawn

  constructor(settings, asking, sentences, theme, player) {
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close()); // beside the sheet
    this.#settings = settings;
    this.#asking = asking;
    this.#sentences = sentences;
    this.#theme = theme;
    this.#player = player;
    this.#api = new Api(sentences);
    document.querySelector(".gradio-container").append(this.#dialog);
    for (const heard of [settings, asking, sentences, theme]) heard.addEventListener("change", () => this.#draw());
  }

  async open() {
    await styled("drawer.css");
    this.#draw();
    this.#dialog.showModal();
    this.#ask();
  }

  #say = (key, params) => this.#sentences.say(`settings.${key}`, params);

  async #ask() {
    try {
      this.#precision = await this.#api.get(PRECISION);
    } catch (error) {
      this.#told = error.message;
    }
    this.#draw();
    this.#dialog.dataset.asked = "true";
  }

  /** All that is shown; the same again is not drawn again, so that no click falls between two drawings. */
  get #shown() {
    const { info, body } = this.#settings;
    const kept = Object.keys(CONTROLS).map((name) => this.#settings.get(name));
    return JSON.stringify([info?.label, info?.features, body, kept, this.#asking.seed, this.#sentences.language, this.#sentences.kept, this.#theme.wish, this.#precision, this.#told, this.#changing]);
  }

  #draw(mended = false) {
    if (!mended && this.#drawn === this.#shown) return;
    this.#drawn = this.#shown;
    const focused = this.#dialog.querySelector(":focus")?.id;
    const open = this.#dialog.querySelector("details")?.open;
    const close = make("button", { type: "button", className: "round", ariaLabel: this.#say("close"), textContent: "✕" });
    close.onclick = () => this.#dialog.close();
    const title = make("h2", { id: "settings-title", textContent: this.#say("title") });
    this.#dialog.setAttribute("aria-labelledby", title.id);
    const sampling = ["temperature", "top_k", "top_p", "repetition_penalty"].map((name) => this.#number(name));
    const advanced = make("details", { open: Boolean(open) }, make("summary", { textContent: this.#say("advanced") }), this.#reason("temperature"), ...sampling);
    this.#dialog.replaceChildren(
      make("header", {}, title, close),
      make("section", {}, make("h3", { textContent: this.#say("speech") }), this.#precisionRow(), this.#packets(), this.#seed(), this.#loudness(), advanced),
      make("section", {}, make("h3", { textContent: this.#say("page") }), this.#language(), this.#themes()),
    );
    if (focused) document.getElementById(focused)?.focus();
  }

  /** A label, a control and a line of help. */
  #row(name, control, help, ...more) {
    control.id = `setting-${name}`;
    const note = make("p", { id: `${control.id}-help`, className: "help", textContent: help });
    control.setAttribute("aria-describedby", note.id);
    return make("div", { className: "setting" }, make("label", { htmlFor: control.id, textContent: this.#say(name) }), control, note, ...more);
  }

  #select(name, options, value, help, choose) {
    const select = make("select", {}, ...options.map(([key, words]) => make("option", { value: String(key), textContent: words })));
    select.value = String(value);
    select.onchange = () => choose(select.value);
    return this.#row(name, select, help);
  }

  /** Why the engine would ignore `name`; "" if it does not. */
  #why(name) {
    return this.#settings.obeyed(name) ? "" : this.#say("ignored", { engine: this.#engine });
  }

  get #engine() {
    const { info } = this.#settings;
    return info?.preview === false ? info.label : this.#sentences.say("engine.preview");
  }

  #reason(name) {
    return make("p", { className: "help", textContent: this.#why(name) || this.#say("sampling.help") });
  }

  #precisionRow() {
    const { choices, precision, memory_bytes } = this.#precision;
    const able = choices.length > 0;
    const options = able ? choices.map((name) => [name, this.#say(`precision.${name}`)]) : [[precision, precision ?? "–"]];
    const now = memory_bytes ? this.#say("precision.now", { precision, gib: gib(memory_bytes) }) : "";
    const help = able ? `${this.#say("precision.help")} ${now}` : this.#say("ignored", { engine: this.#engine });
    const row = this.#select("precision", options, choices.includes(precision) ? precision : options[0][0], help, (name) => this.#switch(name));
    row.querySelector("select").disabled = !able || this.#changing;
    row.append(make("p", { className: "told", role: "status", textContent: this.#told }));
    return row;
  }

  async #switch(precision) {
    this.#changing = true;
    this.#told = this.#say("precision.changing");
    this.#draw();
    try {
      const { before, after, bytes_before, bytes_after, seconds } = await this.#api.patch(PRECISION, { precision });
      const params = { before, after, gib_before: gib(bytes_before), gib_after: gib(bytes_after), seconds: seconds.toFixed(1) };
      this.#told = this.#say("precision.changed", params);
    } catch (error) {
      this.#told = error.message;
    }
    this.#changing = false;
    await this.#ask();
  }

  #packets() {
    const options = [["", this.#say("packet_frames.auto")], ...CONTROLS.packet_frames.choices.map((frames) => [frames, `${frames * FRAME_MS} ms`])];
    const help = this.#why("packet_frames") || this.#say("packet_frames.help");
    const row = this.#select("packet_frames", options, this.#settings.get("packet_frames") ?? "", help, (value) => this.#settings.set("packet_frames", value ? Number(value) : null));
    row.querySelector("select").disabled = !this.#settings.obeyed("packet_frames");
    return row;
  }

  /** Locked: the same words sound the same again. The lock takes the seed of what was heard last. */
  #seed() {
    const { seed } = this.#asking;
    const lock = make("input", { type: "checkbox", checked: seed !== null });
    lock.setAttribute("role", "switch");
    lock.onchange = () => this.#asking.use({ seed: lock.checked ? Number(this.#player.stats.seed ?? 0) : null });
    const number = make("input", { type: "number", id: "setting-seed-number", min: 0, max: Number.MAX_SAFE_INTEGER, step: 1, value: seed ?? "", disabled: seed === null, ariaLabel: this.#say("seed.number") });
    number.onchange = () => {
      const wish = number.valueAsNumber;
      if (Number.isSafeInteger(wish) && wish >= 0) this.#asking.use({ seed: wish });
      else this.#draw(true);
    };
    return this.#row("seed", lock, this.#say("seed.help"), number);
  }

  #loudness() {
    const control = make("input", { type: "checkbox", checked: Boolean(this.#settings.get("loudness")) });
    control.setAttribute("role", "switch");
    control.onchange = () => this.#settings.set("loudness", control.checked);
    return this.#row("loudness", control, this.#say("loudness.help"));
  }

  #number(name) {
    const { min, max, step, usual } = CONTROLS[name];
    const control = make("input", { type: "number", min, max, step: "any", inputMode: "decimal", placeholder: String(usual), value: this.#settings.get(name) ?? "", disabled: !this.#settings.obeyed(name) });
    control.step = step === 1 ? "1" : "any";
    control.onchange = () => {
      const empty = control.value === "" && !control.validity.badInput;
      if (!this.#settings.set(name, empty ? null : control.valueAsNumber)) this.#draw(true);
    };
    return this.#row(name, control, this.#say("number.help", { min, max, usual }));
  }

  #language() {
    const options = [["", this.#say("auto")], ...this.#sentences.languages.map((code) => [code, this.#say(`language.${code}`)])];
    return this.#select("page_language", options, this.#sentences.kept ?? "", this.#say("page_language.help"), (code) => this.#sentences.use(code || null));
  }

  #themes() {
    const options = THEMES.map((wish) => [wish, this.#say(wish === "auto" ? "auto" : `theme.${wish}`)]);
    return this.#select("theme", options, this.#theme.wish, this.#say("theme.help"), (wish) => this.#theme.use(wish));
  }
}

const gib = (bytes) => (bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 2 : 1);
