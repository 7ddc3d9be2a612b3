// Values that belong to this tab: two tabs keep two drafts. A new tab begins with the latest values of any tab. Without storage (private
// browsing, or a full one) values live as long as the page.

/** The stored value, or null. */
export function readTab(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? localStorage.getItem(key));
  } catch {
    return null;
  }
}

export function writeTab(key, value) {
  const json = JSON.stringify(value);
  for (const storage of ["sessionStorage", "localStorage"]) {
    try {
      window[storage].setItem(key, json);
    } catch {
      // no storage, or a full one
    }
  }
}
