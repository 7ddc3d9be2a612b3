// Deletions in the history, each of which can be undone for eight seconds, also after a reload of the page. Out: "undone" events, with the
// error if there was one.

import { showUndo, UNDO_S } from "../../components/undo_toast.js";

const STORAGE_KEY = "qwen3tts.deletions"; // [{undo, total, until}]

export class Deletions extends EventTarget {
  #api;
  #i18n;
  #open = readOpen();

  constructor(api, i18n) {
    super();
    this.#api = api;
    this.#i18n = i18n;
    for (const deletion of this.#open) this.#show(deletion);
  }

  /** Offer to undo a deletion of `total` entries; `undo` is the server's. */
  add(total, undo) {
    const deletion = { undo, total, until: Date.now() + 1000 * UNDO_S };
    this.#store([...this.#open, deletion]);
    this.#show(deletion);
  }

  #show(deletion) {
    const message = this.#i18n.t("history.deleted", { total: deletion.total });
    const seconds = (deletion.until - Date.now()) / 1000;
    showUndo(message, this.#i18n.t("edit.undo"), () => this.#undo(deletion), { seconds });
  }

  async #undo(deletion) {
    this.#store(this.#open.filter((one) => one !== deletion));
    const error = await this.#api.post("api/history/undelete", { undo: deletion.undo }).then(
      () => null,
      (problem) => problem,
    );
    this.dispatchEvent(new CustomEvent("undone", { detail: error }));
  }

  #store(deletions) {
    this.#open = deletions.filter(isOpen);
    try {
      sessionStorage.setItem(STORAGE_KEY, JSON.stringify(this.#open));
    } catch {
      // no storage, or a full one
    }
  }
}

const isOpen = ({ until }) => until > Date.now();

function readOpen() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY) ?? "[]").filter(isOpen);
  } catch {
    return [];
  }
}
