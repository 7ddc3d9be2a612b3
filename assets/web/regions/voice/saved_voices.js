// The saved voices as cards: chosen for the next requests, previewed, renamed, starred, exported as a file, deleted, imported. In:
// /api/voices. Each card says whether the active engine can continue in its voice.

import { resolveUrl } from "../../audio/urls.js";
import { byId, h, setText } from "../../components/dom.js";
import { confirmOnSecondClick, createPopover, openAnchored } from "../../components/popover.js";

export class SavedVoices extends EventTarget {
  #api;
  #requestState;
  #fields;
  #i18n;
  #showStatus;
  #voices = [];
  #cards = new Map(); // voice id -> {element, update(voice)}; an update keeps the elements
  #info = { features: [], name: "" };
  #popover = createPopover("voice-sheet");
  #audio = new Audio();
  #file = h("input", { type: "file", accept: ".voice,application/json", hidden: true });
  #importCard = h("button", { type: "button", className: "preset-card more-card" });
  #none = h("p", { className: "none" });

  constructor({ api, requestState, fields, i18n, showStatus }) {
    super();
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
      this.#voices = (await this.#api.get("api/voices")).saved ?? [];
    } catch {
      return; // the server cannot be reached; the cards stay
    }
    const { voice } = this.#requestState;
    if (voice && !this.#voices.some((one) => one.id === voice.id)) this.#requestState.update({ voice: null });
    this.#changed();
  }

  /** Save the voice of a finished request as `name`. */
  async save(request_id, name) {
    const voice = await this.#api.post("api/voices", { request_id, name });
    await this.refresh();
    return voice;
  }

  /** How the next speech continues the voice: "continued" or "same_seed". */
  continuationKind({ continuation, engine }) {
    const feature = continuation === "acoustic_prompt" ? "continuation" : continuation;
    return engine === this.#info.name && this.#info.features.includes(feature) ? "continued" : "same_seed";
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
    choose.onclick = () => this.#choose(voice);
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
      more.title = more.ariaLabel = this.#i18n.t("saved_voices.more", voice);
    };
    return {
      element: h("div", { className: "preset-card saved", dataset: { saved: voice.id } }, choose, more),
      update,
    };
  }

  #choose({ id, name, description }) {
    if (this.#requestState.voice?.id === id) return this.#requestState.update({ voice: null });
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
    const onsubmit = (event) => {
      event.preventDefault();
      this.#change(() => this.#api.patch(path, { name: name.value }));
    };
    const listen = button("saved_voices.hear", () => this.#preview(voice));
    listen.disabled = !voice.has_sample;
    const toggleStar = () => this.#change(() => this.#api.patch(path, { starred: !voice.starred }));
    const star = button(voice.starred ? "saved_voices.unstar" : "saved_voices.star", toggleStar);
    const href = resolveUrl(`${path}/export`);
    const exportLink = h("a", { className: "button-outline", href, download: "" }, t("saved_voices.export"));
    const remove = button("saved_voices.delete");
    confirmOnSecondClick(
      remove,
      () => t("confirm.delete"),
      () => this.#change(() => this.#api.delete(path)),
    );
    this.#popover.ariaLabel = t("saved_voices.more", voice);
    this.#popover.replaceChildren(
      h("form", { className: "rename", onsubmit }, name, save),
      h("div", { className: "bar" }, listen, star, exportLink, remove),
    );
    openAnchored(this.#popover, anchor, name);
    name.select();
  }

  #preview({ id }) {
    this.#audio.src = resolveUrl(`api/voices/${id}/sample`);
    this.#audio.play().catch(() => {});
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
