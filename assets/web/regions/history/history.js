// The history drawer: everything that was spoken, to search, play, star, restore and delete. In: /api/history, one page at a time while
// scrolling. Out: "restore" and "play" events with the whole entry. A new answer updates the rows that are there already, so that
// focus survives a search that ends late.

import { h, setChildren } from "../../components/dom.js";
import { confirmOnSecondClick } from "../../components/popover.js";
import { UNDO_S } from "../../components/undo_toast.js";
import { HistoryRow } from "./history_row.js";

const PAGE_SIZE = 40;
const SEARCH_DELAY_MS = 200;
const UNDO_QUERY = { undo_s: UNDO_S };

export class History extends EventTarget {
  #api;
  #i18n;
  #deletions;
  #dialog = h("dialog", { id: "history", className: "sidebar" });
  #title = h("h2", { id: "history-title" });
  #search = h("input", { type: "search", id: "history-search" });
  #starred = h("button", { type: "button", className: "chip", ariaPressed: "false" });
  #status = h("p", { className: "muted", role: "status" });
  #list = h("ol", { id: "history-list" });
  #end = h("li", { ariaHidden: "true", className: "end" }); // once in view, the next page is fetched
  #usage = h("p", { className: "muted" });
  #bar = h("progress", { max: 1, value: 0 });
  #clear = h("button", { type: "button", className: "button-outline" });
  #close = h("button", { type: "button", className: "round" }, "✕");
  #rows = new Map(); // entry id -> HistoryRow, in the order shown
  #endObserver;
  #total = 0;
  #numStarred = 0; // of `#total`
  #query = 0; // answers to an earlier query are dropped
  #loading = false;
  #searchTimer = null;

  constructor(api, i18n, deletions) {
    super();
    this.#api = api;
    this.#i18n = i18n;
    this.#deletions = deletions;
    deletions.addEventListener("undone", ({ detail: error }) => this.#change(() => error && Promise.reject(error)));
    this.#dialog.setAttribute("aria-labelledby", this.#title.id);
    const searchBar = h("div", { className: "search-bar" }, this.#search, this.#starred);
    const footer = h("footer", {}, this.#bar, this.#usage, this.#clear);
    const header = h("header", {}, this.#title, this.#close);
    this.#dialog.append(header, searchBar, this.#status, this.#list, footer);
    document.querySelector(".gradio-container").append(this.#dialog);
    this.#close.onclick = () => this.#dialog.close();
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close()); // outside
    this.#dialog.addEventListener("keydown", (event) => event.stopPropagation()); // Escape does not stop the speech as well
    this.#search.oninput = () => this.#searchLater();
    this.#starred.onclick = () => {
      this.#starred.ariaPressed = String(this.#starred.ariaPressed !== "true");
      this.#reload();
    };
    confirmOnSecondClick(
      this.#clear,
      () => this.#clearQuestion,
      () => this.#clearShown(),
    );
    const isInView = (entries) => entries.at(-1).isIntersecting;
    const options = { root: this.#list, rootMargin: "400px" };
    this.#endObserver = new IntersectionObserver((entries) => isInView(entries) && this.#loadMore(), options);
    i18n.addEventListener("change", () => this.#updateLabels());
    this.#updateLabels();
  }

  open() {
    this.#dialog.showModal();
    this.#search.focus();
    this.#reload();
  }

  close() {
    this.#dialog.close();
  }

  #updateLabels() {
    const t = (key) => this.#i18n.t(key);
    this.#title.textContent = t("history.title");
    this.#search.placeholder = this.#search.ariaLabel = t("history.search");
    this.#starred.textContent = t("history.starred");
    this.#close.ariaLabel = t("history.close");
    this.#list.ariaLabel = t("history.list");
    if (this.#dialog.open) this.#reload();
  }

  #searchLater() {
    clearTimeout(this.#searchTimer);
    this.#searchTimer = setTimeout(() => this.#reload(), SEARCH_DELAY_MS);
  }

  /** Fetch the first page of the current search. */
  async #reload() {
    clearTimeout(this.#searchTimer);
    this.#query++;
    this.#loading = false;
    await this.#fetchPage(0);
  }

  async #loadMore() {
    if (!this.#loading && this.#rows.size < this.#total) await this.#fetchPage(this.#rows.size);
  }

  async #fetchPage(offset) {
    const query = this.#query;
    this.#loading = true;
    const params = new URLSearchParams({ ...this.#filter, limit: PAGE_SIZE, offset });
    try {
      const page = await this.#api.get(`api/history?${params}`);
      if (query === this.#query) this.#show(page, offset);
    } catch (error) {
      if (query === this.#query) this.#status.textContent = error.message;
    } finally {
      if (query === this.#query) this.#loading = false;
    }
  }

  /** What is shown, as parameters of the routes. */
  get #filter() {
    return { search: this.#search.value.trim(), starred: this.#starred.ariaPressed === "true" };
  }

  get #isFiltered() {
    const { search, starred } = this.#filter;
    return search !== "" || starred;
  }

  /** Starred entries are kept until nothing else is left, and then asked about. */
  get #clearQuestion() {
    const unstarred = this.#total - this.#numStarred;
    if (unstarred) return this.#i18n.t("history.clear.sure", { total: unstarred });
    return this.#i18n.t("history.clear.starred", { total: this.#total });
  }

  async #clearShown() {
    const keep_starred = this.#total > this.#numStarred;
    const params = new URLSearchParams({ ...this.#filter, keep_starred, ...UNDO_QUERY });
    await this.#delete(`api/history?${params}`);
  }

  async #delete(path) {
    await this.#change(async () => {
      const { deleted, undo } = await this.#api.delete(path);
      this.#deletions.add(deleted, undo);
    });
  }

  /** Delete one entry; the focus moves to the next one. */
  async #deleteRow({ id }) {
    const { element } = this.#rows.get(id);
    const neighbor = element.nextElementSibling ?? element.previousElementSibling;
    await this.#delete(`api/history/${id}?${new URLSearchParams(UNDO_QUERY)}`);
    if (!this.#dialog.contains(document.activeElement) || document.activeElement === this.#dialog) {
      (neighbor?.querySelector(".bar button:last-child") ?? this.#search).focus();
    }
  }

  #show({ kept, entries, total, num_starred, used_bytes, quota_bytes }, offset) {
    const t = (key, params) => this.#i18n.t(key, params);
    const shown = offset ? [...this.#rows] : [];
    this.#rows = new Map([...shown, ...entries.map((entry) => [entry.id, this.#rowOf(entry)])]);
    this.#total = total;
    this.#numStarred = num_starred ?? 0;
    const hasMore = this.#rows.size < total;
    const rows = [...this.#rows.values()].map((row) => row.element);
    this.#endObserver.disconnect(); // observed again, it reports even if it stayed in view
    setChildren(this.#list, hasMore ? [...rows, this.#end] : rows);
    if (hasMore) this.#endObserver.observe(this.#end);
    this.#status.textContent = this.#statusText(kept, total);
    const usage = { used: formatBytes(used_bytes), quota: formatBytes(quota_bytes), total };
    this.#usage.textContent = kept ? t("history.use", usage) : "";
    this.#bar.value = quota_bytes ? used_bytes / quota_bytes : 0;
    this.#clear.disabled = !total;
    if (this.#clear.classList.contains("confirming")) return;
    this.#clear.textContent = t(this.#isFiltered ? "history.clear.shown" : "history.clear");
  }

  #statusText(kept, total) {
    if (!kept) return this.#i18n.t("history.off");
    if (!this.#isFiltered) return total ? "" : this.#i18n.t("history.none");
    return this.#i18n.t(total ? "history.found" : "history.nothing", { total });
  }

  /** The row of `entry`, the same one as before if there is one. */
  #rowOf(entry) {
    const row = this.#rows.get(entry.id);
    row?.update(entry);
    return row ?? new HistoryRow(entry, this.#i18n, this.#actions);
  }

  #actions = {
    play: (entry) => this.#dispatchEntry("play", entry),
    restore: (entry) => this.#dispatchEntry("restore", entry),
    star: (entry) => this.#api.patch(`api/history/${entry.id}`, { starred: !entry.starred }),
    delete: (entry) => this.#deleteRow(entry),
    onError: (error) => (this.#status.textContent = error.message),
  };

  async #dispatchEntry(type, { id }) {
    try {
      const entry = await this.#api.get(`api/history/${id}`);
      this.dispatchEvent(new CustomEvent(type, { detail: entry }));
    } catch (error) {
      this.#status.textContent = error.message;
    }
  }

  async #change(action) {
    try {
      await action();
      await this.#reload();
    } catch (error) {
      this.#status.textContent = error.message;
    }
  }
}

/** A size for readers: "0 MB", "1.2 GB". */
function formatBytes(count) {
  if (count >= 2 ** 30) return `${(count / 2 ** 30).toFixed(1)} GB`;
  return `${(count / 2 ** 20).toFixed(count < 10 * 2 ** 20 ? 1 : 0)} MB`;
}
