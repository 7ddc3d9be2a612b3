// The body of POST /api/tts: text, language and description from the form, the chosen voice or speaker, the seed, and the settings.
// Voice, speaker and seed are stored in the browser with the draft. A "change" event follows each update of these three.

import { readTab, writeTab } from "./tab_storage.js";

const STORAGE_KEY = "qwen3tts.asking"; // the name that stored drafts already have

export class RequestState extends EventTarget {
  #fields;
  #settings;
  #state = { seed: null, varies: false, voice: null, speaker: null };

  constructor(fields, settings) {
    super();
    this.#fields = fields;
    this.#settings = settings;
    Object.assign(this.#state, readTab(STORAGE_KEY));
    this.#state.seed ??= randomSeed();
  }

  /** The seed of every request, held while description and text are edited; null: a new one for each. */
  get seed() {
    return this.#state.varies ? null : this.#state.seed;
  }

  /** A saved voice, {id, name, description}, or null. */
  get voice() {
    return this.#state.voice;
  }

  /** A speaker of the loaded model, or null. */
  get speaker() {
    return this.#state.speaker;
  }

  /** Change some of {seed, voice, speaker}; a saved voice and a speaker exclude each other. The seed null lets it vary. */
  update({ seed, ...changes }) {
    if (seed !== undefined) Object.assign(this.#state, { varies: seed === null, seed: seed ?? this.#state.seed });
    if (changes.voice) changes = { speaker: null, ...changes };
    if (changes.speaker) changes = { voice: null, ...changes };
    Object.assign(this.#state, changes);
    writeTab(STORAGE_KEY, this.#state);
    this.dispatchEvent(new Event("change"));
  }

  /** The body of a request. `changes` override the form; keys that are null or undefined are left out. */
  toRequestBody(changes = {}) {
    const { text, language, description } = this.#fields;
    const { seed } = this;
    const { voice, speaker } = this.#state;
    const source = voice ? { voice: voice.id } : { voice_desc: description, speaker };
    const body = { ...this.#settings.options, text, language, ...source, seed, ...changes };
    return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined));
  }
}

export function randomSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
