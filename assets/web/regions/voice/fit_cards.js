// Voice cards in the space that the description leaves: no card is cut. In: the box of the cards. Out: its `data-compact` and height.

const isCut = (box) => box.scrollHeight > box.clientHeight + 1;

/** Show the names without the summaries if these do not fit, and whole rows only if even the names do not fit. */
export function fitCards(box, hasCards) {
  const { scrollTop } = box;
  delete box.dataset.compact;
  box.style.maxHeight = "";
  if (!hasCards || !isCut(box)) return;
  box.dataset.compact = "true";
  if (isCut(box)) box.style.maxHeight = `${wholeRows(box)}px`;
  box.scrollTop = scrollTop;
}

/** The height of the rows that are whole, at least one. */
function wholeRows(box) {
  const cards = [...box.children].filter((card) => card.offsetHeight);
  const ends = cards.map((card) => card.offsetTop + card.offsetHeight - cards[0].offsetTop);
  const padding = parseFloat(getComputedStyle(box).paddingTop);
  const last = ends.filter((end) => end + 2 * padding <= box.clientHeight + 1).at(-1) ?? ends[0];
  return last + 2 * padding;
}
