// One row of the history. In: an entry of /api/history. Out: a list item that can be updated in place; its buttons call `actions`. User
// text enters as textContent only.

import { RATE } from "../../audio/player.js";
import { formatDuration, h, setText } from "../../components/dom.js";

export class HistoryRow {
  element;
  #entry;
  #i18n;
  #actions;
  #star = h("button", { type: "button", className: "star" }, "★");
  #text = h("p", { className: "text", dir: "auto" });
  #voice = h("p", { className: "voice", dir: "auto" });
  #facts = h("p", { className: "facts" });
  #play = smallButton(() => this.#actions.play(this.#entry));
  #restore = smallButton(() => this.#actions.restore(this.#entry));
  #delete = smallButton(() => this.#actions.delete(this.#entry));

  constructor(entry, i18n, actions) {
    this.#i18n = i18n;
    this.#actions = actions;
    this.#star.onclick = () => this.#toggleStar();
    const bar = h("div", { className: "bar" }, this.#play, this.#restore, this.#delete);
    const parts = [this.#star, this.#text, this.#voice, this.#facts, bar];
    this.element = h("li", { className: "entry", dataset: { id: entry.id } }, ...parts);
    this.update(entry);
  }

  /** Show `entry`; the elements stay. */
  update(entry) {
    const t = (key) => this.#i18n.t(key);
    this.#entry = entry;
    setText(this.#text, entry.text);
    setText(this.#voice, entry.speaker ?? entry.description ?? "");
    this.#voice.hidden = !this.#voice.textContent;
    setText(this.#facts, factsOf(entry, this.#i18n));
    setText(this.#play, t("history.play"));
    setText(this.#restore, t("history.restore"));
    setText(this.#delete, t("history.delete"));
    this.#star.ariaPressed = String(entry.starred);
    this.#star.title = this.#star.ariaLabel = t(entry.starred ? "history.unstar" : "history.star");
  }

  async #toggleStar() {
    try {
      this.update(await this.#actions.star(this.#entry));
    } catch (error) {
      this.#actions.onError(error);
    }
  }
}

function smallButton(onclick = null) {
  return h("button", { type: "button", className: "button-outline small", onclick });
}

/** Date, duration, language, speed, seed, latency, engine. */
function factsOf(entry, i18n) {
  const { created, num_samples, language, seed, first_pcm_ms, label, preview, failed, finish_reason, speed } = entry;
  const format = new Intl.DateTimeFormat(i18n.language, { dateStyle: "medium", timeStyle: "short" });
  const facts = [format.format(new Date(1000 * created))];
  if (num_samples !== null) facts.push(formatDuration(num_samples / RATE));
  if (language !== "auto") facts.push(language);
  if (speed && speed !== 1) facts.push(`${speed}×`);
  if (seed !== null) facts.push(i18n.t("history.seed", { seed }));
  if (first_pcm_ms !== null) facts.push(`${Math.round(first_pcm_ms)} ms`);
  facts.push(preview ? i18n.t("engine.preview") : label);
  if (failed || finish_reason === "cancelled") facts.push(i18n.t("history.failed"));
  return facts.filter(Boolean).join(" · ");
}
