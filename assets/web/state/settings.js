// The settings, stored in the browser. In: choices from the drawer and the features of the active engine. Out: the options they add
// to every request. A "change" event follows each choice, and whenever the engine's features are known.

const STORAGE_KEY = "qwen3tts.settings";
const OLD_NAMES = { packet_frames: "frames_per_packet" };

/** Each setting that goes into a request: the engine feature it needs, and its range. */
export const CONTROLS = {
  speed: { feature: null, kind: "choice", choices: [0.75, 0.9, 1.1, 1.25, 1.5, 2], default: 1 },
  loudness: { feature: null, kind: "switch" },
  normalize: { feature: null, kind: "choice", choices: ["auto", "on", "off"], default: "auto" },
  read_blocks: { feature: null, kind: "switch" }, // code blocks and tables
  frames_per_packet: { feature: "packet_size", kind: "choice", choices: [1, 2, 4, 8, 16] },
  temperature: { feature: "sampling", kind: "number", min: 0.01, max: 5, step: 0.05, default: 0.9 },
  top_k: { feature: "sampling", kind: "number", min: 0, max: 4096, step: 1, default: 50 },
  top_p: { feature: "sampling", kind: "number", min: 0.01, max: 1, step: 0.01, default: 1 },
  repetition_penalty: { feature: "sampling", kind: "number", min: 0.5, max: 5, step: 0.01, default: 1.05 },
};

export class Settings extends EventTarget {
  info = null; // GET /api/info, once it has answered
  #values = {};

  constructor() {
    super();
    try {
      for (const [key, value] of Object.entries(JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {})) {
        const name = OLD_NAMES[key] ?? key;
        if (name in CONTROLS && isValid(name, value)) this.#values[name] = value;
      }
    } catch {
      // nothing stored
    }
  }

  /** The value of `name`; null where the engine decides. */
  get(name) {
    return this.#values[name] ?? null;
  }

  /** Store `value`; null returns to the engine's default. An invalid value is not stored and returns false. */
  set(name, value) {
    if (value !== null && !isValid(name, value)) return false;
    if (value === null || value === false) delete this.#values[name];
    else this.#values[name] = value;
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(this.#values));
    } catch {
      // private browsing without storage
    }
    this.dispatchEvent(new Event("change"));
    return true;
  }

  /** Set all to those of an earlier request; defaults, and what cannot be chosen here, are left to the engine. */
  restore(values) {
    for (const [name, control] of Object.entries(CONTROLS)) {
      const value = values[name] ?? null;
      const isDefault = value === (control.default ?? null);
      if (isDefault || !this.set(name, value)) this.set(name, null);
    }
  }

  /** Whether the active engine supports `name`. */
  isSupported(name) {
    const { feature } = CONTROLS[name];
    return !feature || Boolean(this.info?.features.includes(feature));
  }

  setEngine(info) {
    this.info = info;
    this.dispatchEvent(new Event("change"));
  }

  /** The options for every request: what is set and what the engine supports. */
  get options() {
    const { read_blocks, ...options } = this.#values;
    const supported = Object.entries(options).filter(([name]) => this.isSupported(name));
    return { ...Object.fromEntries(supported), ...(read_blocks && { skip_code: false, skip_tables: false }) };
  }

  /** The options for POST /api/normalize, so that it answers what the active engine will be given. */
  get normalizeOptions() {
    const { normalize, skip_code, skip_tables } = this.options;
    const mode = this.info?.preview ? undefined : normalize; // the preview voice reads out everything
    return { mode, skip_code, skip_tables };
  }
}

function isValid(name, value) {
  const { kind, choices, min, max, step } = CONTROLS[name];
  if (kind === "switch") return typeof value === "boolean";
  if (kind === "choice") return choices.includes(value);
  return Number.isFinite(value) && value >= min && value <= max && (step !== 1 || Number.isInteger(value));
}
