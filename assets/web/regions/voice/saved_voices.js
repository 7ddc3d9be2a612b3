// The saved voices as cards: chosen for the next requests, previewed, renamed, starred, exported as a file, deleted, imported. In:
// /api/voices. Each card says whether the active engine can continue in its voice.

import { resolveUrl } from "../../audio/urls.js";
import { byId, h, setText } from "../../components/dom.js";
import { createPopover, openAnchored } from "../../components/popover.js";
import { showUndo } from "../../components/undo_toast.js";

export class SavedVoices extends EventTarget {
  #api;
  #requestState;
  #fields;
  #i18n;
  #showStatus;
  #all = [];
  #deleting = new Set(); // the ids of deleted voices, while undo is possible
  #cards = new Map(); // voice id -> {element, update(voice)}; an update keeps the elements
  #info = { engines: [], preview: false };
  #popover = createPopover("voice-sheet");
  #samples;
  #file = h("input", { type: "file", accept: ".voice,application/json", hidden: true });
  #importCard = h("button", { type: "button", className: "preset-card more-card" });
  #none = h("p", { className: "none" });

  constructor({ api, requestState, fields, i18n, showStatus, samples }) {
    super();
    this.#samples = samples;
    this.#api = api;
    this.#requestState = requestState;
    this.#fields = fields;
    this.#i18n = i18n;
    this.#showStatus = showStatus;
    this.#file.onchange = () => this.#import();
    this.#importCard.onclick = () => this.#file.click();
    fields.addEventListener("change", () => this.#deselectOnEdit());
    this.refresh();
  }

  get #voices() {
    return this.#all.filter(({ id }) => !this.#deleting.has(id));
  }

  get count() {
    return this.#voices.length;
  }

  /** The saved voice with `id`, as a request refers to it, or null. */
  find(id) {
    const voice = this.#voices.find((one) => one.id === id);
    return voice ? { id, name: voice.name, description: voice.description } : null;
  }

  setEngine(info) {
    this.#info = info;
    this.#changed();
  }

  async refresh() {
    try {
      this.#all = (await this.#api.get("api/voices")).saved ?? [];
    } catch {
      return; // the server cannot be reached; the cards stay
    }
    const { voice } = this.#requestState;
    if (voice && !this.#voices.some((one) => one.id === voice.id)) this.#requestState.update({ voice: null });
    this.#changed();
  }

  /** `name` with a number where a saved voice has that name. */
  uniqueName(name) {
    const names = this.#voices.map((voice) => voice.name);
    let unique = name;
    for (let i = 2; names.includes(unique); i++) unique = `${name} ${i}`;
    return unique;
  }

  /** What is wrong with `name` for a voice; "" for a good name. */
  nameProblem(name, own = null) {
    if (!name.trim()) return this.#i18n.t("saved_voices.name.empty");
    const isTaken = this.#voices.some((voice) => voice.id !== own && voice.name === name.trim());
    return isTaken ? this.#i18n.t("saved_voices.name.taken") : "";
  }

  /** Save the voice of a finished request as `name`; with a `mode`, clone it: "icl" or "xvector". */
  async save(request_id, name, mode) {
    const voice = await this.#api.post("api/voices", { request_id, name, mode });
    await this.refresh();
    return voice;
  }

  /** How the next speech continues the voice: "continued" or "same_seed". */
  continuationKind({ continuation, engine }) {
    const feature = continuation === "acoustic_prompt" ? "continuation" : continuation;
    const canContinue = ({ name, features }) => engine === name && features.includes(feature);
    return this.#info.engines.some(canContinue) ? "continued" : "same_seed";
  }

  /** All cards and the import card; a note if no voice is saved. */
  cards() {
    const ids = new Set(this.#voices.map((voice) => voice.id));
    for (const id of this.#cards.keys()) if (!ids.has(id)) this.#cards.delete(id);
    setText(this.#importCard, this.#i18n.t("saved_voices.import"));
    setText(this.#none, this.#i18n.t("saved_voices.none"));
    const cards = this.#voices.map((voice) => {
      if (!this.#cards.has(voice.id)) this.#cards.set(voice.id, this.#createCard(voice));
      const card = this.#cards.get(voice.id);
      card.update(voice);
      return card.element;
    });
    return [...(cards.length ? [] : [this.#none]), ...cards, this.#importCard, this.#file];
  }

  #createCard(voice) {
    const [name, description, kind] = [h("b"), h("i"), h("em")];
    const choose = h("button", { type: "button", className: "choose" }, name, description, kind);
    const more = h("button", { type: "button", className: "tool" }, "⋯");
    const hear = this.#samples.createButton(voice.id);
    choose.onclick = () => {
      if (this.#requestState.voice?.id === voice.id) this.#requestState.update({ voice: null });
      else this.choose(voice);
    };
    more.onclick = () => this.#open(voice, more);
    const update = (latest) => {
      voice = latest;
      const continuation = this.continuationKind(voice);
      const isPreview = continuation === "continued" && this.#info.preview;
      setText(name, voice.starred ? `★ ${voice.name}` : voice.name);
      setText(description, voice.description || this.#i18n.t("saved_voices.plain"));
      const isUnusable = voice.kind === "cloned" && continuation !== "continued";
      const key = isUnusable ? "needs" : isPreview ? "preview" : continuation;
      setText(kind, this.#i18n.t(`voice.continuity.${key}`, { model: voice.model }));
      kind.dataset.kind = isUnusable ? "needs" : continuation;
      hear.hidden = !voice.has_sample;
      this.#samples.label(hear, voice.name);
      more.title = more.ariaLabel = this.#i18n.t("saved_voices.more", voice);
    };
    return {
      element: h("div", { className: "preset-card saved", dataset: { saved: voice.id } }, choose, more, hear),
      update,
    };
  }

  /** The next requests are in this voice. */
  choose({ id, name, description }) {
    this.#fields.setValues({ description });
    this.#requestState.update({ voice: { id, name, description } });
  }

  /** An edited description is another voice: the saved one is deselected. */
  #deselectOnEdit() {
    const { voice } = this.#requestState;
    if (!voice || this.#fields.description.trim() === (voice.description ?? "").trim()) return;
    this.#requestState.update({ voice: null });
    this.#showStatus(this.#i18n.t("saved_voices.left", voice));
  }

  #open(voice, anchor) {
    const t = (key, params) => this.#i18n.t(key, params);
    const path = `api/voices/${voice.id}`;
    const button = (key, onclick) => h("button", { type: "button", className: "button-outline", onclick }, t(key));
    const ariaLabel = t("saved_voices.name");
    const name = h("input", { type: "text", value: voice.name, maxLength: 80, ariaLabel });
    const save = h("button", { type: "submit", className: "button-outline main" }, t("saved_voices.rename"));
    const problem = h("p", { className: "problem", role: "alert" });
    const onsubmit = (event) => {
      event.preventDefault();
      problem.textContent = this.nameProblem(name.value, voice.id);
      if (problem.textContent) return;
      this.#change(() => this.#api.patch(path, { name: name.value }));
    };
    const toggleStar = () => this.#change(() => this.#api.patch(path, { starred: !voice.starred }));
    const star = button(voice.starred ? "saved_voices.unstar" : "saved_voices.star", toggleStar);
    const href = resolveUrl(`${path}/export`);
    const exportLink = h("a", { className: "button-outline", href, download: "" }, t("saved_voices.export"));
    const remove = button("saved_voices.delete", () => this.#remove(voice));
    this.#popover.ariaLabel = t("saved_voices.more", voice);
    this.#popover.replaceChildren(
      h("form", { className: "rename", onsubmit }, name, save),
      problem,
      h("div", { className: "bar" }, star, exportLink, remove),
    );
    openAnchored(this.#popover, anchor, name);
    name.select();
  }

  /** The card disappears at once; the voice is deleted when it is too late to undo. */
  #remove(voice) {
    const t = (key, params) => this.#i18n.t(key, params);
    const hide = (hidden) => {
      if (hidden) this.#deleting.add(voice.id);
      else this.#deleting.delete(voice.id);
      this.#changed();
    };
    const options = { method: "DELETE", keepalive: true }; // the page may be closing
    const commit = () => this.#api.fetch(`api/voices/${voice.id}`, options).finally(() => this.refresh());
    this.#popover.hidePopover();
    if (this.#requestState.voice?.id === voice.id) this.#requestState.update({ voice: null });
    showUndo(t("saved_voices.deleted", voice), t("edit.undo"), () => hide(false), { onExpire: commit });
    hide(true);
    byId("tab-mine").focus({ preventScroll: true }); // the focused card is gone
  }

  async #change(action) {
    try {
      await action();
      this.#popover.hidePopover();
      await this.refresh();
    } catch (error) {
      this.#showStatus(error.message);
    }
  }

  async #import() {
    const [file] = this.#file.files;
    if (!file) return;
    try {
      const headers = { "Content-Type": "application/json" };
      const response = await this.#api.fetch("api/voices/import", { method: "POST", headers, body: file });
      const voice = await response.json();
      this.#showStatus(this.#i18n.t("saved_voices.imported", voice));
      await this.refresh();
      byId("presets").querySelector(`[data-saved="${voice.id}"] .choose`)?.focus();
    } catch (error) {
      this.#showStatus(error.message);
    }
    this.#file.value = ""; // the same file may be chosen again
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
