// Help with describing a voice: which dimensions the description covers, words to insert, a surprise, worked examples, the character
// count, and a warning for a language that the model does not read. The server reads the description (DescriptionAnalyzer).

import { byId, h, setText } from "../../components/dom.js";
import { createPopover, openAnchored } from "../../components/popover.js";
import { swapTrait } from "../../text/trait_swap.js";

const SINGLE = ["gender", "age", "pitch", "pace"]; // of these a voice has one
const YOUNG = ["child", "teen", "young"]; // a boy may be of any of these ages

export class Description {
  #fields;
  #i18n;
  #analyzer;
  #bootstrap;
  #api;
  #wordsPopover = createPopover("trait-words");
  #examplesPopover = createPopover("examples");
  #chips = {}; // by dimension
  #engine = ""; // the name of the active engine

  constructor({ fields, i18n, analyzer, bootstrap, api }) {
    this.#fields = fields;
    this.#i18n = i18n;
    this.#analyzer = analyzer;
    this.#bootstrap = bootstrap;
    this.#api = api;
    byId("surprise").onclick = () => this.#surprise();
    byId("examples-open").onclick = () => this.#showExamples();
    for (const dimension of new Set(bootstrap.traits.map((trait) => trait.dimension))) {
      const chip = h("button", { type: "button", className: "chip", ariaHasPopup: "dialog", dataset: { dimension } });
      chip.onclick = () => this.#showWords(dimension, chip);
      this.#chips[dimension] = chip;
    }
    byId("checklist").prepend(...Object.values(this.#chips));
    fields.addEventListener("change", () => this.#onEdit());
    for (const source of [analyzer, i18n]) source.addEventListener("change", () => this.draw());
    this.#onEdit();
  }

  setEngine({ preview, model }) {
    this.#engine = preview ? null : model;
    this.#onEdit();
  }

  #onEdit() {
    this.#analyzer.update(this.#fields.description, this.#fields.language);
    this.draw();
  }

  /** The language of suggestions: that of the description, or the page's for an empty one. */
  get language() {
    return (this.#analyzer.language ?? this.#i18n.language) === "zh" ? "zh" : "en";
  }

  draw() {
    const { description } = this.#fields;
    for (const [dimension, chip] of Object.entries(this.#chips)) this.#drawChip(dimension, chip);
    const limit = this.#bootstrap.limits.description;
    const length = Array.from(description).length;
    const isOver = length > limit;
    const count = byId("description-count");
    count.textContent = `${length.toLocaleString("en")} / ${limit.toLocaleString("en")}`;
    count.classList.toggle("over", isOver);
    this.#showHint(Boolean(description.trim()), isOver);
  }

  /** The present value of a dimension; green only if the engine follows it. */
  #drawChip(dimension, chip) {
    const name = this.#i18n.t(`traits.${dimension}`);
    const mentions = this.#mentionsOf(dimension);
    const ids = [...new Set(mentions.map(({ id }) => id))];
    const has = mentions.some(({ followed }) => followed);
    chip.dataset.has = has || (mentions.length ? "ignored" : false);
    const more = ids.length > 1 && !SINGLE.includes(dimension) ? ` +${ids.length - 1}` : "";
    const value = ids.length ? `${this.#traitName(dimension, ids[0])}${more}` : "";
    setText(chip, value ? `${name}: ${value}` : `${name} +`);
    const params = { name, value };
    const key = !ids.length ? "unsaid" : has ? "said" : "ignored";
    chip.ariaLabel = chip.title = this.#i18n.t(`traits.${key}`, params);
  }

  #mentionsOf(dimension) {
    return this.#analyzer.mentions.filter((mention) => mention.dimension === dimension);
  }

  #traitName(dimension, id) {
    const trait = this.#bootstrap.traits.find((one) => one.dimension === dimension && one.id === id);
    return trait.name[this.#i18n.language].toLocaleLowerCase();
  }

  /** The words that contradict each other, of the first dimension that has such; null without. */
  get #contradiction() {
    for (const dimension of SINGLE) {
      const mentions = this.#mentionsOf(dimension);
      for (const first of mentions) {
        const second = mentions.find(({ id }) => contradict(dimension, first.id, id));
        if (second) return { first: first.words, second: second.words };
      }
    }
    return null;
  }

  /** What the engine follows and what it ignores; null if it follows all. */
  get #followed() {
    const { mentions } = this.#analyzer;
    if (mentions.every(({ followed }) => followed)) return null;
    const list = (some) => [...new Set(some.map(({ words }) => words))].join(this.#i18n.t("list.comma"));
    const [yes, no] = [mentions.filter(({ followed }) => followed), mentions.filter(({ followed }) => !followed)];
    const engine = this.#engine ?? this.#i18n.t("engine.preview.name");
    const sentences = [this.#i18n.t("description.ignored", { engine, names: list(no) })];
    if (yes.length) sentences.unshift(this.#i18n.t("description.followed", { engine, names: list(yes) }));
    return sentences.join(this.#i18n.language === "zh" ? "" : " ");
  }

  #showHint(hasText, isOver) {
    const t = (key, params) => this.#i18n.t(key, params);
    const { language, missing } = this.#analyzer;
    const contradiction = hasText && this.#contradiction;
    const hint = byId("description-hint");
    const isForeign = hasText && language !== null && !["zh", "en"].includes(language);
    hint.classList.toggle("over", isOver);
    hint.classList.toggle("warn", Boolean(isForeign || contradiction) && !isOver);
    if (isOver) setText(hint, t("description.over", { limit: this.#bootstrap.limits.description }));
    else if (isForeign) setText(hint, t("description.foreign", { language: this.#languageName(language) }));
    else if (!hasText) setText(hint, t("description.empty"));
    else if (contradiction) setText(hint, t("description.contradiction", contradiction));
    else if (this.#followed) setText(hint, this.#followed);
    else if (missing) {
      const names = missing.map((dimension) => t(`traits.${dimension}`)).join(t("list.comma"));
      setText(hint, t(missing.length ? "description.missing" : "description.full", { names }));
    }
    hint.title = hint.textContent;
  }

  #languageName(code) {
    return new Intl.DisplayNames([this.#i18n.language], { type: "language" }).of(code);
  }

  #showWords(dimension, chip) {
    const { language } = this;
    const traits = this.#bootstrap.traits.filter((trait) => trait.dimension === dimension);
    const buttons = traits.map((trait) => {
      const onclick = () => this.#use(trait, language);
      const name = trait.name[this.#i18n.language];
      const ariaPressed = String(this.#mentionsOf(dimension).some(({ id }) => id === trait.id));
      const title = trait.insert[language];
      return h("button", { type: "button", className: "chip", title, ariaPressed, onclick }, name);
    });
    const title = this.#i18n.t(`traits.${dimension}`);
    const why = this.#i18n.t(`traits.${dimension}.why`);
    this.#wordsPopover.ariaLabel = title;
    this.#wordsPopover.replaceChildren(
      h("h3", {}, title),
      h("p", { className: "muted" }, why),
      h("div", { className: "chips" }, ...buttons),
    );
    openAnchored(this.#wordsPopover, chip, buttons[0]);
  }

  /** Replace the words of this dimension by those of `trait`, or insert them where there are none. */
  #use(trait, language) {
    this.#wordsPopover.hidePopover();
    const { traits, trait_swaps: swaps } = this.#bootstrap;
    const mentions = this.#mentionsOf(trait.dimension);
    if (mentions.some(({ id }) => id === trait.id)) return;
    const { description } = this.#fields;
    const swapped = swapTrait(description, mentions, trait, { traits, swaps }, language);
    if (swapped === null) this.#insert(trait.insert[language], language);
    else this.#fields.setValues({ description: swapped });
  }

  /** Insert `words` at the caret, with commas where they are needed. */
  #insert(words, language) {
    const area = this.#fields.area("description");
    const stop = area.value.match(/[.。]\s*$/);
    if (stop && area.selectionStart > stop.index) area.setSelectionRange(stop.index, stop.index); // into the last sentence
    const [before, after] = [area.value.slice(0, area.selectionStart), area.value.slice(area.selectionEnd)];
    const comma = language === "zh" ? "，" : ", ";
    const space = language === "en" && /[,.;:]$/.test(before) ? " " : "";
    const left = !before.trim() || /[，。；：、,.;:!?！？]\s*$/.test(before) ? space : comma;
    const right = !after.trim() || /^\s*[，。；：、,.;:!?！？]/.test(after) ? "" : comma;
    area.focus();
    area.setRangeText(left + words + right, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  async #surprise() {
    try {
      const { description } = await this.#api.get(`studio/surprise.json?language=${this.language}`);
      this.#fields.setValues({ description });
    } catch {
      // the server cannot be reached; the header shows it
    }
  }

  #showExamples() {
    const { language } = this;
    const cards = this.#bootstrap.examples.map((example) => this.#exampleCard(example, language));
    const title = this.#i18n.t("examples.title");
    const how = h("p", { className: "muted" }, this.#i18n.t("examples.how"));
    this.#examplesPopover.ariaLabel = title;
    this.#examplesPopover.replaceChildren(h("h3", {}, title), how, ...cards);
    openAnchored(this.#examplesPopover, byId("examples-open"), cards[0]);
  }

  #exampleCard(example, language) {
    const page = this.#i18n.language;
    const onclick = () => {
      this.#examplesPopover.hidePopover();
      this.#fields.setValues({ description: example.description[language] });
    };
    return h(
      "button",
      { type: "button", className: "example", onclick },
      h("b", {}, example.title[page]),
      h("q", {}, example.description[language]),
      h("i", {}, example.why[page]),
    );
  }
}

/** Whether no voice has both values: "steady, slightly brisk" is a nuance, "slow, brisk" is not. */
function contradict(dimension, one, other) {
  if (one === other || [one, other].includes("medium")) return false;
  return dimension !== "age" || ![one, other].every((id) => YOUNG.includes(id));
}
