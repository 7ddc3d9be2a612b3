// Light or dark: as the system wants, until the person says otherwise. Gradio draws dark where the body has the class.

import { byId } from "./dom.js";

const STORED = "qwen3tts.theme";
export const THEMES = ["auto", "light", "dark"];

export class Theme extends EventTarget {
  #system = matchMedia("(prefers-color-scheme: dark)");

  constructor() {
    super();
    this.#system.addEventListener("change", () => this.#apply());
    byId("theme").onclick = () => this.use(this.dark ? "light" : "dark");
    this.#apply();
  }

  /** One of `THEMES`. */
  get wish() {
    const kept = localStorage.getItem(STORED);
    return THEMES.includes(kept) ? kept : "auto";
  }

  get dark() {
    return this.wish === "auto" ? this.#system.matches : this.wish === "dark";
  }

  use(wish) {
    localStorage.setItem(STORED, wish);
    this.#apply();
    this.dispatchEvent(new Event("change"));
  }

  #apply() {
    document.body.classList.toggle("dark", this.dark);
    document.documentElement.style.colorScheme = this.dark ? "dark" : "light";
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) meta.content = this.dark ? "#0f1113" : "#f6f6f3";
  }
}
