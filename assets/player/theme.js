// Light or dark: as the system wants, until the person says otherwise. Gradio draws dark where the body has the class.

import { byId } from "./dom.js";

const STORED = "qwen3tts.theme";

export function followTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.body.classList.toggle("dark", localStorage.getItem(STORED) ? localStorage.getItem(STORED) === "dark" : system.matches);
  system.addEventListener("change", apply);
  byId("theme").onclick = () => {
    localStorage.setItem(STORED, document.body.classList.contains("dark") ? "light" : "dark");
    apply();
  };
  apply();
}
