// The drawer with everything that was ever spoken: searched, heard, starred, restored into the page, deleted. In: /api/history, a
// page at a time as one scrolls. Out: "restore" and "play" with the whole entry.

import { make } from "./dom.js";
import { entryRow } from "./entry.js";
import { askFirst } from "./sheet.js";

const PAGE = 40;
const SEARCH_MS = 200;

export class History extends EventTarget {
  #api;
  #sentences;
  #dialog = make("dialog", { id: "history", className: "side" });
  #title = make("h2", { id: "history-title" });
  #search = make("input", { type: "search", id: "history-search" });
  #starred = make("button", { type: "button", className: "chip", ariaPressed: "false" });
  #status = make("p", { className: "soft", role: "status" });
  #list = make("ol", { id: "history-list" });
  #end = make("li", { ariaHidden: "true", className: "end" }); // once in sight, more is fetched
  #disk = make("p", { className: "soft" });
  #bar = make("progress", { max: 1, value: 0 });
  #clear = make("button", { type: "button", className: "ghost" });
  #close = make("button", { type: "button", className: "round" }, "✕");
  #sight; // tells when the end is in sight, once for each time that it is observed anew
  #shown = 0;
  #total = 0;
  #turn = 0; // answers to an older question are dropped
  #loading = false;
  #waiting = null;

  constructor(api, sentences) {
    super();
    this.#api = api;
    this.#sentences = sentences;
    this.#dialog.setAttribute("aria-labelledby", this.#title.id);
    const find = make("div", { className: "find" }, this.#search, this.#starred);
    const foot = make("footer", {}, this.#bar, this.#disk, this.#clear);
    this.#dialog.append(make("header", {}, this.#title, this.#close), find, this.#status, this.#list, foot);
    document.querySelector(".gradio-container").append(this.#dialog);
    this.#close.onclick = () => this.#dialog.close();
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close()); // beside the sheet
    this.#dialog.addEventListener("keydown", (event) => event.stopPropagation()); // Escape closes this and stops no speech
    this.#search.oninput = () => this.#soon();
    this.#starred.onclick = () => {
      this.#starred.ariaPressed = String(this.#starred.ariaPressed !== "true");
      this.#ask();
    };
    askFirst(this.#clear, () => this.#sentences.say("history.clear.sure", { total: this.#total }), () => this.#do(() => this.#api.remove("api/history")));
    this.#sight = new IntersectionObserver((seen) => seen.at(-1).isIntersecting && this.#more(), { root: this.#list, rootMargin: "400px" });
    sentences.addEventListener("change", () => this.#words());
    this.#words();
  }

  open() {
    this.#dialog.showModal();
    this.#search.focus();
    this.#ask();
  }

  close() {
    this.#dialog.close();
  }

  #words() {
    const say = (key, params) => this.#sentences.say(key, params);
    this.#title.textContent = say("history.title");
    this.#search.placeholder = this.#search.ariaLabel = say("history.search");
    this.#starred.textContent = say("history.starred");
    this.#clear.textContent = say("history.clear");
    this.#close.ariaLabel = say("history.close");
    this.#list.ariaLabel = say("history.list");
    if (this.#dialog.open) this.#ask();
  }

  #soon() {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => this.#ask(), SEARCH_MS);
  }

  /** From the beginning, with what is searched for now. */
  async #ask() {
    this.#turn++;
    this.#shown = 0;
    this.#loading = false;
    await this.#fetch(true);
  }

  async #more() {
    if (!this.#loading && this.#shown < this.#total) await this.#fetch(false);
  }

  async #fetch(anew) {
    const turn = this.#turn;
    this.#loading = true;
    const starred = this.#starred.ariaPressed === "true";
    const query = new URLSearchParams({ search: this.#search.value, starred, limit: PAGE, offset: this.#shown });
    try {
      const page = await this.#api.get(`api/history?${query}`);
      if (turn === this.#turn) this.#take(page, anew);
    } catch (error) {
      if (turn === this.#turn) this.#status.textContent = error.message;
    } finally {
      if (turn === this.#turn) this.#loading = false;
    }
  }

  #take({ kept, entries, total, used_bytes, quota_bytes }, anew) {
    const say = (key, params) => this.#sentences.say(key, params);
    const rows = entries.map((entry) => entryRow(entry, this.#sentences, this.#acts));
    if (anew) this.#list.replaceChildren(...rows);
    else this.#list.append(...rows);
    this.#shown += entries.length;
    this.#total = total;
    this.#sight.disconnect();
    this.#end.remove();
    if (this.#shown < total) {
      this.#list.append(this.#end);
      this.#sight.observe(this.#end);
    }
    const asked = this.#search.value || this.#starred.ariaPressed === "true";
    this.#status.textContent = !kept ? say("history.off") : asked ? say(total ? "history.found" : "history.nothing", { total }) : total ? "" : say("history.none");
    this.#disk.textContent = kept ? say("history.use", { used: bytes(used_bytes), quota: bytes(quota_bytes), total }) : "";
    this.#bar.value = quota_bytes ? used_bytes / quota_bytes : 0;
    this.#clear.disabled = !total;
  }

  #acts = {
    play: (entry) => this.#tell("play", entry),
    restore: (entry) => this.#tell("restore", entry),
    star: (entry) => this.#api.patch(`api/history/${entry.id}`, { starred: !entry.starred }),
    remove: (entry) => this.#do(() => this.#api.remove(`api/history/${entry.id}`)),
    failed: (error) => (this.#status.textContent = error.message),
  };

  async #tell(what, { id }) {
    try {
      const entry = await this.#api.get(`api/history/${id}`);
      this.dispatchEvent(new CustomEvent(what, { detail: entry }));
    } catch (error) {
      this.#status.textContent = error.message;
    }
  }

  async #do(act) {
    try {
      await act();
      await this.#ask();
    } catch (error) {
      this.#status.textContent = error.message;
    }
  }
}

/** A size for people: "0 MB", "1.2 GB". */
export function bytes(count) {
  if (count >= 2 ** 30) return `${(count / 2 ** 30).toFixed(1)} GB`;
  return `${(count / 2 ** 20).toFixed(count < 10 * 2 ** 20 ? 1 : 0)} MB`;
}
