// Messages with an "Undo" button after something was deleted, each for eight seconds. In: the message and what undoes it. They are part of
// the open dialog, which makes the rest of the page inert, or of the page; when the dialog closes, they move to the page.

import { h } from "./dom.js";

export const UNDO_S = 8;
const pending = new Set(); // of functions that end the time to undo
const stack = h("div", { className: "undo-toasts", role: "status" });

/** Show `message` for `seconds`; `undo` runs on a click, `onExpire` when it is too late. */
export function showUndo(message, label, undo, { onExpire = () => {}, seconds = UNDO_S } = {}) {
  const button = h("button", { type: "button", className: "button-outline" }, label);
  const toast = h("div", { className: "undo-toast" }, h("span", {}, message), button);
  const end = (then) => {
    clearTimeout(timer);
    pending.delete(expire);
    toast.remove();
    then();
  };
  const expire = () => end(onExpire);
  const timer = setTimeout(expire, 1000 * seconds);
  pending.add(expire);
  button.onclick = () => end(undo);
  moveStack();
  stack.append(toast);
}

function moveStack() {
  const dialog = document.querySelector("dialog[open]");
  (dialog ?? document.querySelector(".gradio-container")).append(stack);
  dialog?.addEventListener("close", moveStack, { once: true });
}

addEventListener("pagehide", () => pending.forEach((expire) => expire())); // what was deleted stays deleted
