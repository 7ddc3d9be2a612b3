// Finds spoken words in the displayed text.

/** Where the last of `words` is in `text`, which has them in this order, with tags and markup between them; null if it is not there. */
export function placeOf(text, words) {
  let end = 0;
  let place = null;
  for (const word of words) {
    const start = text.indexOf(word.text, end);
    place = start < 0 ? null : { start, end: start + word.text.length };
    end = place?.end ?? end;
  }
  return place;
}
