// In: two texts. Out: the phrases that only the first and only the second has, in their order. Words are compared without case; a
// longest common subsequence keeps what stayed in place.

const MAX_WORDS = 400; // of each text: the table has their product

/** {removed, added}: the phrases of `before` that `after` lacks, and those of `after` that `before` lacks. */
export function diffWords(before, after) {
  const [old, current] = [words(before), words(after)];
  const lengths = commonLengths(old, current);
  const [removed, added] = [[], []];
  let [i, j] = [0, 0];
  while (i < old.length || j < current.length) {
    if (i < old.length && j < current.length && old[i].key === current[j].key) {
      i++;
      j++;
    } else if (j >= current.length || (i < old.length && lengths[i + 1][j] >= lengths[i][j + 1]))
      removed.push(old[i++]);
    else added.push(current[j++]);
  }
  return { removed: phrases(before, removed), added: phrases(after, added) };
}

function words(text) {
  const segments = new Intl.Segmenter(undefined, { granularity: "word" }).segment(text);
  const found = [...segments].filter(({ isWordLike }) => isWordLike).slice(0, MAX_WORDS);
  return found.map(({ segment, index }, order) => ({
    key: segment.toLocaleLowerCase(),
    start: index,
    end: index + segment.length,
    order,
  }));
}

/** lengths[i][j]: how many words old[i:] and current[j:] have in common, in order. */
function commonLengths(old, current) {
  const lengths = Array.from({ length: old.length + 1 }, () => new Uint16Array(current.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = current.length - 1; j >= 0; j--) {
      const same = old[i].key === current[j].key;
      lengths[i][j] = same ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

/** Neighboring words as one phrase, as the text has them; punctuation parts them. */
function phrases(text, found) {
  const spans = [];
  for (const { start, end, order } of found) {
    const last = spans.at(-1);
    const joins = last && order === last.order + 1 && !text.slice(last.end, start).trim();
    if (joins) Object.assign(last, { end, order });
    else spans.push({ start, end, order });
  }
  return spans.map(({ start, end }) => text.slice(start, end));
}
