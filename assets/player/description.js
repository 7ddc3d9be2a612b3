// Help with describing a voice: which dimensions are said and which are missing, words to insert, a surprise, worked examples,
// the counter, and a warning for a language that the model does not read.

import { byId, make } from "./dom.js";
import { openBeside, panel } from "./sheet.js";
import { DIMENSIONS } from "./traits.js";

export class Description {
  area;
  #fields;
  #sentences;
  #writing;
  #reader;
  #boot;
  #api;
  #words = panel("trait-words");
  #help = panel("examples");
  #chips = {};

  constructor({ fields, sentences, writing, reader, boot, api }) {
    this.area = fields.area("description");
    this.#fields = fields;
    this.#sentences = sentences;
    this.#writing = writing;
    this.#reader = reader;
    this.#boot = boot;
    this.#api = api;
    byId("surprise").onclick = () => this.#surprise();
    byId("examples-open").onclick = () => this.#showExamples();
    for (const dimension of DIMENSIONS) {
      const chip = make("button", { type: "button", className: "chip", ariaHasPopup: "dialog", dataset: { dimension } });
      chip.onclick = () => this.#showWords(dimension, chip);
      this.#chips[dimension] = chip;
    }
    byId("checklist").prepend(...Object.values(this.#chips));
    fields.addEventListener("change", () => this.draw());
    sentences.addEventListener("change", () => this.draw());
    this.draw();
  }

  /** Chinese if the description is, else English; an empty one is begun in the page's language. */
  get language() {
    const { description } = this.#fields;
    return (description.trim() ? this.#writing.guess(description) : this.#sentences.language) === "zh" ? "zh" : "en";
  }

  draw() {
    const { description } = this.#fields;
    const missing = this.#reader.missing(description);
    for (const dimension of DIMENSIONS) {
      const has = !missing.includes(dimension);
      const chip = this.#chips[dimension];
      const name = this.#sentences.say(`traits.${dimension}`);
      chip.dataset.has = has;
      chip.textContent = `${name} ${has ? "✓" : "+"}`;
      chip.ariaLabel = this.#sentences.say(has ? "traits.said" : "traits.unsaid", { name });
    }
    const limit = this.#boot.limits.description;
    const length = Array.from(description).length;
    const count = byId("description-count");
    count.textContent = `${length.toLocaleString("en")} / ${limit.toLocaleString("en")}`;
    count.classList.toggle("over", length > limit);
    this.#hint(description.trim(), missing, length > limit);
  }

  #hint(description, missing, over) {
    const say = (key, params) => this.#sentences.say(key, params);
    const hint = byId("description-hint");
    const language = description ? this.#writing.guess(description) : "en";
    const foreign = !["zh", "en"].includes(language);
    hint.classList.toggle("over", over);
    hint.classList.toggle("warn", foreign && !over);
    const names = missing.map((dimension) => say(`traits.${dimension}`)).join(say("list.comma"));
    const params = { names, limit: this.#boot.limits.description };
    if (over) hint.textContent = say("description.over", params);
    else if (foreign) hint.textContent = say("description.foreign", { language: new Intl.DisplayNames([this.#sentences.language], { type: "language" }).of(language) });
    else if (!description) hint.textContent = say("description.empty");
    else hint.textContent = say(missing.length ? "description.missing" : "description.full", params);
  }

  #showWords(dimension, chip) {
    const { language } = this;
    const page = this.#sentences.language;
    const traits = this.#boot.writing.traits.filter((trait) => trait.dimension === dimension);
    const buttons = traits.map((trait) => make("button", { type: "button", className: "chip", title: trait.insert[language], onclick: () => this.#insert(trait.insert[language], language) }, trait.name[page]));
    const title = this.#sentences.say(`traits.${dimension}`);
    this.#words.ariaLabel = title;
    this.#words.replaceChildren(make("h3", {}, title), make("p", { className: "soft" }, this.#sentences.say(`traits.${dimension}.why`)), make("div", { className: "chips" }, ...buttons));
    openBeside(this.#words, chip, buttons[0]);
  }

  /** Put `words` where the cursor is, with the comma that belongs there. */
  #insert(words, language) {
    this.#words.hidePopover();
    const { area } = this;
    const [before, after] = [area.value.slice(0, area.selectionStart), area.value.slice(area.selectionEnd)];
    const comma = language === "zh" ? "，" : ", ";
    const left = !before.trim() || /[，。；：、,.;:!?！？]\s*$/.test(before) ? (language === "en" && /[,.;:]$/.test(before) ? " " : "") : comma;
    const right = !after.trim() || /^\s*[，。；：、,.;:!?！？]/.test(after) ? "" : comma;
    area.focus();
    area.setRangeText(left + words + right, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async #surprise() {
    try {
      const { description } = await this.#api.get(`studio/surprise.json?language=${this.language}`);
      this.#fields.put({ description });
    } catch {
      // the program is away; the header says so
    }
  }

  #showExamples() {
    const page = this.#sentences.language;
    const { language } = this;
    const cards = this.#boot.examples.map((example) => {
      const use = () => {
        this.#help.hidePopover();
        this.#fields.put({ description: example.description[language] });
      };
      return make("button", { type: "button", className: "example", onclick: use }, make("b", {}, example.title[page]), make("q", {}, example.description[language]), make("i", {}, example.why[page]));
    });
    const title = this.#sentences.say("examples.title");
    this.#help.ariaLabel = title;
    this.#help.replaceChildren(make("h3", {}, title), make("p", { className: "soft" }, this.#sentences.say("examples.how")), ...cards);
    openBeside(this.#help, byId("examples-open"), cards[0]);
  }
}
