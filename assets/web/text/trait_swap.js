// Replaces the words of one trait by those of another, in place. In: a description, what the server found in it, and the new trait.
// Out: the new description; null where the words have no counterpart, so that new ones have to be inserted.

const YEARS = { child: 8, teen: 16, young: 25, middle: 45, senior: 65 };
const REPLACEABLE = ["gender", "age", "pitch", "pace", "emotion", "texture"]; // the words of a use are part of longer phrases

/** `mentions` are those of the dimension of `trait`; `traits` are all, `swaps` the rows of traits.toml. */
export function swapTrait(description, mentions, trait, { traits, swaps }, language) {
  const inserted = traits.filter((one) => one.dimension === trait.dimension).map((one) => one.insert[language]);
  const phrase = inserted.find((words) => find(description, words) >= 0);
  if (phrase) return replace(description, phrase, trait.insert[language]);
  if (!mentions.length || !REPLACEABLE.includes(trait.dimension)) return null;
  const all = trait.dimension === "gender" ? mentions : mentions.slice(0, 1); // pronouns follow the noun
  const edit = (text, { words }) => replace(text, words, counterpart(words, trait, swaps) ?? trait.insert[language]);
  return all.reduce(edit, description);
}

function counterpart(words, { id }, swaps) {
  for (const part of [words, ...words.split(" ")]) {
    const row = swaps.find((one) => id in one && Object.values(one).some((list) => list.includes(part)));
    if (row) return words.replace(part, row[id][0]);
  }
  if (!(id in YEARS) || !/\d|year|about|around|aged|岁/.test(words)) return null;
  if (words.includes("岁")) return `${YEARS[id]}岁`;
  if (/years?-old/.test(words)) return `${YEARS[id]}-year-old`;
  return words.includes("year") ? `${YEARS[id]} years old` : `about ${YEARS[id]}`;
}

/** The first place of `words`, in any case; in Latin script as whole words. */
function find(text, words) {
  const escaped = words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/ /g, "\\s+");
  const pattern = /^[\x20-\x7e]+$/.test(words) ? `(?<![\\w-])${escaped}(?!\\w)` : escaped;
  return text.search(new RegExp(pattern, "i"));
}

function replace(text, words, by) {
  const start = find(text, words);
  if (start < 0) return text;
  const isCapital = /\p{Lu}/u.test(text[start]);
  const added = isCapital ? by[0].toUpperCase() + by.slice(1) : by;
  const before = text.slice(0, start).replace(/\b(a)n?(\s+)$/i, (_, article, space) => {
    return article + (/^[aeiou]/i.test(by) ? "n" : "") + space;
  });
  return before + added + text.slice(start + words.length);
}
