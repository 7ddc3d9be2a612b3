// What the person typed and chose: read from Gradio's components, put back into them, and kept in the browser as a draft,
// so that no error, reload or closed tab loses it. "change" is dispatched after every edit.

import { byId } from "./dom.js";

const STORED = "qwen3tts.draft";
const NAMES = ["text", "language", "description"];

export class Fields extends EventTarget {
  language = "auto";
  #putting = null;

  constructor() {
    super();
    for (const id of ["text", "description"]) this.area(id).addEventListener("input", () => this.#changed());
  }

  area(id) {
    return document.querySelector(`#${id} textarea`);
  }

  get text() {
    return this.area("text").value;
  }

  get description() {
    return this.area("description").value;
  }

  /** What was left here the last time; {} if nothing. */
  get draft() {
    try {
      return JSON.parse(localStorage.getItem(STORED)) ?? {};
    } catch {
      return {};
    }
  }

  /** Put `values` ({text, language, description}, or some of them) into the components. */
  put(values) {
    this.#putting = values;
    byId("put").click(); // Gradio then asks for `taken()`
  }

  /** What a `put` wants each component to hold, in the order of its outputs. */
  taken() {
    const values = { text: this.text, language: this.language, description: this.description, ...this.#putting };
    this.#putting = null;
    this.language = values.language;
    setTimeout(() => this.#changed(), 0); // once Svelte has written them
    return NAMES.map((name) => values[name]);
  }

  /** The person chose `language` in the dropdown. */
  chose(language) {
    if (language === this.language) return;
    this.language = language;
    this.#changed();
  }

  #changed() {
    const { text, language, description } = this;
    try {
      localStorage.setItem(STORED, JSON.stringify({ text, language, description }));
    } catch {
      // private browsing without storage: the draft lives as long as the page
    }
    this.dispatchEvent(new Event("change"));
  }
}
