// The voices that the person kept, as cards: chosen for the next requests, heard, renamed, starred, exported as one file, deleted,
// imported. In: /api/voices. A card says whether the engine that speaks now can truly go on in its voice.

import { byId, make } from "./dom.js";
import { route } from "./player.js";
import { askFirst, openBeside, panel } from "./sheet.js";

export class Mine extends EventTarget {
  #api;
  #asking;
  #fields;
  #sentences;
  #tell;
  #saved = [];
  #info = { features: [], name: "" };
  #sheet = panel("voice-sheet");
  #sample = new Audio();

  constructor(api, asking, fields, sentences, tell) {
    super();
    this.#api = api;
    this.#asking = asking;
    this.#fields = fields;
    this.#sentences = sentences;
    this.#tell = tell;
    fields.addEventListener("change", () => this.#letGo());
    this.refresh();
  }

  get count() {
    return this.#saved.length;
  }

  /** The kept voice of that id as a request names it, or null. */
  find(id) {
    const voice = this.#saved.find((one) => one.id === id);
    return voice ? { id, name: voice.name, description: voice.description } : null;
  }

  /** The engine that speaks now. */
  meet(info) {
    this.#info = info;
    this.#changed();
  }

  async refresh() {
    try {
      this.#saved = (await this.#api.get("api/voices")).saved ?? [];
    } catch {
      return; // the program is away; what is shown stays
    }
    const { voice } = this.#asking;
    if (voice && !this.#saved.some((one) => one.id === voice.id)) this.#asking.use({ voice: null });
    this.#changed();
  }

  /** Keep the voice of a finished request under `name`. */
  async keep(request_id, name) {
    const kept = await this.#api.post("api/voices", { request_id, name });
    await this.refresh();
    return kept;
  }

  /** Whose voice the next words in `card` will have: "continued" or "seed". */
  truth({ keeps, engine }) {
    const able = keeps === "passage" ? "continuation" : keeps;
    return engine === this.#info.name && this.#info.features.includes(able) ? "continued" : "seed";
  }

  /** The cards, and the one that imports; none says why there is none. */
  cards() {
    const say = (key, params) => this.#sentences.say(key, params);
    const file = make("input", { type: "file", accept: ".voice,application/json", hidden: true, onchange: () => this.#import(file) });
    const add = make("button", { type: "button", className: "preset-card more-card", onclick: () => file.click() }, say("mine.import"));
    const none = this.#saved.length ? [] : [make("p", { className: "none" }, say("mine.none"))];
    return [...none, ...this.#saved.map((voice) => this.#card(voice)), add, file];
  }

  #card(voice) {
    const say = (key, params) => this.#sentences.say(key, params);
    const name = make("b", {}, voice.starred ? `★ ${voice.name}` : voice.name);
    const truth = this.truth(voice);
    const said = truth === "continued" && this.#info.preview ? "voice.truth.preview" : `voice.truth.${truth}`;
    const choose = make("button", { type: "button", className: "choose", onclick: () => this.#choose(voice) }, name, make("i", {}, voice.description || say("mine.plain")), make("em", { dataset: { truth } }, say(said)));
    const more = make("button", { type: "button", className: "tool", title: say("mine.more", voice), ariaLabel: say("mine.more", voice) }, "⋯");
    more.onclick = () => this.#open(voice, more);
    return make("div", { className: "preset-card saved", dataset: { saved: voice.id } }, choose, more);
  }

  #choose(voice) {
    if (this.#asking.voice?.id === voice.id) return this.#asking.use({ voice: null });
    this.#fields.put({ description: voice.description });
    this.#asking.use({ voice: { id: voice.id, name: voice.name, description: voice.description } });
  }

  /** Another description is another voice: the kept one is not used any more. */
  #letGo() {
    const { voice } = this.#asking;
    if (!voice || this.#fields.description.trim() === (voice.description ?? "").trim()) return;
    this.#asking.use({ voice: null });
    this.#tell(this.#sentences.say("mine.left", voice));
  }

  #open(voice, anchor) {
    const say = (key, params) => this.#sentences.say(key, params);
    const name = make("input", { type: "text", value: voice.name, maxLength: 80, ariaLabel: say("mine.name") });
    const button = (key, onclick) => make("button", { type: "button", className: "ghost", onclick }, say(key));
    const rename = (event) => {
      event.preventDefault();
      this.#change(() => this.#api.patch(`api/voices/${voice.id}`, { name: name.value }));
    };
    const remove = button("mine.delete");
    askFirst(remove, () => say("sure.really"), () => this.#change(() => this.#api.remove(`api/voices/${voice.id}`)));
    const save = make("button", { type: "submit", className: "ghost main" }, say("mine.rename"));
    const star = button(voice.starred ? "mine.unstar" : "mine.star", () => this.#change(() => this.#api.patch(`api/voices/${voice.id}`, { starred: !voice.starred })));
    const hear = button("mine.hear", () => this.#hear(voice));
    hear.disabled = !voice.has_sample;
    const take = make("a", { className: "ghost", href: route(`api/voices/${voice.id}/export`), download: "" }, say("mine.export"));
    this.#sheet.ariaLabel = say("mine.more", voice);
    this.#sheet.replaceChildren(make("form", { className: "rename", onsubmit: rename }, name, save), make("div", { className: "bar" }, hear, star, take, remove));
    openBeside(this.#sheet, anchor, name);
    name.select();
  }

  #hear({ id }) {
    this.#sample.src = route(`api/voices/${id}/sample`);
    this.#sample.play().catch(() => {});
  }

  async #change(act) {
    try {
      await act();
      this.#sheet.hidePopover();
      await this.refresh();
    } catch (error) {
      this.#tell(error.message);
    }
  }

  async #import(input) {
    const file = input.files[0];
    if (!file) return;
    try {
      const headers = { "Content-Type": "application/json" };
      const voice = await (await this.#api.fetch("api/voices/import", { method: "POST", headers, body: file })).json();
      this.#tell(this.#sentences.say("mine.imported", voice));
      await this.refresh();
      byId("presets").querySelector(`[data-saved="${voice.id}"] .choose`)?.focus();
    } catch (error) {
      this.#tell(error.message);
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
