// What a voice description says, dimension by dimension: what text/traits.py and text/ages.py read, in the browser, so that the
// checklist answers while one types. In: the vocabulary of `boot.writing`. The tests compare both sides.

export const DIMENSIONS = ["gender", "age", "pitch", "pace", "emotion", "texture", "use"];

const WORD = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]";
const BANDS = [[12, "child"], [18, "teen"], [35, "young"], [55, "middle"]]; // prettier-ignore
const NUMBERS = { five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10, eleven: 11, twelve: 12, thirteen: 13, fourteen: 14, fifteen: 15, sixteen: 16, seventeen: 17, eighteen: 18 }; // prettier-ignore
const DECADES = { teens: 15, twenties: 20, thirties: 30, forties: 40, fifties: 50, sixties: 60, seventies: 70, eighties: 80 };
const NUMERALS = { 一: 1, 二: 2, 两: 2, 三: 3, 四: 4, 五: 5, 六: 6, 七: 7, 八: 8, 九: 9 };
const SOME = 5; // "十几岁": ten and some
const START = `(?<!${WORD})`;
const END = `(?!${WORD})`;
const ABOUT = "(?:of|aged?|about|around)";
const UNITS = "(?:hz|seconds|minutes)";
const AGES = [
  `(?<digits>\\p{Nd}{1,3})(?:\\s*[-–~到至]\\s*\\p{Nd}{1,3})?(?:[-\\s]*years?[-\\s]old|s${END}|\\s*[多几来]?岁)`,
  `${START}${ABOUT}\\s+(?<aged>\\p{Nd}{1,2})${END}(?!\\s*(?:%|percent|words|${UNITS}))`,
  `${START}(?:${ABOUT}\\s+)?(?<word>${Object.keys(NUMBERS).join("|")})[-\\s]years?[-\\s]old`,
  `${START}${ABOUT}\\s+(?<lone>${Object.keys(NUMBERS).join("|")})${END}(?!\\s+(?:percent|words|${UNITS}))`,
  `${START}(?<decade>${Object.keys(DECADES).join("|")})${END}`,
  "(?<chinese>[一二两三四五六七八九]?十[一二三四五六七八九几多来]?|[一二两三四五六七八九])[多几来]?岁",
];
const AGE = new RegExp(AGES.join("|"), "gu");
const DENIED = new RegExp(
  `(?:${START}(?:not|no|without|never|neither|nor|avoid|hardly|isn't|don't|doesn't|less)(?!${WORD}|-)(?!\\s+(?:only|just))` +
    `(?:\\s+(?!(?:but|yet|and)${END})(?:${WORD}|['-])+){0,3}\\s*` +
    "|(?:(?<!非常|[特分个性级区])(?:不(?![仅但失乏禁由光只错])|没有|毫无|(?<!非)非(?!常)|别(?!致)|避免|切忌))[^，。,.;；、！!而但\\s]{0,3})$",
  "u",
);
const FULL_WIDTH = /[\uFF10-\uFF19\uFF21-\uFF3A\uFF41-\uFF5A]+/g;
const INVISIBLE = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\ufe00-\ufe0f]/g;

export class TraitReader {
  #patterns;

  /** `traits` and `elsewhere` as in traits.toml. */
  constructor({ traits, elsewhere }) {
    this.#patterns = Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, pattern(dimension, traits, elsewhere)]));
  }

  /** The ids that `description` names and does not deny: {dimension: [ids]}. */
  read(description) {
    const text = plain(description);
    return Object.fromEntries(DIMENSIONS.map((dimension) => [dimension, this.#found(text, dimension)]));
  }

  /** The dimensions about which `description` says nothing. */
  missing(description) {
    const found = this.read(description);
    return DIMENSIONS.filter((dimension) => !found[dimension].length);
  }

  #found(text, dimension) {
    const { regex, meanings } = this.#patterns[dimension];
    const hits = Array.from(text.matchAll(regex), (match) => [match.index, meanings.get(match[0])]);
    if (dimension === "age") hits.unshift(...Array.from(text.matchAll(AGE), (match) => [match.index, band(years(match.groups))]));
    return [...new Set(hits.filter(([start, trait]) => trait && !DENIED.test(text.slice(0, start))).map(([, trait]) => trait))];
  }
}

function plain(description) {
  const narrow = description.replace(INVISIBLE, "").replace(FULL_WIDTH, (letters) => letters.normalize("NFKC"));
  return narrow.normalize("NFC").replace(/\s+/g, " ").trim().toLowerCase();
}

function pattern(dimension, traits, elsewhere) {
  const meanings = new Map();
  for (const trait of traits) if (trait.dimension === dimension) for (const word of trait.words) meanings.set(word, trait.id);
  for (const words of elsewhere[dimension] ?? []) meanings.set(words, "");
  const words = [...meanings.keys()].sort((one, other) => other.length - one.length);
  const isAscii = (word) => word.charCodeAt(0) < 128;
  const joined = (chosen) => chosen.map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|");
  const regex = new RegExp(`(?<!${WORD}|-)(?:${joined(words.filter(isAscii))})${END}|(?:${joined(words.filter((word) => !isAscii(word)))})`, "gu");
  return { regex, meanings };
}

function years({ digits, aged, chinese, word, lone, decade }) {
  if (digits ?? aged) return Number(digits ?? aged);
  if (!chinese) return NUMBERS[word ?? lone] ?? DECADES[decade];
  const at = chinese.indexOf("十");
  if (at < 0) return NUMERALS[chinese];
  const ones = chinese.slice(at + 1);
  return 10 * (NUMERALS[chinese.slice(0, at)] ?? 1) + (ones ? (NUMERALS[ones] ?? SOME) : 0);
}

function band(years) {
  return BANDS.find(([top]) => years <= top)?.[1] ?? "senior";
}
