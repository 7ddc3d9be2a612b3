// In: the messages of every page language. Out: messages by key, and a page in one language: elements with `data-i18n` (text),
// `data-i18n-label` (aria-label and tooltip) or `data-i18n-group` (aria-label), and Gradio's components by their elem_id:
// "<elem_id>.label" and "<elem_id>.placeholder". Switching never touches what was typed.

const STORAGE_KEY = "qwen3tts.language";

export class I18n extends EventTarget {
  #catalogs; // language -> {key: message}
  #configured;
  language;

  constructor(catalogs, configured) {
    super();
    this.#catalogs = catalogs;
    this.#configured = configured;
    this.#choose();
  }

  /** The chosen language; null when the page follows the browser. */
  get choice() {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored in this.#catalogs ? stored : null;
  }

  #choose() {
    const preferred = [this.choice, this.#configured, ...navigator.languages.map((tag) => tag.split("-")[0])];
    this.language = preferred.find((language) => language in this.#catalogs) ?? "en";
  }

  get languages() {
    return Object.keys(this.#catalogs);
  }

  /** The message `key` with `{name}` filled in; the key itself where it is missing, which makes the gap visible. */
  t(key, params = {}) {
    const message = this.#catalogs[this.language][key] ?? key;
    return message.replace(/\{(\w+)\}/g, (placeholder, name) => params[name] ?? placeholder);
  }

  has(key) {
    return key in this.#catalogs[this.language];
  }

  /** Switch to `language`; null follows the browser again. */
  setLanguage(language) {
    if (language) localStorage.setItem(STORAGE_KEY, language);
    else localStorage.removeItem(STORAGE_KEY);
    this.#choose();
    this.apply();
    this.dispatchEvent(new Event("change"));
  }

  /** Write all messages into the page. */
  apply() {
    document.documentElement.lang = this.language === "zh" ? "zh-CN" : this.language;
    document.title = this.t("page.title");
    const each = (selector, update) => document.querySelectorAll(selector).forEach(update);
    each("[data-i18n]", (element) => (element.textContent = this.t(element.dataset.i18n)));
    each("[data-i18n-label]", (element) => (element.ariaLabel = element.title = this.t(element.dataset.i18nLabel)));
    each("[data-i18n-group]", (element) => (element.ariaLabel = this.t(element.dataset.i18nGroup)));
    for (const key of Object.keys(this.#catalogs[this.language])) {
      const [id, part] = key.split(".");
      if (part !== "label" && part !== "placeholder") continue; // looking for an element is slow
      if (part === "label") setLabel(document.querySelector(`#${id} [data-testid="block-info"]`), this.t(key));
      const field = document.querySelector(`#${id} textarea, #${id} input`);
      if (part === "label" && field?.ariaLabel) field.ariaLabel = this.t(key);
      if (part === "placeholder" && field) field.placeholder = this.t(key);
    }
  }
}

/** Change the text of a Gradio label; Svelte's own marker nodes in it stay in place. */
function setLabel(label, text) {
  const isText = (node) => node.nodeType === Node.TEXT_NODE && node.data.trim();
  const node = label && Array.from(label.childNodes).find(isText);
  if (node) node.data = text;
}
