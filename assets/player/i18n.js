// In: the sentences of every page language. Out: sentences by key, and a page that speaks one of them: elements with
// `data-i18n` (text) or `data-i18n-label` (aria-label and tooltip) or
// `data-i18n-group` (aria-label), and Gradio's components by their elem_id:
// "<elem_id>.label" and "<elem_id>.placeholder". Switching touches words only, never what was typed.

const STORED = "qwen3tts.language";

export class Sentences extends EventTarget {
  #all;
  #wanted;
  language;

  constructor(all, wanted) {
    super();
    this.#all = all;
    this.#wanted = wanted;
    this.#choose();
  }

  /** The language that the person chose; null when it follows the browser. */
  get kept() {
    const kept = localStorage.getItem(STORED);
    return kept in this.#all ? kept : null;
  }

  #choose() {
    const wishes = [this.kept, this.#wanted, ...navigator.languages.map((tag) => tag.split("-")[0])];
    this.language = wishes.find((wish) => wish in this.#all) ?? "en";
  }

  get languages() {
    return Object.keys(this.#all);
  }

  /** The sentence `key` with `{name}` filled in; the key itself where there is none, so that a gap is seen. */
  say(key, params = {}) {
    const sentence = this.#all[this.language][key] ?? key;
    return sentence.replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);
  }

  has(key) {
    return key in this.#all[this.language];
  }

  /** Speak `language` from now on; null follows the browser again. */
  use(language) {
    if (language) localStorage.setItem(STORED, language);
    else localStorage.removeItem(STORED);
    this.#choose();
    this.apply();
    this.dispatchEvent(new Event("change"));
  }

  apply() {
    document.documentElement.lang = this.language === "zh" ? "zh-CN" : this.language;
    document.title = this.say("page.title");
    for (const element of document.querySelectorAll("[data-i18n]")) element.textContent = this.say(element.dataset.i18n);
    for (const element of document.querySelectorAll("[data-i18n-label]")) {
      element.ariaLabel = element.title = this.say(element.dataset.i18nLabel);
    }
    for (const element of document.querySelectorAll("[data-i18n-group]")) element.ariaLabel = this.say(element.dataset.i18nGroup);
    for (const key of Object.keys(this.#all[this.language])) {
      const [id, part] = key.split(".");
      if (part === "label") relabel(document.querySelector(`#${id} [data-testid="block-info"]`), this.say(key));
      const field = document.querySelector(`#${id} textarea, #${id} input`);
      if (part === "label" && field?.ariaLabel) field.ariaLabel = this.say(key);
      if (part === "placeholder" && field) field.placeholder = this.say(key);
    }
  }
}

/** Change the words of a Gradio label and leave its markers, by which Svelte finds its way, in place. */
function relabel(label, words) {
  const text = label && Array.from(label.childNodes).find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (text) text.data = words;
}
