// Light or dark: as the system prefers, until one is chosen. Gradio is dark where the body has the class "dark".

const STORAGE_KEY = "qwen3tts.theme";
export const THEMES = ["auto", "light", "dark"];

export class Theme extends EventTarget {
  #system = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    super();
    this.#system.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  /** One of `THEMES`. */
  get choice() {
    const stored = localStorage.getItem(STORAGE_KEY);
    return THEMES.includes(stored) ? stored : "auto";
  }

  get isDark() {
    return this.choice === "auto" ? this.#system.matches : this.choice === "dark";
  }

  set(choice) {
    localStorage.setItem(STORAGE_KEY, choice);
    this.#apply();
    this.dispatchEvent(new Event("change"));
  }

  toggle() {
    this.set(this.isDark ? "light" : "dark");
  }

  #apply() {
    const { isDark } = this;
    document.body.classList.toggle("dark", isDark);
    document.documentElement.style.colorScheme = isDark ? "dark" : "light";
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) {
      meta.content = isDark ? "#0f1113" : "#f6f6f3";
    }
  }
}
