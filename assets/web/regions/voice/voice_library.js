// The voice library as cards: the model's own speakers, the presets of the chosen language, and, on the other tabs, the saved voices
// and the form for a voice from a recording.
// Choosing a preset fills in its description; a speaker or a saved voice goes into the request.

import { byId, h, setChildren, setText } from "../../components/dom.js";
import { speakerName } from "../../state/engines.js";
import { fitCards } from "./fit_cards.js";

const MAX_COLLAPSED = 6; // cards before "More"
const TAB_KEY = "qwen3tts.tab";
const TABS = ["library", "mine", "recording"];

export class VoiceLibrary {
  #presets;
  #fields;
  #requestState;
  #i18n;
  #savedVoices;
  #recording;
  #samples;
  #showStatus;
  #tab;
  #speakers = [];
  #cards = new Map(); // preset or speaker -> its card; an update keeps the elements
  #more = h("button", { type: "button", className: "preset-card more-card" });
  #language = null;
  #expanded = false;

  constructor({ presets, fields, requestState, i18n, savedVoices, recording, samples, showStatus }) {
    this.#showStatus = showStatus;
    this.#samples = samples;
    this.#presets = presets;
    this.#fields = fields;
    this.#requestState = requestState;
    this.#i18n = i18n;
    this.#savedVoices = savedVoices;
    this.#recording = recording;
    this.#tab = TABS.find((tab) => tab === localStorage.getItem(TAB_KEY)) ?? "library";
    this.#more.onclick = () => {
      this.#expanded = !this.#expanded;
      this.draw();
    };
    for (const tab of TABS) byId(`tab-${tab}`).onclick = () => this.showTab(tab);
    fields.addEventListener("change", () => this.#onEdit());
    for (const source of [i18n, savedVoices]) source.addEventListener("change", () => this.draw());
    requestState.addEventListener("change", () => this.#markChosen());
    this.draw();
    const resizing = new ResizeObserver(() => this.#fit());
    for (const id of ["voice-card", "description", "description-foot"]) resizing.observe(byId(id));
  }

  /** The speakers of all engines: those of CustomVoice models. */
  setEngine({ engines }) {
    const speakers = [...new Set(engines.flatMap((engine) => engine.speakers))];
    if (speakers.join() === this.#speakers.join()) return;
    this.#speakers = speakers;
    const { speaker } = this.#requestState;
    if (speaker && !speakers.includes(speaker)) this.#requestState.update({ speaker: null });
    this.draw();
  }

  /** The presets of the chosen language; for "auto", of the page's language. */
  get presets() {
    const language = this.#fields.language === "auto" ? this.#i18n.language : this.#fields.language;
    return this.#presets.filter((preset) => preset.language === language);
  }

  showTab(tab) {
    this.#tab = tab;
    localStorage.setItem(TAB_KEY, tab);
    this.draw();
  }

  #onEdit() {
    if (this.#language === this.#fields.language) return this.#markChosen();
    this.#expanded = false;
    this.draw();
  }

  draw() {
    this.#language = this.#fields.language;
    for (const tab of TABS) byId(`tab-${tab}`).ariaPressed = String(tab === this.#tab);
    const count = this.#savedVoices.count || "";
    setText(byId("tab-mine"), this.#i18n.t("voice.mine", { count }).trim());
    setChildren(byId("presets"), this.#contents());
    byId("presets").dataset.tab = this.#tab;
    this.#markChosen();
    this.#fit();
  }

  #fit() {
    fitCards(byId("presets"), this.#tab !== "recording");
  }

  #contents() {
    if (this.#tab === "recording") return [this.#recording.element];
    return this.#tab === "mine" ? this.#savedVoices.cards() : this.#libraryCards();
  }

  #libraryCards() {
    const speakers = this.#speakers.map((id) => this.#card(id, () => this.#createSpeakerCard(id)));
    const presets = this.presets.map((preset) => this.#card(preset, () => this.#createPresetCard(preset)));
    const cards = [...speakers, ...presets];
    const max = Math.max(MAX_COLLAPSED, speakers.length + 1); // the model's own speakers are never collapsed
    const overflows = cards.length > max;
    cards.forEach((card, i) => (card.hidden = overflows && !this.#expanded && i >= max - 1));
    if (!overflows) return cards;
    const key = this.#expanded ? "voice.fewer" : "voice.more";
    setText(this.#more, this.#i18n.t(key, { count: cards.length - max + 1 }));
    this.#more.ariaExpanded = String(this.#expanded);
    return [...cards, this.#more];
  }

  /** The card of `key`, created once, in the page's language. */
  #card(key, create) {
    if (!this.#cards.has(key)) this.#cards.set(key, create());
    const card = this.#cards.get(key);
    card.update();
    return card.element;
  }

  #createPresetCard(preset) {
    const badge = h("span", { className: "badge" });
    const onclick = () => {
      const { speaker } = this.#requestState;
      this.#requestState.update({ voice: null, speaker: null });
      if (speaker) this.#showStatus(this.#i18n.t("speaker.released", { name: speakerName(speaker) }));
      this.#fields.setValues({ description: preset.description });
    };
    const { element, name, summary, hear } = this.#createCard({ id: preset.id }, preset.id, onclick);
    if (preset.experimental) name.parentElement.append(" ", badge);
    const update = () => {
      this.#samples.label(hear, preset.name[this.#i18n.language]);
      setText(name, preset.name[this.#i18n.language]);
      setText(summary, preset.summary[this.#i18n.language]);
      element.title = `${name.textContent}: ${summary.textContent}`;
      setText(badge, this.#i18n.t("voice.experimental"));
      badge.title = this.#i18n.t("voice.experimental.why");
    };
    return { element, update };
  }

  #createSpeakerCard(id) {
    const onclick = () => {
      const isChosen = this.#requestState.speaker !== id;
      this.#requestState.update({ speaker: isChosen ? id : null });
      const key = isChosen ? "speaker.chosen" : "speaker.released";
      this.#showStatus(this.#i18n.t(key, { name: speakerName(id) }));
    };
    const { element, name, summary, hear } = this.#createCard({ speaker: id }, id, onclick);
    setText(name, speakerName(id));
    const key = `speaker.${id.toLowerCase()}`;
    const update = () => {
      this.#samples.label(hear, name.textContent);
      setText(summary, this.#i18n.t(this.#i18n.has(key) ? key : "speaker.unknown"));
      element.title = `${name.textContent}: ${summary.textContent}`;
    };
    return { element, update };
  }

  /** A card with a name, a summary and a button to hear voice `id`. */
  #createCard(dataset, id, onclick) {
    const [name, summary, hear] = [h("span"), h("i"), this.#samples.createButton(id)];
    const choose = h("button", { type: "button", className: "choose", onclick }, h("b", {}, name), summary);
    const element = h("div", { className: "preset preset-card", dataset }, choose, hear);
    return { element, name, summary, hear };
  }

  #markChosen() {
    const description = this.#fields.description.trim();
    const { voice, speaker } = this.#requestState;
    let chosen = null;
    for (const card of byId("presets").children) {
      const { id, speaker: ownSpeaker, saved } = card.dataset;
      const choose = card.querySelector(".choose");
      if (!choose) continue;
      const preset = id && this.#presets.find((one) => one.id === id);
      const isChosen =
        (saved && saved === voice?.id) ||
        (ownSpeaker && ownSpeaker === speaker) ||
        (preset && !voice && !speaker && preset.description.trim() === description);
      card.dataset.chosen = choose.ariaPressed = String(Boolean(isChosen));
      if (isChosen) chosen = card;
    }
    if (chosen?.hidden) {
      this.#expanded = true;
      this.draw();
    }
  }
}
