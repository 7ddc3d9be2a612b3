// A message with an "Undo" button after something was deleted. In: the message and what undoes it. It is part of the open dialog, which
// makes the rest of the page inert, or of the page.

import { h } from "./dom.js";

const UNDO_S = 8;
let current = null; // {element, timer, onExpire}

/** Show `message`; `undo` runs on a click within eight seconds, `onExpire` when it is too late. */
export function showUndo(message, label, undo, onExpire = () => {}) {
  current?.close();
  const button = h("button", { type: "button", className: "button-outline" }, label);
  const element = h("div", { className: "undo-toast", role: "status" }, h("span", {}, message), button);
  const close = (expired = true) => {
    clearTimeout(timer);
    element.remove();
    if (current?.element === element) current = null;
    if (expired) onExpire();
  };
  const timer = setTimeout(close, 1000 * UNDO_S);
  button.onclick = () => {
    close(false);
    undo();
  };
  current = { element, close };
  (document.querySelector("dialog[open]") ?? document.querySelector(".gradio-container")).append(element);
}

addEventListener("pagehide", () => current?.close()); // what was deleted stays deleted
