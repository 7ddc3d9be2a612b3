// Small words for the page's elements. Text of people only ever enters as textContent.

/** The element `selector`, now or as soon as Gradio has drawn it. */
export function appeared(selector) {
  const there = document.querySelector(selector);
  if (there) return Promise.resolve(there);
  return new Promise((resolve) => {
    const watch = new MutationObserver(() => {
      const element = document.querySelector(selector);
      if (!element) return;
      watch.disconnect();
      resolve(element);
    });
    watch.observe(document.documentElement, { childList: true, subtree: true });
  });
}

/** A new element with `properties` and `children`; a string child is text. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { dataset, ...plain } = properties;
  Object.assign(element, plain);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A duration for people: "0.0 s", "1:04". */
export function clock(seconds) {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
