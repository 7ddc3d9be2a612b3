// DOM helpers. User text only ever enters the page as textContent.

/** The element for `selector`, once Gradio has drawn it. */
export function waitForElement(selector) {
  const existing = document.querySelector(selector);
  if (existing) return Promise.resolve(existing);
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      const element = document.querySelector(selector);
      if (!element) return;
      observer.disconnect();
      resolve(element);
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

const stylesheets = new Map(); // URL -> the promise that it is loaded

/** Load a stylesheet once; await it before drawing what it styles. */
export function loadStylesheet(url) {
  const { href } = new URL(url);
  if (!stylesheets.has(href)) {
    const link = h("link", { rel: "stylesheet", href });
    stylesheets.set(href, new Promise((resolve) => (link.onload = link.onerror = resolve)));
    document.head.append(link);
  }
  return stylesheets.get(href);
}
