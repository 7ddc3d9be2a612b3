// One take as a card. In: a record of `Takes` and how the strip sees it. Out: an element that is updated in place; its buttons call
// `actions`. User text enters as textContent only.

import { h, setText } from "../../components/dom.js";
import { drawPeaks } from "../../components/mini_waveform.js";

const HOLD_MS = 300;
const MAX_PHRASES = 4;

export class TakeCard {
  #i18n;
  #actions;
  #letter = h("b");
  #canvas = h("canvas", { ariaHidden: "true" });
  #play = h("button", { type: "button", className: "hear" }, this.#letter, this.#canvas);
  #difference = h("p", { className: "difference", dir: "auto" });
  #note = h("small");
  #keep = h("button", { type: "button", className: "keep" });
  #flip = h("button", { type: "button", className: "keep flip" });
  element = h(
    "div",
    { className: "take" },
    this.#play,
    this.#difference,
    h("div", { className: "take-foot" }, this.#keep, this.#flip, this.#note),
  );

  constructor(i18n, actions) {
    this.#i18n = i18n;
    this.#actions = actions;
    this.#keep.onclick = () => actions.bringBack();
    this.#flip.onclick = () => actions.flip();
    this.#listenOnPlay();
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

  /** Show `take`; `view` is {letter, isCurrent, isPlaying, isHidden, canFlip, difference, voiceName, hasOtherText, played}. */
  update(take, view) {
    const t = (key, params) => this.#i18n.t(key, params);
    const { letter, isCurrent, isPlaying, isHidden } = view;
    const isDone = take.state === "done";
    Object.assign(this.element.dataset, { state: take.state, here: isCurrent, blind: isHidden });
    setText(this.#letter, letter);
    this.#play.disabled = !isDone;
    this.#play.ariaLabel = t(isCurrent && isPlaying ? "takes.pause" : "takes.hear", { letter });
    this.#showDifference(take, view);
    setText(this.#keep, t(isHidden ? "takes.keep" : "history.restore"));
    this.#keep.ariaLabel = t(isHidden ? "takes.keep.of" : "takes.restore.of", { letter });
    setText(this.#flip, t("takes.flip"));
    this.#flip.ariaLabel = t("takes.flip.of", { letter });
    this.#keep.hidden = !isDone;
    this.#flip.hidden = !isDone || !view.canFlip;
    setText(this.#note, isDone ? this.#facts(take, view) : t(`line.state.${take.state}`));
    drawPeaks(this.#canvas, take.peaks, view.played);
  }

  #facts({ first_ms, seed }, { isHidden }) {
    if (isHidden) return "";
    this.#note.title = this.#i18n.t("history.seed", { seed });
    return first_ms === null ? String(seed) : `${Math.round(first_ms)} ms`;
  }

  #showDifference(take, { isHidden, difference, voiceName, hasOtherText }) {
    if (isHidden || take.state !== "done") return this.#difference.replaceChildren();
    const t = (key) => this.#i18n.t(key);
    const phrases = (tag, list) => list.slice(0, MAX_PHRASES).map((phrase) => h(tag, {}, phrase));
    const parts = [...phrases("del", difference.removed), ...phrases("ins", difference.added)];
    if (voiceName) parts.unshift(h("span", {}, voiceName));
    if (!parts.length) parts.push(t("takes.same"));
    if (hasOtherText) parts.push(h("span", {}, t("takes.other_text")));
    const title = take.description || voiceName || "";
    if (this.#difference.title !== title) this.#difference.title = title;
    this.#difference.replaceChildren(...parts.flatMap((part) => [part, " "]));
  }
}
