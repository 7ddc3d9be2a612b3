// The last takes, newest first, kept in the browser: what was said in which voice with which seed, a small waveform and the loudness.
// The audio itself is in the history. In: history entries. Out: records, and a "change" event for each update.

import { lineSources } from "./line_versions.js";
import { readTab, writeTab } from "./tab_storage.js";

const STORAGE_KEY = "qwen3tts.takes";
const MAX_TAKES = 12;
const NUM_PEAKS = 60;
const RUNNING = ["queued", "speaking"];

export class Takes extends EventTarget {
  list = []; // {id, letter, state, seed, text, description, speaker, voice, samples, level, first_ms, peaks, root, lines, message}
  #count = 0; // of all takes so far: the next letter

  constructor() {
    super();
    const { list, count } = readTab(STORAGE_KEY) ?? {};
    if (!Array.isArray(list) || !Number.isInteger(count)) return;
    this.list = list;
    this.#count = count;
  }

  /** A new take at the front of the list, in the state "queued"; its id is null until it is finished. */
  add(values = {}) {
    const take = {
      id: null,
      letter: letterOf(this.#count++),
      state: "queued",
      samples: 0,
      level: 0,
      peaks: [],
      ...values,
    };
    const kept = this.list.filter((one, i) => i < MAX_TAKES - 1 || RUNNING.includes(one.state));
    this.list = [take, ...kept];
    this.changed();
    return take;
  }

  /** `take` is finished: its history entry, its peaks (any number) and its level. */
  finish(take, entry, { peaks, level }) {
    const { id, seed, text, language, description = "", speaker = null, voice = null, num_samples: samples } = entry;
    const first_ms = entry.server_first_pcm_ms ?? null;
    const failed = entry.failed || entry.segments.some((segment) => segment.failed);
    const state = failed ? "failed" : "done";
    const facts = { id, seed, text, language, description, speaker, voice, samples, first_ms, level, state };
    Object.assign(take, facts, lineSources(entry), { peaks: reduce(peaks) });
    this.changed();
  }

  find(id) {
    return this.list.find((take) => take.id !== null && take.id === id) ?? null;
  }

  remove(take) {
    if (take === this.list[0] && take.id === null) this.#count--; // its letter is free again
    this.list = this.list.filter((one) => one !== take);
    this.changed();
  }

  changed() {
    const list = this.list.filter((take) => take.state === "done");
    writeTab(STORAGE_KEY, { list, count: this.#count });
    this.dispatchEvent(new Event("change"));
  }
}

/** A, B, ... Z, A2, B2, ... */
function letterOf(index) {
  const round = Math.floor(index / 26);
  return String.fromCharCode(65 + (index % 26)) + (round ? round + 1 : "");
}

/** At most `NUM_PEAKS` peaks, with two digits: a dozen takes fit into the browser's storage. */
function reduce(peaks) {
  const size = Math.max(1, peaks.length / NUM_PEAKS);
  const count = Math.min(NUM_PEAKS, peaks.length);
  return Array.from({ length: count }, (_, i) => {
    const slice = peaks.slice(Math.floor(i * size), Math.max(Math.floor(i * size) + 1, Math.floor((i + 1) * size)));
    return Number(Math.max(...slice).toFixed(2));
  });
}
