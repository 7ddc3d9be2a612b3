// The take that is on the table: which lines were spoken, how each one fared, and what can be done with one line alone: hear it
// again, or have it spoken anew in its place. In: the player and the history routes. Knows no element of the page.

import { RATE } from "./player.js";
import { isBlank } from "./writing.js";

/** The lines of `text` that count. */
export function linesOf(text) {
  return text.split("\n").filter((line) => !isBlank(line));
}

export class Take extends EventTarget {
  spoken = []; // the lines that were asked for
  continues = false; // whether the engine that speaks now can go on in a voice
  #model = null; // its model
  #player;
  #api;
  #entry = null; // the whole history entry of the take, once it is known
  #retake = null; // {line, base}: a line that is being spoken anew, and the entry it belongs to
  #lastHeard;

  constructor(player, api) {
    super();
    this.#player = player;
    this.#api = api;
    player.addEventListener("change", ({ detail }) => {
      if (this.#retake && detail !== "progress") this.#follow();
      const { heard } = this;
      if (heard === this.#lastHeard && (detail === "progress" || detail === "peaks")) return;
      this.#lastHeard = heard;
      this.#changed();
    });
  }

  /** The engine that speaks now. */
  meet({ features, model }) {
    this.continues = features.some((feature) => ["continuation", "engine_voice"].includes(feature));
    this.#model = model;
  }

  /** `text` is about to be spoken, whole. */
  began(text) {
    this.spoken = linesOf(text);
    this.#entry = this.#retake = null;
  }

  /** Whether there is sound, and nothing that still makes more. */
  get whole() {
    const { samples, receiving } = this.#player.stats;
    return samples > 0 && !receiving && !this.#retake;
  }

  /** The line that is heard now, or undefined. */
  get heard() {
    const { stats, marks } = this.#player;
    if (!["speaking", "paused"].includes(stats.state)) return undefined;
    if (this.#retake) return this.#retake.line;
    return marks.segments.filter((segment) => !segment.failed && segment.start_sample <= stats.position).at(-1)?.line;
  }

  /** The history id of the take, or null while it is not known. */
  get id() {
    return this.#entry?.id ?? null;
  }

  /** The request in which the voice of the take was spoken. */
  get requestId() {
    return this.#entry?.voice_from ?? this.#player.stats.request_id;
  }

  /** The history entry of the take; asks once. */
  async entry() {
    return (this.#entry ??= await this.#api.get(`api/history/of/${this.#player.stats.request_id}`));
  }

  /** Put a history entry on the table. */
  recall(entry, options) {
    this.began(entry.text);
    this.#entry = entry;
    this.#player.recall(`api/history/${entry.id}/audio`, entry, options);
  }

  /** How line `number` fares: {state: "", "queued", "speaking", "done" or "failed"; start, end, seconds}. */
  line(number) {
    if (this.#retake?.line === number) return { ...this.#state(0), start: null };
    if (!this.#retake) return this.#state(number);
    const reports = this.#retake.base.segments.filter((report) => report.segment.line === number);
    const samples = reports.reduce((sum, report) => sum + report.num_samples, 0);
    return { state: reports.some((report) => report.failed) ? "failed" : "done", start: null, end: null, seconds: samples / RATE };
  }

  #state(number) {
    const { stats, marks } = this.#player;
    const segments = marks.segments.filter((segment) => segment.line === number);
    if (!segments.length) {
      const next = marks.segments.length ? marks.segments.at(-1).line + 1 : 0;
      const waits = stats.receiving && !stats.recalled && number >= next;
      const failed = stats.state === "failed" && !stats.recalled && number === next;
      return { state: waits ? "queued" : failed ? "failed" : "", start: null, end: null, seconds: null };
    }
    const start = segments[0].start_sample;
    const next = marks.segments.find((segment) => segment.line > number);
    const end = next?.start_sample ?? stats.samples;
    const seconds = segments.reduce((sum, segment) => sum + (segment.num_samples ?? stats.samples - segment.start_sample), 0) / RATE;
    const made = segments.every((segment) => segment.num_samples !== undefined) && (next || !stats.receiving || stats.recalled);
    const state = segments.some((segment) => segment.failed) ? "failed" : !made && stats.receiving ? "speaking" : "done";
    return { state, start, end, seconds: state === "done" ? seconds : null };
  }

  /** Whose voice the take has: "new", "continued", "seed", or "" when it does not matter yet. */
  get voice() {
    const voices = this.#player.marks.segments.map((segment) => segment.voice).filter(Boolean);
    const later = voices[0] === "new" ? voices.slice(1) : voices;
    if (!later.length) return "";
    return later.includes("seed") || later.includes("new") ? "seed" : "continued";
  }

  replay(number) {
    const { start, end } = this.line(number);
    if (start !== null) this.#player.playRange(start, end);
  }

  /**
   * Have line `number` spoken anew: `speak(source)` sends it. Once it was heard, it takes its place in the take. `source` is the
   * segment to go on from, for `continue_from`; null where the engine or the program no longer can.
   */
  async retake(number, speak) {
    const base = await this.entry();
    const source = this.continues ? await this.#beside(number, base) : null;
    this.#retake = { line: number, base };
    speak(source);
    this.#changed();
  }

  /** Where the line before `number` was spoken, or the one after the first. */
  async #beside(number, { request_id, segments }) {
    const whole = segments.filter((one) => !one.failed && one.stopped === "end");
    const beside = whole.findLast(({ segment }) => segment.line < number) ?? whole.find(({ segment }) => segment.line > number);
    if (!beside) return null;
    const source = beside.continue_from ?? { request_id, segment: beside.segment.index };
    try {
      return (await this.#api.get(`api/requests/${source.request_id}`)).model === this.#model ? source : null;
    } catch {
      return null; // it was spoken too long ago
    }
  }

  #follow() {
    const { stats } = this.#player;
    if (stats.receiving || ["waiting", "speaking", "paused"].includes(stats.state)) return;
    const { line, base } = this.#retake;
    const good = stats.state === "done" && stats.samples > 0 && !stats.error;
    const { error, request_id } = stats;
    this.#retake = null;
    if (good) this.#putIn(base, line, request_id);
    else this.recall(base, { play: false, error });
  }

  async #putIn(base, line, request_id) {
    try {
      const retake = await this.#api.get(`api/history/of/${request_id}`);
      this.recall(await this.#api.post(`api/history/${base.id}/splice`, { line, retake: retake.id }), { play: false });
      this.dispatchEvent(new CustomEvent("replaced", { detail: { line, seed: retake.seed } }));
    } catch (error) {
      this.recall(base, { play: false, error: { code: error.code, message: error.message, status: error.status } });
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
