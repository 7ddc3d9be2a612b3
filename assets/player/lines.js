// Numbers beside the text's lines, a tint on the line that is heard, and what became of each: a copy of the text, laid out alike,
// behind the textarea. Also the count of characters and the estimated length below it.

import { byId, clock, make } from "./dom.js";
import { isBlank, linesIn } from "./writing.js";

export class Lines extends EventTarget {
  area;
  rows = []; // of every line: {element, text, number}; number counts the lines that are not blank, null for those that are
  #fields;
  #take;
  #sentences;
  #writing;
  #limit; // characters
  #copy = make("div", { className: "lines", ariaHidden: "true" });
  #asked = false;
  #shown = 0; // lines that are not blank

  constructor(fields, take, sentences, writing, limit) {
    super();
    this.area = fields.area("text");
    this.#limit = limit;
    this.#fields = fields;
    this.#take = take;
    this.#sentences = sentences;
    this.#writing = writing;
    this.area.parentElement.append(this.#copy);
    this.area.addEventListener("scroll", () => (this.#copy.scrollTop = this.area.scrollTop));
    fields.addEventListener("change", () => this.draw());
    sentences.addEventListener("change", () => this.#count());
    take.addEventListener("change", () => this.mark());
    this.draw();
  }

  /** The lines as they stand in the textarea. */
  get lines() {
    return this.#fields.text.split("\n");
  }

  /** Bring the copy up to date: only rows whose words changed are touched. */
  draw() {
    const { lines, rows } = this;
    while (rows.length > lines.length) rows.pop().element.remove();
    const fresh = lines.slice(rows.length).map(() => ({ element: make("div", { className: "line" }), text: null, number: null }));
    rows.push(...fresh);
    let number = 0;
    rows.forEach((row, i) => {
      if (row.text !== lines[i]) row.element.textContent = lines[i] || "\u200b";
      row.text = lines[i];
      const blank = isBlank(lines[i]);
      row.number = blank ? null : number;
      if (!blank) number += linesIn(lines[i]);
      const shown = blank ? "" : String(row.number + 1);
      if (row.element.dataset.number !== shown) row.element.dataset.number = shown;
    });
    this.#shown = number;
    this.#copy.append(...fresh.map((row) => row.element));
    this.#copy.scrollTop = this.area.scrollTop;
    this.mark();
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#count();
    });
  }

  /** Write another line in place of line `index`; the caret stays where it is. */
  replace(index, line) {
    const before = this.lines.slice(0, index).reduce((sum, one) => sum + one.length + 1, 0);
    this.area.setRangeText(line, before, before + this.lines[index].length, "preserve");
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** The row in which the caret stands. */
  get caret() {
    return this.area.value.slice(0, this.area.selectionStart).split("\n").length - 1;
  }

  /** Which line of the take a row is: itself while the text is what was spoken, none once the lines have moved. */
  spokenAs(row) {
    if (row.number === null) return null;
    const { spoken } = this.#take;
    if (spoken[row.number] === row.text || this.#shown === spoken.length) return row.number;
    const fromEnd = spoken.length - (this.#shown - row.number);
    return spoken[fromEnd] === row.text ? fromEnd : null;
  }

  #count() {
    const text = this.#fields.text;
    const characters = Array.from(text.trim()).length;
    const params = { characters, limit: this.#limit, seconds: clock(this.#writing.seconds(text, this.#fields.language)) };
    const over = characters > this.#limit;
    byId("text-count").textContent = this.#sentences.say(over ? "text.over" : "text.count", params);
    byId("text-count").classList.toggle("over", over);
  }

  /** Each line's state; what is heard, not what is made, is "now". */
  mark() {
    const { heard } = this.#take;
    for (const row of this.rows) {
      const line = this.spokenAs(row);
      const now = line !== null && line === heard;
      row.fare = line === null ? { state: "", start: null, end: null, seconds: null } : this.#take.line(line);
      row.line = line;
      row.now = now;
      row.edited = line !== null && this.#take.spoken[line] !== row.text;
      const state = now ? "now" : row.fare.state;
      if (row.element.dataset.state !== state) row.element.dataset.state = state;
    }
    this.dispatchEvent(new Event("change"));
  }
}
