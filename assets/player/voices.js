// The voice library as cards: the model's own speakers, the presets of the chosen language, and, behind the other tab, the voices
// that the person kept. Choosing a preset writes its description; choosing a speaker or a kept voice goes into the request.

import { byId, make } from "./dom.js";

const SHOWN = 6; // cards before "More"
const TAB = "qwen3tts.tab";

export class Voices {
  tab = "library"; // or "mine"
  #presets;
  #fields;
  #asking;
  #sentences;
  #mine;
  #speakers = [];
  #language = null;
  #all = false;

  /** `mine` draws the voices that the person kept: {cards(), draw()} with a "change" event. */
  constructor(presets, fields, asking, sentences, mine) {
    this.#presets = presets;
    this.#fields = fields;
    this.#asking = asking;
    this.#sentences = sentences;
    this.#mine = mine;
    this.tab = localStorage.getItem(TAB) === "mine" ? "mine" : "library";
    for (const tab of ["library", "mine"]) byId(`tab-${tab}`).onclick = () => this.show(tab);
    fields.addEventListener("change", () => (this.#language !== fields.language ? this.#turn() : this.mark()));
    for (const source of [sentences, mine]) source.addEventListener("change", () => this.draw());
    asking.addEventListener("change", () => this.mark());
    this.draw();
  }

  /** The engine that speaks now: with a custom_voice checkpoint it has speakers. */
  meet({ speakers = [] }) {
    if (speakers.join() === this.#speakers.join()) return;
    this.#speakers = speakers;
    if (this.#asking.speaker && !speakers.includes(this.#asking.speaker)) this.#asking.use({ speaker: null });
    this.draw();
  }

  /** Presets for `auto` are those of the page's own language. */
  get shown() {
    const language = this.#fields.language === "auto" ? this.#sentences.language : this.#fields.language;
    return this.#presets.filter((preset) => preset.language === language);
  }

  show(tab) {
    this.tab = tab;
    localStorage.setItem(TAB, tab);
    this.draw();
  }

  #turn() {
    this.#all = false;
    this.draw();
  }

  draw() {
    this.#language = this.#fields.language;
    for (const tab of ["library", "mine"]) byId(`tab-${tab}`).ariaPressed = String(tab === this.tab);
    byId("tab-mine").textContent = this.#sentences.say("voice.mine", { count: this.#mine.count || "" }).trim();
    const cards = this.tab === "mine" ? this.#mine.cards() : [...this.#speakers.map((id) => this.#speaker(id)), ...this.shown.map((preset) => this.#card(preset))];
    const room = Math.max(SHOWN, this.#speakers.length + 1); // the model's own speakers are never behind "More"
    const fits = this.#all || cards.length <= room || this.tab === "mine";
    if (!fits) for (const card of cards.slice(room - 1)) card.hidden = true;
    if (cards.length > room && this.tab === "library") cards.push(this.#more(cards.length - room + 1, fits));
    byId("presets").replaceChildren(...cards);
    byId("presets").dataset.tab = this.tab;
    this.mark();
  }

  #more(hidden, open) {
    const words = this.#sentences.say(open ? "voice.fewer" : "voice.more", { count: hidden });
    const toggle = () => {
      this.#all = !open;
      this.draw();
      byId("presets").querySelector(".more-card").focus();
    };
    return make("button", { type: "button", className: "preset-card more-card", ariaExpanded: String(open), onclick: toggle }, words);
  }

  #card(preset) {
    const language = this.#sentences.language;
    const card = frame({ id: preset.id }, preset.name[language], preset.summary[language]);
    if (preset.experimental) {
      const badge = make("span", { className: "badge", title: this.#sentences.say("voice.experimental.why") }, this.#sentences.say("voice.experimental"));
      card.firstChild.append(" ", badge);
    }
    card.onclick = () => {
      this.#asking.use({ voice: null });
      this.#fields.put({ description: preset.description });
    };
    return card;
  }

  #speaker(id) {
    const known = this.#sentences.has(`speaker.${id.toLowerCase()}`);
    const name = id.replace(/_/g, " ").replace(/\b\p{L}/gu, (letter) => letter.toUpperCase());
    const card = frame({ speaker: id }, name, this.#sentences.say(known ? `speaker.${id.toLowerCase()}` : "speaker.unknown"));
    card.onclick = () => this.#asking.use({ speaker: this.#asking.speaker === id ? null : id });
    return card;
  }

  /** Which cards are chosen. */
  mark() {
    const description = this.#fields.description.trim();
    const { voice, speaker } = this.#asking;
    let chosen = null;
    for (const card of byId("presets").children) {
      const { id, speaker: own, saved } = card.dataset;
      if (id) card.ariaPressed = String(!voice && this.#presets.find((one) => one.id === id).description.trim() === description);
      if (own) card.ariaPressed = String(own === speaker);
      if (saved) card.querySelector(".choose").ariaPressed = String(saved === voice?.id);
      if (saved) card.dataset.chosen = String(saved === voice?.id);
      if (card.ariaPressed === "true") chosen = card;
    }
    if (chosen?.hidden) {
      this.#all = true;
      this.draw();
    }
  }
}

/** A card with a name and what it sounds like. */
export function frame(dataset, name, summary) {
  return make("button", { type: "button", className: "preset preset-card", dataset }, make("b", {}, name), make("i", {}, summary));
}
