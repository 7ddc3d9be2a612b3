// Numbers beside the text's lines and a tint on the line that is heard: a copy of the text, laid out alike, behind the textarea.
// Also the count of characters and the estimated length below it.

import { byId, clock, make } from "./dom.js";

const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;
const MARKS = /\[[^\]\n]{0,24}\]/g; // [pause 0.5s]
const DENSE_S = 0.22; // seconds a character, at an ordinary pace
const LETTER_S = 0.065;

/** About how many seconds `text` takes to say. */
export function estimate_s(text) {
  const plain = text.replace(MARKS, "");
  const dense = plain.match(DENSE)?.length ?? 0;
  return dense * DENSE_S + (plain.replace(/\s+/g, " ").trim().length - dense) * LETTER_S;
}

export class Lines {
  #fields;
  #player;
  #sentences;
  #limit; // characters
  #copy = make("div", { className: "lines", ariaHidden: "true" });
  #rows = []; // elements of the lines that are not empty, in order

  constructor(fields, player, sentences, limit) {
    this.#limit = limit;
    this.#fields = fields;
    this.#player = player;
    this.#sentences = sentences;
    const area = fields.area("text");
    area.parentElement.append(this.#copy);
    area.addEventListener("scroll", () => (this.#copy.scrollTop = area.scrollTop));
    fields.addEventListener("change", () => this.draw());
    sentences.addEventListener("change", () => this.#count());
    player.addEventListener("change", () => this.#mark());
    this.draw();
  }

  draw() {
    const lines = this.#fields.text.split("\n");
    const rows = lines.map((line) => make("div", { className: "line", textContent: line || "\u200b" }));
    this.#rows = rows.filter((_, i) => lines[i].trim());
    this.#rows.forEach((row, i) => (row.dataset.number = i + 1));
    this.#copy.replaceChildren(...rows);
    this.#copy.scrollTop = this.#fields.area("text").scrollTop;
    this.#count();
    this.#mark();
  }

  #count() {
    const text = this.#fields.text;
    const characters = Array.from(text.trim()).length;
    const params = { characters, limit: this.#limit, seconds: clock(estimate_s(text)) };
    const over = characters > this.#limit;
    byId("text-count").textContent = this.#sentences.say(over ? "text.over" : "text.count", params);
    byId("text-count").classList.toggle("over", over);
  }

  /** Each line's state: what is heard, not what is made, is "now". */
  #mark() {
    const { stats, marks } = this.#player;
    const begun = marks.segments.filter((segment) => segment.start_sample <= stats.position);
    const now = ["speaking", "paused"].includes(stats.state) ? begun.at(-1)?.line : undefined;
    this.#rows.forEach((row, i) => (row.dataset.state = i === now ? "now" : ""));
    for (const segment of marks.segments) if (segment.failed && this.#rows[segment.line]) this.#rows[segment.line].dataset.state = "failed";
  }
}
