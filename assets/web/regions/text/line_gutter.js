// Line numbers, a tint on the line being played, and the status of each line: a copy of the text with the same layout, behind the
// textarea. Also the character count and the estimated duration below it.

import { byId, formatDuration, h } from "../../components/dom.js";
import { PROVISIONAL_LINE } from "../../text/text_analyzer.js";

const QUIET_MS = 4000;
const NO_STATUS = { state: "", start: null, end: null, seconds: null };

export class LineGutter extends EventTarget {
  area;
  /** One per line: {element, text, number, tags, line, status, playing, edited}; number counts spoken lines, null for others. */
  rows = [];
  #fields;
  #take;
  #i18n;
  #analyzer;
  #limit; // characters
  #copy = h("div", { className: "lines", ariaHidden: "true" });
  #scheduled = false;
  #numSpoken = 0;
  #heard = null; // the row being played
  #touchedAt = -Infinity; // when the reader last typed, scrolled or clicked in the text

  constructor(fields, take, i18n, analyzer, limit) {
    super();
    this.area = fields.area("text");
    this.#limit = limit;
    this.#fields = fields;
    this.#take = take;
    this.#i18n = i18n;
    this.#analyzer = analyzer;
    this.area.parentElement.append(this.#copy);
    this.area.addEventListener("scroll", () => (this.#copy.scrollTop = this.area.scrollTop));
    fields.addEventListener("change", () => this.#onEdit());
    analyzer.addEventListener("change", () => this.draw());
    i18n.addEventListener("change", () => this.#showCount());
    take.addEventListener("change", () => this.#updateStatus());
    for (const event of ["input", "wheel", "touchmove", "pointerdown"]) {
      this.area.addEventListener(event, () => (this.#touchedAt = performance.now()), { passive: true });
    }
    this.#onEdit();
  }

  #onEdit() {
    this.#analyzer.update(this.#fields.text, this.#fields.language);
    this.draw();
  }

  /** The lines as they are in the textarea. */
  get lines() {
    return this.#fields.text.split("\n");
  }

  /** Update the copy; only changed rows are touched. */
  draw() {
    const { lines, rows } = this;
    while (rows.length > lines.length) rows.pop().element.remove();
    const added = lines.slice(rows.length).map(() => newRow());
    rows.push(...added);
    let number = 0;
    rows.forEach((row, i) => {
      const line = lines[i];
      if (row.text !== line) row.element.textContent = line || "\u200b";
      row.text = line;
      row.tags = this.#analyzer.line(line) ?? row.tags; // until the server has answered, those of the line before the edit
      const numLines = this.#analyzer.numLines(line);
      row.number = numLines ? number : null;
      number += numLines;
      const label = numLines ? String(row.number + 1) : "";
      if (row.element.dataset.number !== label) row.element.dataset.number = label;
    });
    this.#numSpoken = number;
    this.#copy.append(...added.map((row) => row.element));
    this.#copy.scrollTop = this.area.scrollTop;
    this.#updateStatus();
    this.#scheduleCount();
  }

  #scheduleCount() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#showCount();
    });
  }

  /** Replace line `index`; the caret stays in place. */
  replace(index, line) {
    const start = this.lines.slice(0, index).reduce((sum, one) => sum + one.length + 1, 0);
    this.area.setRangeText(line, start, start + this.lines[index].length, "preserve");
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** The index of the row with the caret. */
  get caretRow() {
    return this.area.value.slice(0, this.area.selectionStart).split("\n").length - 1;
  }

  /** The line of the take that a row is: counted from the start, or from the end if lines were inserted or removed before it. */
  #lineOfTake(row) {
    if (row.number === null) return null;
    const { spoken } = this.#take;
    if (spoken[row.number] === row.text || this.#numSpoken === spoken.length) return row.number;
    const fromEnd = spoken.length - (this.#numSpoken - row.number);
    return spoken[fromEnd] === row.text ? fromEnd : null;
  }

  #showCount() {
    const { text, language } = this.#fields;
    const characters = Array.from(text.trim()).length;
    const seconds = this.#analyzer.seconds(text, language) ?? this.#analyzer.lastSeconds;
    const params = { characters, limit: this.#limit, seconds: formatDuration(seconds ?? 0) };
    const isOver = characters > this.#limit;
    const key = isOver ? "text.over" : seconds === null ? "text.characters" : "text.count";
    byId("text-count").textContent = this.#i18n.t(key, params);
    byId("text-count").classList.toggle("over", isOver);
  }

  /** Update the status of each line. */
  #updateStatus() {
    const { heardLine, spoken } = this.#take;
    for (const row of this.rows) {
      const line = this.#lineOfTake(row);
      row.line = line;
      row.status = line === null ? NO_STATUS : this.#take.lineStatus(line);
      row.playing = line !== null && line === heardLine;
      row.edited = line !== null && spoken[line] !== row.text;
      const state = row.playing ? "now" : row.status.state;
      if (row.element.dataset.state !== state) row.element.dataset.state = state;
    }
    this.#follow(this.rows.find((row) => row.playing) ?? null);
    this.dispatchEvent(new Event("change"));
  }

  /** Keep the line being played in sight, unless the reader is busy elsewhere in the text. */
  #follow(row) {
    const isNext = row && row !== this.#heard;
    this.#heard = row;
    if (!isNext || performance.now() - this.#touchedAt < QUIET_MS) return;
    const { offsetTop, offsetHeight } = row.element;
    const { scrollTop, clientHeight } = this.area;
    if (offsetTop >= scrollTop && offsetTop + offsetHeight <= scrollTop + clientHeight) return;
    this.area.scrollTop = offsetTop - clientHeight / 3;
  }
}

function newRow() {
  return {
    element: h("div", { className: "line" }),
    text: null,
    number: null,
    tags: PROVISIONAL_LINE,
    status: NO_STATUS,
  };
}
