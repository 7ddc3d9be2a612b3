// What POST /api/tts is asked: the person's text, language and description, whose voice, which seed, and whatever the settings
// add. Kept in the browser with the draft. "change" is dispatched when voice or seed change; the fields tell their own.

const STORED = "qwen3tts.asking";

export class Asking extends EventTarget {
  #fields;
  #kept = { seed: null, voice: null, speaker: null };
  settings = () => ({}); // more keys for every request; the settings drawer puts its own function here

  constructor(fields) {
    super();
    this.#fields = fields;
    try {
      Object.assign(this.#kept, JSON.parse(localStorage.getItem(STORED)));
    } catch {
      // nothing was kept
    }
  }

  /** The seed of every request from now on; null: a new one each time. */
  get seed() {
    return this.#kept.seed;
  }

  /** A saved voice, {id, name}, or null. */
  get voice() {
    return this.#kept.voice;
  }

  /** A speaker of the loaded model, or null. */
  get speaker() {
    return this.#kept.speaker;
  }

  /** Change some of {seed, voice, speaker}; a saved voice and a speaker exclude each other. */
  use(changes) {
    if (changes.voice) changes = { speaker: null, ...changes };
    if (changes.speaker) changes = { voice: null, ...changes };
    Object.assign(this.#kept, changes);
    try {
      localStorage.setItem(STORED, JSON.stringify(this.#kept));
    } catch {
      // private browsing without storage
    }
    this.dispatchEvent(new Event("change"));
  }

  /** The body of a request; `changes` win over what is set, and null or undefined leaves a key out. */
  body(changes = {}) {
    const { text, language, description } = this.#fields;
    const { seed, voice, speaker } = this.#kept;
    const whose = voice ? { voice: voice.id } : { voice_desc: description, speaker };
    const body = { ...this.settings(), text, language, ...whose, seed, ...changes };
    return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== undefined));
  }
}

/** A seed that nobody chose. */
export function drawSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
