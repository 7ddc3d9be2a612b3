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

const sheets = new Map(); // name -> the promise that it is there

/** Load one of our stylesheets, once; what is drawn after it is never seen bare. */
export function styled(name) {
  if (!sheets.has(name)) {
    const link = make("link", { rel: "stylesheet", href: new URL(name, import.meta.url).href });
    sheets.set(name, new Promise((resolve) => (link.onload = link.onerror = resolve)));
    document.head.append(link);
  }
  return sheets.get(name);
}
