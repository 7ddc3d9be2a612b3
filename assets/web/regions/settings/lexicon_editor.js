// The lexicon: the user's own pronunciations, for every text. In: GET /api/lexicon. Out: a PUT after each change. A deleted entry can
// be brought back; a CSV file can be imported and exported.

import { resolveUrl } from "../../audio/urls.js";
import { h, setText } from "../../components/dom.js";

const PATH = "api/lexicon";
const EMPTY = { written: "", spoken: "", language: "auto", case_sensitive: false };

export class LexiconEditor {
  #api;
  #i18n;
  #languages; // codes
  #entries = [];
  #version = null; // the ETag of the entries
  #deleted = null; // {entry, index}, until the next change
  #dialog = h("dialog", { id: "lexicon", className: "drawer" });
  #list = h("ul");
  #status = h("p", { className: "status", role: "status" });
  #undo = h("button", { type: "button", className: "button-outline" });

  constructor({ api, i18n, languages }) {
    this.#api = api;
    this.#i18n = i18n;
    this.#languages = languages;
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close()); // outside
    this.#undo.onclick = () => this.#bringBack();
    document.querySelector(".gradio-container").append(this.#dialog);
    i18n.addEventListener("change", () => this.#dialog.open && this.#draw());
  }

  async open() {
    this.#draw();
    this.#dialog.showModal();
    try {
      await this.#take(await this.#api.fetch(PATH));
      this.#say("");
    } catch (error) {
      this.#say(error.message, true);
    }
    this.#drawList();
    this.#dialog.dataset.asked = "true";
  }

  #t = (key, params) => this.#i18n.t(`lexicon.${key}`, params);

  #say(text, isProblem = false) {
    setText(this.#status, text);
    this.#status.classList.toggle("problem", isProblem);
    this.#undo.hidden = this.#deleted === null;
    this.#undo.textContent = this.#t("undo");
  }

  /** Store `entries`; returns whether the server took them. */
  async #store(entries, said) {
    this.#list.inert = true; // a change of the old list would undo this one
    try {
      await this.#put(JSON.stringify({ entries }), "application/json");
    } catch (error) {
      await this.#refused(error);
      return false;
    } finally {
      this.#list.inert = false;
    }
    this.#drawList();
    this.#say(said);
    return true;
  }

  /** Replace all entries, if no other window has changed them since they were read. */
  async #put(body, type) {
    const headers = { "Content-Type": type, "If-Match": this.#version ?? "*" };
    await this.#take(await this.#api.fetch(PATH, { method: "PUT", body, headers }));
  }

  async #take(response) {
    this.#version = response.headers.get("ETag");
    this.#entries = (await response.json()).entries;
  }

  /** Say why a change was refused; after a change in another tab, show the entries as they are now. */
  async #refused(error) {
    if (error.code === "changed_meanwhile") {
      await this.#take(await this.#api.fetch(PATH)).catch(() => {});
      this.#deleted = null;
      this.#drawList();
    }
    this.#say(error.code === "changed_meanwhile" ? this.#t("changed") : error.message, true);
  }

  #draw() {
    const close = h("button", { type: "button", className: "round", ariaLabel: this.#t("close") }, "✕");
    close.onclick = () => this.#dialog.close();
    this.#dialog.setAttribute("aria-labelledby", "lexicon-title");
    this.#dialog.replaceChildren(
      h("header", {}, h("h2", { id: "lexicon-title" }, this.#t("title")), close),
      h("p", { className: "help" }, this.#t("help")),
      this.#newEntry(),
      h("div", { className: "lexicon-status" }, this.#status, this.#undo),
      this.#list,
      this.#files(),
    );
    this.#say(this.#status.textContent);
    this.#drawList();
  }

  #newEntry() {
    const form = h("form", { className: "entry" });
    const fields = this.#fieldsOf(EMPTY, this.#t("new"));
    const add = h("button", { type: "submit", className: "button-outline main" }, this.#t("add"));
    form.append(...Object.values(fields), add);
    form.onsubmit = async (event) => {
      event.preventDefault();
      const entry = valueOf(fields);
      this.#deleted = null;
      if (!(await this.#store([entry, ...this.#entries], this.#t("added", entry)))) return;
      form.reset();
      fields.written.focus();
    };
    return form;
  }

  #drawList() {
    const rows = this.#entries.map((entry, index) => this.#row(entry, index));
    this.#list.replaceChildren(...(rows.length ? rows : [h("li", { className: "help" }, this.#t("empty"))]));
  }

  #row(entry, index) {
    const fields = this.#fieldsOf(entry, entry.written);
    const label = this.#t("delete", entry);
    const remove = h("button", { type: "button", className: "round", ariaLabel: label, title: label }, "✕");
    remove.onclick = () => this.#remove(index);
    const row = h("li", { className: "entry" }, ...Object.values(fields), remove);
    row.onchange = async () => {
      this.#deleted = null;
      const entries = this.#entries.with(index, valueOf(fields));
      const focused = row.contains(document.activeElement) ? document.activeElement.name : null;
      if ((await this.#store(entries, this.#t("saved"))) && focused) {
        this.#list.children[index]?.querySelector(`[name="${focused}"]`)?.focus();
      }
    };
    return row;
  }

  #fieldsOf(entry, name) {
    const input = (key) => {
      const label = `${this.#t(key)}: ${name}`;
      const hint = { placeholder: this.#t(key), maxLength: 100, required: true, autocomplete: "off" };
      return h("input", {
        type: "text",
        name: key,
        value: entry[key],
        defaultValue: entry[key],
        ariaLabel: label,
        ...hint,
      });
    };
    const names = new Intl.DisplayNames([this.#i18n.language], { type: "language" });
    const options = ["auto", ...this.#languages].map((code) => {
      const text = code === "auto" ? this.#t("every") : names.of(code);
      return h("option", { value: code, defaultSelected: code === entry.language }, text);
    });
    const language = h("select", { name: "language", ariaLabel: `${this.#t("language")}: ${name}` }, ...options);
    const exact = h("input", { type: "checkbox", name: "case_sensitive", defaultChecked: entry.case_sensitive });
    const box = h("label", { className: "exact", title: this.#t("case.help") }, exact, "Aa");
    exact.ariaLabel = `${this.#t("case")}: ${name}`;
    return { written: input("written"), spoken: input("spoken"), language, case_sensitive: box };
  }

  async #remove(index) {
    const entry = this.#entries[index];
    this.#deleted = { entry, index };
    const stored = await this.#store(this.#entries.toSpliced(index, 1), this.#t("deleted", entry));
    if (stored && document.activeElement === document.body) this.#undo.focus(); // unless the user went on elsewhere
  }

  async #bringBack() {
    const { entry, index } = this.#deleted;
    this.#deleted = null;
    await this.#store(this.#entries.toSpliced(index, 0, entry), this.#t("restored", entry));
    this.#list.children[index]?.querySelector("input")?.focus();
  }

  #files() {
    const file = h("input", { type: "file", accept: ".csv,text/csv", hidden: true });
    const choose = h("button", { type: "button", className: "button-outline" }, this.#t("import"));
    choose.onclick = () => file.click();
    file.onchange = () => this.#import(file);
    const link = { href: resolveUrl(`${PATH}?format=csv`), download: "lexicon.csv", className: "button-outline" };
    return h("footer", {}, choose, file, h("a", link, this.#t("export")));
  }

  /** Replace all entries by those of a CSV file. */
  async #import(file) {
    const [body] = file.files;
    file.value = "";
    try {
      await this.#put(body, "text/csv");
    } catch (error) {
      await this.#refused(error);
      return;
    }
    this.#deleted = null;
    this.#drawList();
    this.#say(this.#t("imported", { count: this.#entries.length }));
  }
}

function valueOf({ written, spoken, language, case_sensitive }) {
  const exact = case_sensitive.querySelector("input").checked;
  return { written: written.value, spoken: spoken.value, language: language.value, case_sensitive: exact };
}
