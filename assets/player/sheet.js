// Panels that open beside what was pressed: one on top of the page, closed by Escape, by a click elsewhere, or by choosing.

import { make } from "./dom.js";

/** An empty panel, to be filled; `label` is read to those who do not see it. */
export function panel(id) {
  const sheet = make("div", { id, className: "panel", role: "dialog", tabIndex: -1 });
  sheet.popover = "auto";
  sheet.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // Escape closes this, and does not stop the speech as well
    event.preventDefault();
    sheet.hidePopover();
  });
  document.body.append(sheet);
  return sheet;
}

/** Open `sheet` beside `anchor`, inside the window; the focus goes to `first` and comes back when it closes. */
export function openBeside(sheet, anchor, first) {
  const from = document.activeElement;
  sheet.showPopover();
  const [at, size] = [anchor.getBoundingClientRect(), sheet.getBoundingClientRect()];
  const [width, height] = [document.documentElement.clientWidth, window.innerHeight];
  const below = at.bottom + 6 + size.height <= height || at.top < size.height + 6;
  sheet.style.left = `${Math.max(12, Math.min(at.right - size.width, width - size.width - 12))}px`;
  sheet.style.top = `${Math.max(12, Math.min(below ? at.bottom + 6 : at.top - size.height - 6, height - size.height - 12))}px`;
  (first ?? sheet).focus({ preventScroll: true });
  const back = (event) => {
    if (event.newState !== "closed") return;
    sheet.removeEventListener("toggle", back);
    if (sheet.contains(document.activeElement) || document.activeElement === document.body) from?.focus?.({ preventScroll: true });
  };
  sheet.addEventListener("toggle", back);
}

/** A button that asks once more before it does `act`. */
export function askFirst(button, again, act) {
  let waiting = null;
  const calm = () => {
    clearTimeout(waiting);
    waiting = null;
    button.textContent = button.dataset.words;
    button.classList.remove("sure");
  };
  button.addEventListener("click", () => {
    if (waiting !== null) {
      calm();
      act();
      return;
    }
    button.dataset.words = button.textContent;
    button.textContent = again();
    button.classList.add("sure");
    waiting = setTimeout(calm, 4000);
  });
}
