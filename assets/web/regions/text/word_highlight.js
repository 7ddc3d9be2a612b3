// Highlights the word being heard, in the copy of the text behind the textarea. Browsers without the CSS Custom Highlight API show
// the line only.

import { placeOf } from "../../text/word_place.js";

const NAME = "heard-word";

/** `gutter` has the copy of the text, `take` knows the word. */
export function mountWordHighlight(gutter, take) {
  if (!CSS.highlights) return;
  let shown = null;
  const draw = () => {
    const range = heardRange(gutter, take.heardWord);
    if (!range && !shown) return;
    shown = range;
    if (range) CSS.highlights.set(NAME, new Highlight(range));
    else CSS.highlights.delete(NAME);
  };
  take.addEventListener("progress", draw);
  gutter.addEventListener("change", draw);
}

function heardRange(gutter, heard) {
  const row = heard && gutter.rows.find((one) => one.line === heard.line && !one.edited);
  const text = row?.element.firstChild;
  const place = row && placeOf(row.text, heard.words);
  if (!text || !place) return null;
  const range = new Range();
  range.setStart(text, place.start);
  range.setEnd(text, place.end);
  return range;
}
