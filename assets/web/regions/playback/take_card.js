// One take as a chip. In: a record of `Takes` and how the strip sees it. Out: an element that is updated in place; its buttons call
// `actions`, and all details show in a tip while it is pointed at or focused. User text enters as textContent only.

import { h, setText } from "../../components/dom.js";
import { drawPeaks } from "../../components/mini_waveform.js";

const HOLD_MS = 300;
const GAP = 8; // px between a chip and its tip

export class TakeCard {
  #i18n;
  #actions;
  #letter = h("b");
  #canvas = h("canvas", { ariaHidden: "true" });
  #difference = h("span", { className: "difference", dir: "auto" });
  #play = h("button", { type: "button", className: "hear" }, this.#letter, this.#canvas, this.#difference);
  #keep = h("button", { type: "button", className: "keep" });
  #tip = h("div", { className: "panel take-tip", popover: "manual" });
  #details = [];
  element = h("div", { className: "take" }, this.#play, this.#keep, this.#tip);

  constructor(i18n, actions) {
    this.#i18n = i18n;
    this.#actions = actions;
    this.#keep.onclick = () => actions.bringBack();
    this.#listenOnPlay();
    for (const type of ["pointerenter", "focusin"]) this.element.addEventListener(type, () => this.#showTip());
    for (const type of ["pointerleave", "focusout"]) this.element.addEventListener(type, () => this.#tip.hidePopover());
  }

  /** A click plays; holding plays this take from the same place and returns on release. */
  #listenOnPlay() {
    let timer = null;
    let held = false;
    this.#play.addEventListener("pointerdown", () => {
      held = false;
      timer = setTimeout(() => {
        held = this.#actions.canFlip();
        if (held) this.#actions.flip();
      }, HOLD_MS);
    });
    const release = () => {
      clearTimeout(timer);
      if (held) this.#actions.flipBack();
    };
    for (const type of ["pointerup", "pointercancel"]) this.#play.addEventListener(type, release);
    this.#play.onclick = () => (held ? (held = false) : this.#actions.hear());
  }

  /** Show `take`; `view` is {letter, isCurrent, isPlaying, isHidden, difference, newLines, voiceName, hasOtherText, played}. */
  update(take, view) {
    const t = (key, params) => this.#i18n.t(key, params);
    const { letter, isCurrent, isPlaying, isHidden } = view;
    const isDone = take.state === "done";
    Object.assign(this.element.dataset, { state: take.state, here: isCurrent, blind: isHidden });
    setText(this.#letter, letter);
    this.#play.disabled = !isDone;
    this.#play.ariaLabel = t(isCurrent && isPlaying ? "takes.pause" : "takes.hear", { letter });
    this.#showDifference(take, view);
    setText(this.#keep, isHidden ? t("takes.keep") : "↶");
    this.#keep.ariaLabel = t(isHidden ? "takes.keep.of" : "takes.restore.of", { letter });
    this.#keep.hidden = !isDone;
    drawPeaks(this.#canvas, take.peaks, view.played);
  }

  #showDifference(take, { isHidden, difference, newLines, voiceName, hasOtherText }) {
    const t = (key, params) => this.#i18n.t(key, params);
    this.#details = [];
    if (take.state !== "done") return setText(this.#difference, t(`line.state.${take.state}`));
    if (isHidden) return this.#difference.replaceChildren();
    const phrases = (tag, list) => list.map((phrase) => [tag, phrase]);
    const words = [...phrases("ins", difference.added), ...phrases("del", difference.removed)];
    if (voiceName) words.unshift(["span", voiceName]);
    if (newLines.length) words.push(["span", t("takes.new_lines", { lines: newLines.join(", ") })]);
    if (!words.length) words.push(["span", t("takes.same")]);
    if (hasOtherText) words.push(["span", t("takes.other_text")]);
    const create = () => words.flatMap(([tag, text]) => [h(tag, {}, text), " "]);
    this.#difference.replaceChildren(...create());
    const facts = [t("history.seed", { seed: take.seed }), take.first_ms !== null && `${Math.round(take.first_ms)} ms`];
    this.#details = [
      h("p", {}, ...create()),
      h("p", { className: "muted" }, take.description || voiceName),
      h("small", {}, [...facts.filter(Boolean), t("takes.hold")].join(" · ")),
    ];
    if (this.#tip.matches(":popover-open")) this.#tip.replaceChildren(...this.#details);
  }

  /** Show the details above the chip. */
  #showTip() {
    if (!this.#details.length || this.#tip.matches(":popover-open")) return;
    this.#tip.replaceChildren(...this.#details);
    this.#tip.showPopover();
    const [chip, tip] = [this.element.getBoundingClientRect(), this.#tip.getBoundingClientRect()];
    const left = Math.min(chip.left, document.documentElement.clientWidth - tip.width - GAP);
    Object.assign(this.#tip.style, { left: `${Math.max(GAP, left)}px`, top: `${chip.top - tip.height - GAP}px` });
  }
}
