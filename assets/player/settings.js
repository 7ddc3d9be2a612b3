// What the person set once and for all, kept in the browser. In: the drawer's choices and what the engine says it can do. Out: the
// keys that they add to every request. "change" is dispatched after every choice, and when the engine's abilities are known.

const STORED = "qwen3tts.settings";

/** Each setting that goes into a request: the feature that an engine must have for it, and its range. */
export const CONTROLS = {
  loudness: { feature: null, kind: "switch" },
  packet_frames: { feature: "packets", kind: "choice", choices: [1, 2, 4, 8, 16] },
  temperature: { feature: "sampling", kind: "number", min: 0.01, max: 5, step: 0.05, usual: 0.9 },
  top_k: { feature: "sampling", kind: "number", min: 0, max: 4096, step: 1, usual: 50 },
  top_p: { feature: "sampling", kind: "number", min: 0.01, max: 1, step: 0.01, usual: 1 },
  repetition_penalty: { feature: "sampling", kind: "number", min: 0.5, max: 5, step: 0.01, usual: 1.05 },
};

export class Settings extends EventTarget {
  info = null; // GET /api/info, once it has answered
  #kept = {};

  constructor() {
    super();
    try {
      const kept = JSON.parse(localStorage.getItem(STORED)) ?? {};
      for (const [name, value] of Object.entries(kept)) if (name in CONTROLS && fits(name, value)) this.#kept[name] = value;
    } catch {
      // nothing was kept
    }
  }

  /** The value of `name`; null where the engine decides. */
  get(name) {
    return this.#kept[name] ?? null;
  }

  /** Keep `value`; null goes back to what the engine does by itself. False, and nothing kept, for what cannot be. */
  set(name, value) {
    if (value !== null && !fits(name, value)) return false;
    if (value === null || value === false) delete this.#kept[name];
    else this.#kept[name] = value;
    try {
      localStorage.setItem(STORED, JSON.stringify(this.#kept));
    } catch {
      // private browsing without storage
    }
    this.dispatchEvent(new Event("change"));
    return true;
  }

  /** Set all as they were in a request of the past; what was usual then is left to the engine. */
  restore(values) {
    for (const [name, { usual = null }] of Object.entries(CONTROLS)) {
      const value = values[name] ?? null;
      this.set(name, value === usual ? null : value);
    }
  }

  /** Whether the engine that speaks now obeys `name`. */
  obeyed(name) {
    const { feature } = CONTROLS[name];
    return !feature || Boolean(this.info?.features.includes(feature));
  }

  know(info) {
    this.info = info;
    this.dispatchEvent(new Event("change"));
  }

  /** What goes into every request: all that is set and that the engine obeys. */
  get body() {
    return Object.fromEntries(Object.entries(this.#kept).filter(([name]) => this.obeyed(name)));
  }
}

function fits(name, value) {
  const { kind, choices, min, max, step } = CONTROLS[name];
  if (kind === "switch") return typeof value === "boolean";
  if (kind === "choice") return choices.includes(value);
  return Number.isFinite(value) && value >= min && value <= max && (step !== 1 || Number.isInteger(value));
}
