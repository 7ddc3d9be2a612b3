// The presets of the chosen language as cards; choosing one writes its description. Also the description's counter.

import { byId, make } from "./dom.js";

export class Voices {
  #boot;
  #fields;
  #sentences;
  #language = null;

  constructor(boot, fields, sentences) {
    this.#boot = boot;
    this.#fields = fields;
    this.#sentences = sentences;
    fields.addEventListener("change", () => this.#edited());
    sentences.addEventListener("change", () => this.draw());
    this.draw();
  }

  /** Presets for `auto` are those of the page's own language. */
  get shown() {
    const language = this.#fields.language === "auto" ? this.#sentences.language : this.#fields.language;
    return this.#boot.presets.filter((preset) => preset.language === language);
  }

  #edited() {
    if (this.#language !== this.#fields.language) this.draw();
    else this.#mark();
  }

  draw() {
    this.#language = this.#fields.language;
    byId("presets").replaceChildren(...this.shown.map((preset) => this.#card(preset)));
    byId("presets").scrollTop = 0;
    this.#mark();
  }

  #card(preset) {
    const language = this.#sentences.language;
    const name = make("b", {}, preset.name[language]);
    if (preset.experimental) name.append(" ", make("span", { className: "badge", title: this.#sentences.say("voice.experimental.why") }, this.#sentences.say("voice.experimental")));
    const card = make("button", { type: "button", className: "preset", dataset: { id: preset.id } }, name, make("i", {}, preset.summary[language]));
    card.onclick = () => this.#fields.put({ description: preset.description });
    return card;
  }

  #mark() {
    const description = this.#fields.description.trim();
    for (const card of byId("presets").children) {
      const preset = this.#boot.presets.find((one) => one.id === card.dataset.id);
      card.ariaPressed = String(preset.description.trim() === description);
    }
    const limit = this.#boot.limits.description;
    const count = byId("description-count");
    count.textContent = `${description.length} / ${limit}`;
    count.classList.toggle("over", description.length > limit);
  }
}
