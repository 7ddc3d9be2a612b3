"""What is wrong with the layout of the current page. In: a visit. Out: findings, each with the elements it is about."""

from __future__ import annotations

from .conftest import Visit

_FINDINGS = """() => {
  const found = [];
  const name = (e) => `${e.tagName.toLowerCase()}#${e.id || e.closest("[id]")?.id}.${e.className}`;
  const isFixed = (e) => e.closest("#generate, #status") && getComputedStyle(e).position === "fixed";
  const isShown = (e) => e.checkVisibility({ visibilityProperty: true }) && !isFixed(e);
  const px = (e, property) => parseFloat(getComputedStyle(e)[property]);

  /** The part of `e` that its scrolling ancestors show. */
  const shownBox = (e) => {
    const box = e.getBoundingClientRect().toJSON();
    for (let a = e.parentElement; a && getComputedStyle(a).position !== "fixed"; a = a.parentElement) {
      const [style, outer] = [getComputedStyle(a), a.getBoundingClientRect()];
      if (style.overflowX !== "visible") box.left = Math.max(box.left, outer.left);
      if (style.overflowX !== "visible") box.right = Math.min(box.right, outer.right);
      if (style.overflowY !== "visible") box.top = Math.max(box.top, outer.top);
      if (style.overflowY !== "visible") box.bottom = Math.min(box.bottom, outer.bottom);
    }
    return box;
  };
  const isEmpty = (box) => box.right - box.left < 1 || box.bottom - box.top < 1;
  /** `box` without the padding of `e`, where other controls may be. */
  const contents = (e, box) => ({
    left: box.left + px(e, "paddingLeft"), right: box.right - px(e, "paddingRight"),
    top: box.top + px(e, "paddingTop"), bottom: box.bottom - px(e, "paddingBottom"),
  });
  const area = (box) => (box.right - box.left) * (box.bottom - box.top);

  const CONTROLS = "button, a[role=link], input, textarea, select, summary, [tabindex='0']";
  const controls = [...document.querySelectorAll(CONTROLS)].filter(isShown);
  const boxes = controls.map((e) => [e, shownBox(e)]).filter(([, box]) => !isEmpty(box));
  boxes.forEach(([a, boxA], i) => {
    for (const [b, boxB] of boxes.slice(i + 1)) {
      if (a.contains(b) || b.contains(a)) continue;
      const large = area(boxA) > area(boxB);
      const [x, y] = [large ? contents(a, boxA) : boxA, large ? boxB : contents(b, boxB)];
      const width = Math.min(x.right, y.right) - Math.max(x.left, y.left);
      const height = Math.min(x.bottom, y.bottom) - Math.max(x.top, y.top);
      if (width > 1 && height > 1) found.push(`${name(a)} covers ${name(b)}`);
    }
  });
  for (const e of controls) {
    const { left, right } = e.getBoundingClientRect();
    const scrolls = e.closest("#takes-row") || e.matches("textarea");
    if (!scrolls && (left < -1 || right > innerWidth + 1)) found.push(`${name(e)} leaves the window`);
    if (!scrolls && e.clientWidth && e.scrollWidth > e.clientWidth + 1) found.push(`${name(e)} is too narrow`);
  }
  for (const card of document.querySelectorAll(".card")) {
    const outer = card.getBoundingClientRect();
    for (const e of card.querySelectorAll("*")) {
      const box = shownBox(e);
      if (!isShown(e) || isFixed(e.parentElement) || isEmpty(box) || e.closest(".sheet")) continue;
      const out = [outer.left - box.left, outer.top - box.top, box.right - outer.right, box.bottom - outer.bottom];
      if (Math.max(...out) > 1) found.push(`${name(e)} leaves ${name(card)}`);
    }
  }
  const [presets, description] = [document.getElementById("presets"), document.querySelector("#description textarea")];
  const free = document.getElementById("voice-card").getBoundingClientRect().bottom
    - document.getElementById("description-foot").getBoundingClientRect().bottom;
  const row = presets.querySelector(".preset-card")?.offsetHeight ?? 16; // whole rows are shown
  for (const [box, step] of [[presets, row], [description, 16]]) {
    const scrolls = box.scrollHeight > box.clientHeight + 3;
    if (scrolls && free > step + 28) found.push(`${name(box)} is cut with ${free} px free below`);
  }
  for (const card of presets.querySelectorAll(".preset-card")) {
    const [shown, { height }] = [shownBox(card), card.getBoundingClientRect()];
    const part = (shown.bottom - shown.top) / height;
    if (isShown(card) && part > 0.02 && part < 0.98) found.push(`${name(card)} shows ${part} of its height`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  return [...new Set(found)];
}"""


def layout_findings(visit: Visit) -> list[str]:
    """Return what covers something, leaves its card or the window, or is cut although there is space."""
    findings: list[str] = visit.page.evaluate(_FINDINGS)
    return findings
