// Popovers that open next to the pressed button: one at a time, closed by Escape, by a click elsewhere, or by a choice in them.

import { h } from "./dom.js";

/** A new, empty popover. */
export function createPopover(id) {
  const popover = h("div", { id, className: "panel", role: "dialog", tabIndex: -1 });
  popover.popover = "auto";
  closeOnEscape(popover);
  document.body.append(popover);
  return popover;
}

/** Make Escape close `popover` and not stop the speech as well. */
export function closeOnEscape(popover) {
  popover.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    event.preventDefault();
    popover.hidePopover();
  });
}

/** Open `popover` next to `anchor`, inside the window. Focus moves to `first`, and returns when it closes. */
export function openAnchored(popover, anchor, first) {
  const focusedBefore = document.activeElement;
  popover.showPopover();
  moveNextTo(popover, anchor);
  (first ?? popover).focus({ preventScroll: true });
  const restoreFocus = (event) => {
    if (event.newState !== "closed") return;
    popover.removeEventListener("toggle", restoreFocus);
    const { activeElement } = document;
    if (popover.contains(activeElement) || activeElement === document.body) {
      focusedBefore?.focus?.({ preventScroll: true });
    }
  };
  popover.addEventListener("toggle", restoreFocus);
}

/** Move an open popover next to `anchor`, inside the window: after opening, or when its size has changed. */
export function moveNextTo(popover, anchor) {
  const [box, size] = [anchor.getBoundingClientRect(), popover.getBoundingClientRect()];
  const [width, height] = [document.documentElement.clientWidth, window.innerHeight];
  const below = box.bottom + 6 + size.height <= height || box.top < size.height + 6;
  const top = below ? box.bottom + 6 : box.top - size.height - 6;
  popover.style.left = `${Math.max(12, Math.min(box.right - size.width, width - size.width - 12))}px`;
  popover.style.top = `${Math.max(12, Math.min(top, height - size.height - 12))}px`;
}

const CONFIRM_MS = 4000;

/** Make `button` ask `question()` on the first click and run `action` on the second. */
export function confirmOnSecondClick(button, question, action) {
  let timer = null;
  let label = "";
  const reset = () => {
    clearTimeout(timer);
    timer = null;
    button.textContent = label;
    button.classList.remove("confirming");
  };
  button.addEventListener("click", () => {
    if (timer !== null) {
      reset();
      action();
      return;
    }
    label = button.textContent;
    button.textContent = question();
    button.classList.add("confirming");
    timer = setTimeout(reset, CONFIRM_MS);
  });
}
