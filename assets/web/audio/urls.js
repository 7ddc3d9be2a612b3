// Addresses of the server's routes, wherever the page is mounted.

const BASE = new URL("../..", import.meta.url);

/** The absolute URL of `path`, which is relative to the page: "api/tts". */
export function resolveUrl(path) {
  return new URL(path, BASE).href;
}
