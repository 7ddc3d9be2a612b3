// What the server makes of a text: its lines, their inline tags, and an estimate of the duration. In: the text as it is typed. Out:
// the answers of POST /api/analyze-text. The rules exist on the server only; until an answer arrives, a line is provisional.

import { DebouncedQuery } from "./debounced_query.js";

const MAX_LINES = 5000;
const NO_NOTICES = { warnings: [], joined: null };

export class TextAnalyzer extends EventTarget {
  #request;
  #query;
  #lines = new Map(); // a line as typed -> its analysis
  #latest = { text: null, language: null, seconds: null, ...NO_NOTICES };

  /** `request(body)` posts to /api/analyze-text and returns the answer. */
  constructor(request) {
    super();
    this.#request = request;
    this.#query = new DebouncedQuery(request, ({ seconds, lines, warnings, joined }, { text, language }) => {
      this.#store(text, lines);
      this.#latest = { text, language, seconds, warnings, joined };
      this.dispatchEvent(new Event("change"));
    });
  }

  /** Analyze `text` once typing pauses; a "change" event follows. */
  update(text, language) {
    this.#query.update({ text, language }, text.length);
  }

  /** Estimate the duration of `text` in seconds now. */
  async estimate(text, language) {
    const { seconds, lines } = await this.#request({ text, language });
    this.#store(text, lines);
    return seconds;
  }

  #store(text, lines) {
    if (this.#lines.size > MAX_LINES) this.#lines.clear();
    text.split("\n").forEach((line, i) => this.#lines.set(line, lines[i]));
  }

  /** The estimated duration of `text`; null while it is unknown. */
  seconds(text, language) {
    const latest = this.#latest;
    return latest.text === text && latest.language === language ? latest.seconds : null;
  }

  /** The last estimate, whatever the text was; null before the first. */
  get lastSeconds() {
    return this.#latest.seconds;
  }

  /** {warnings, joined} of `text`: what no voice reads, and a hard-wrapped text with its lines joined, else null. */
  notices(text) {
    return this.#latest.text === text ? this.#latest : NO_NOTICES;
  }

  /** {num_lines, speed, pause_s, prefix_length, suffix_length} of a line; undefined while it is unknown. */
  line(line) {
    return this.#lines.get(line);
  }

  /** The analysis of `line`, from the server if it is not known yet. */
  async fetchLine(line) {
    if (!this.#lines.has(line)) {
      const { lines } = await this.#request({ text: line, language: "auto" });
      this.#lines.set(line, lines[0]);
    }
    return this.#lines.get(line);
  }

  /** Record the analysis of a line that the page itself wrote. */
  remember(line, analysis) {
    this.#lines.set(line, analysis);
  }

  /** How many lines to speak `line` is: 0 if it is empty, several if it has line breaks of other kinds. */
  numLines(line) {
    return this.#lines.get(line)?.num_lines ?? (line.trim() ? 1 : 0);
  }

  /** The lines of `text` that are spoken. */
  spokenLines(text) {
    return text.split("\n").filter((line) => this.numLines(line));
  }
}

/** What a line is taken for until the server has answered. */
export const PROVISIONAL_LINE = { num_lines: 1, speed: 1, pause_s: 0, prefix_length: 0, suffix_length: 0 };
