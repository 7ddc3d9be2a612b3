// Text, language and description: read from Gradio's components, written back to them, and stored in the browser as a draft, so that
// no error, reload or closed tab loses them. A "change" event follows each edit.

import { readTab, writeTab } from "./tab_storage.js";

const STORAGE_KEY = "qwen3tts.draft";
const NAMES = ["text", "language", "description"];

export class FormFields extends EventTarget {
  language = "auto";
  #pending = null;

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

  /** The stored draft; {} without one. */
  get draft() {
    return readTab(STORAGE_KEY) ?? {};
  }

  /** Write `values` (some of {text, language, description}) to the components. */
  setValues(values) {
    this.#pending = { ...this.#pending, ...values };
    document.getElementById("apply-values").click(); // Gradio then calls `takePendingValues()`
  }

  /** The value for each component after `setValues`, in the order of Gradio's outputs. */
  takePendingValues() {
    const values = { text: this.text, language: this.language, description: this.description, ...this.#pending };
    this.#pending = null;
    this.language = values.language;
    setTimeout(() => this.#changed(), 0); // once Svelte has written them
    return NAMES.map((name) => values[name]);
  }

  /** `language` was chosen in the dropdown. */
  onLanguageChange(language) {
    if (language === this.language) return;
    this.language = language;
    this.#changed();
  }

  #changed() {
    const { text, language, description } = this;
    writeTab(STORAGE_KEY, { text, language, description });
    this.dispatchEvent(new Event("change"));
  }
}
