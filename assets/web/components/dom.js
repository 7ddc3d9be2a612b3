// DOM helpers. User text only ever enters the page as textContent.

/** Resolves once Gradio has drawn an element for each of `selectors`. */
export function waitForElements(selectors) {
  const areDrawn = () => selectors.every((selector) => document.querySelector(selector));
  if (areDrawn()) return Promise.resolve();
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!areDrawn()) return;
      observer.disconnect();
      resolve();
    });
    observer.observe(document.documentElement, { childList: true, subtree: true });
  });
}

/** A new element with `properties` and `children`; a string child is text. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { dataset, ...plain } = properties;
  Object.assign(element, plain);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

/**
 * Make `children` the children of `parent`. Elements that stay are not touched, so that focus, scroll position and a click in
 * progress survive an update.
 */
export function setChildren(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, i) => {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
  });
}

/** Set the text of `element` unless it is the same: live regions announce every change. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A duration for readers: "0.0 s", "1:04". */
export function formatDuration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
