// Which language a text is written in, and how long it takes to say: what text/language.py and text/length.py know, in the browser.
// In: the tables that the server hands over at start (`boot.writing`). The tests compare both sides.

import { parts } from "./marks.js";

const SCRIPTS = /(?<han>\p{Script=Han})|(?<kana>[\p{Script=Hiragana}\p{Script=Katakana}])|(?<ko>\p{Script=Hangul})|(?<ru>\p{Script=Cyrillic})|(?<latin>\p{Script=Latin})/gu;
const LATIN_WORD = /\p{Script=Latin}+/gu;
const HEAVY = /(?<han>\p{Script=Han})|(?<kana>[\p{Script=Hiragana}\p{Script=Katakana}])|(?<hangul>\p{Script=Hangul})|(?<digit>\p{N})/gu;
const LINE_ENDS = /\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]/;
const BLANK = /^[\t-\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/;
const SPOKEN = /[\p{L}\p{N}]/u;
const GUESS_FROM = 4000; // characters: more would not change the guess, only slow down typing

/** Whether the server counts `line` as one: not if it is blank. */
export const isBlank = (line) => BLANK.test(line);

/** How many lines the server sees in what is one line here: odd line ends count for it. */
export function linesIn(line) {
  return line.split(LINE_ENDS).filter((piece) => !isBlank(piece)).length;
}

export class Writing {
  #words;
  #letters;
  #rates;
  #extra;

  constructor({ common_words, telling_letters, letters_per_second, extra_letters }) {
    this.#words = Object.entries(common_words).map(([code, words]) => [code, new Set(words)]);
    this.#letters = telling_letters;
    this.#rates = letters_per_second;
    this.#extra = extra_letters;
  }

  /** The code of the language that `text` is most likely written in. */
  guess(text) {
    const counts = tally(text.slice(0, GUESS_FROM), SCRIPTS);
    const { han = 0, kana = 0, ko = 0, ru = 0, latin = 0 } = counts;
    const weights = { cjk: 3 * han + 2 * kana, ko: 2 * ko, ru, latin };
    const winner = Object.keys(weights).reduce((best, script) => (weights[script] > weights[best] ? script : best));
    if (!weights[winner] || winner === "latin") return this.#guessLatin(text.slice(0, GUESS_FROM));
    return winner === "cjk" ? (kana > 0.1 * (han + kana) ? "ja" : "zh") : winner;
  }

  #guessLatin(text) {
    const words = (text.match(LATIN_WORD) ?? []).map((word) => word.toLowerCase());
    const letters = text.toLowerCase();
    const evidence = Object.fromEntries(
      this.#words.map(([code, common]) => {
        const telling = Array.from(this.#letters[code] ?? "").reduce((sum, letter) => sum + letters.split(letter).length - 1, 0);
        return [code, words.filter((word) => common.has(word)).length + 1.5 * telling];
      }),
    );
    const best = Object.keys(evidence).reduce((one, other) => (evidence[other] > evidence[one] ? other : one));
    return evidence[best] > evidence.en ? best : "en";
  }

  /** About how many seconds `text`, with its marks, takes to say; `language` is a code or "auto". */
  seconds(text, language) {
    const rate = this.#rates[language === "auto" ? this.guess(text) : language];
    let total = 0;
    for (const line of text.split("\n")) {
      if (isBlank(line)) continue;
      for (const part of parts(line)) {
        if (SPOKEN.test(part.text)) total += this.#weight(part.text) / rate / part.speed + part.pause_s;
      }
    }
    return total;
  }

  #weight(text) {
    let sum = Array.from(text).length;
    for (const { groups } of text.matchAll(HEAVY)) {
      const kind = Object.keys(groups).find((name) => groups[name] !== undefined);
      sum += this.#extra[kind];
    }
    return sum;
  }
}

function tally(text, pattern) {
  const counts = {};
  for (const { groups } of text.matchAll(pattern)) {
    const kind = Object.keys(groups).find((name) => groups[name] !== undefined);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
