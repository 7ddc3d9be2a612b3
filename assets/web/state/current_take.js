// The current take: the lines that were spoken, the status of each, and what can be done with a single line: play it, or regenerate
// it in place. In: the player and the history routes. Does not know the page's elements.

import { RATE } from "../audio/player.js";
import { cloningEngine } from "./engines.js";

const WORD_REST = 0.15 * RATE; // a word stays marked for a moment after its end
const UNKNOWN = { state: "", start: null, end: null, seconds: null };

export class CurrentTake extends EventTarget {
  spoken = []; // the requested lines
  canContinue = false; // whether the active engine can continue in the voice of a segment
  #models = []; // of all engines
  #canMeasure = false; // whether the server compares each line with the voice
  #measuredRun = 0; // the run of which the measured lines were asked for
  #player;
  #api;
  #spokenLines;
  #entry = null; // the history entry of the take, once it is known
  #retake = null; // {line, base, toEnd}: a line, or all from it on, being generated again, and the entry it belongs to
  #lastHeard;

  /** `spokenLines(text)` returns the lines of a text that are spoken. */
  constructor(player, api, spokenLines) {
    super();
    this.#player = player;
    this.#api = api;
    this.#spokenLines = spokenLines;
    player.addEventListener("change", ({ detail }) => {
      if (this.#retake && detail !== "progress") this.#onRetakeProgress();
      if (detail === "done") this.#measure();
      const { heardLine } = this;
      this.dispatchEvent(new Event("progress"));
      if (heardLine === this.#lastHeard && (detail === "progress" || detail === "peaks")) return;
      this.#lastHeard = heardLine;
      this.#changed();
    });
  }

  setEngine({ features, engines }) {
    this.canContinue = features.some((feature) => ["continuation", "engine_voice"].includes(feature));
    this.#models = engines.map(({ model }) => model);
    this.#canMeasure = cloningEngine(engines) !== undefined;
  }

  /** After a request: mark the lines that do not sound like the voice, once the server has measured them. */
  async #measure() {
    const { stats, timeline } = this.#player;
    const { run, request_id } = stats;
    if (!this.#canMeasure || stats.recalled || stats.receiving || run === this.#measuredRun) return;
    this.#measuredRun = run;
    try {
      const { segments } = await this.#api.get(`api/requests/${request_id}?measured=true`);
      if (run !== stats.run) return;
      for (const segment of timeline.segments) {
        const { similarity, drifted } = segments.find((one) => one.segment.index === segment.index) ?? {};
        Object.assign(segment, { similarity, drifted });
      }
      this.#changed();
    } catch {
      // the server no longer keeps this request
    }
  }

  /** All of `text` is about to be spoken. */
  begin(text) {
    this.spoken = this.#spokenLines(text);
    this.#entry = this.#retake = null;
  }

  /** Whether there is audio, and none is being generated. */
  get isComplete() {
    const { samples, receiving } = this.#player.stats;
    return samples > 0 && !receiving && !this.#retake;
  }

  /** The line being played, or undefined. */
  get heardLine() {
    const { stats, timeline } = this.#player;
    if (!["speaking", "paused"].includes(stats.state) || stats.collecting_s !== null) return undefined;
    const started = timeline.segments.filter(({ failed, start_sample }) => !failed && start_sample <= stats.position);
    if (this.#retake) return this.#retake.line + (started.at(-1)?.line ?? 0);
    return started.at(-1)?.line;
  }

  /** The word being played: {line, words of the line so far, the last of which it is}, or null. */
  get heardWord() {
    const { stats, timeline } = this.#player;
    const line = this.heardLine;
    if (line === undefined) return null;
    const first = this.#retake?.line ?? 0;
    const segments = timeline.segments.filter((segment) => segment.line + first === line);
    const all = segments.flatMap((segment) => segment.words ?? []);
    const words = all.filter((word) => word.start_sample <= stats.position);
    return words.length && stats.position <= words.at(-1).end_sample + WORD_REST ? { line, words } : null;
  }

  /** The history id of the take; null while it is unknown. */
  get id() {
    return this.#entry?.id ?? null;
  }

  /** The request that the voice of the take comes from. */
  get requestId() {
    return this.#entry?.voice_from ?? this.#player.stats.request_id;
  }

  /** The history entry of the take, fetched once. */
  async entry() {
    return (this.#entry ??= await this.#api.historyEntry(this.#player.stats.request_id));
  }

  /** Make a history entry the current take. */
  recall(entry, options) {
    this.begin(entry.text);
    this.#entry = entry;
    this.#player.recall(`api/history/${entry.id}/audio`, entry, options);
  }

  /** The status of line `number`: {state, start, end, seconds, similarity}; `similarity` only of a line that drifted; state is "", "queued", "speaking", "done", "silent" or "failed". */
  lineStatus(number) {
    const { line, toEnd } = this.#retake ?? {};
    if (line === number || (toEnd && line < number)) return { ...this.#status(number - line), start: null };
    if (!this.#retake) return this.#status(number);
    const reports = this.#retake.base.segments.filter((report) => report.segment.line === number);
    const samples = reports.reduce((sum, report) => sum + report.num_samples, 0);
    const state = reports.some((report) => report.failed) ? "failed" : "done";
    return { ...UNKNOWN, state, seconds: samples / RATE };
  }

  #status(number) {
    const { stats, timeline } = this.#player;
    const segments = timeline.segments.filter((segment) => segment.line === number);
    if (!segments.length) return { ...UNKNOWN, state: this.#stateBeforeAudio(number) };
    const start = segments[0].start_sample;
    const next = timeline.segments.find((segment) => segment.line > number);
    const end = next?.start_sample ?? stats.samples;
    const length = ({ num_samples, start_sample }) => num_samples ?? stats.samples - start_sample;
    const seconds = segments.reduce((sum, segment) => sum + length(segment), 0) / RATE;
    const ended = segments.every((segment) => segment.num_samples !== undefined);
    const complete = ended && (next || !stats.receiving || stats.recalled);
    const failed = segments.some((segment) => segment.failed);
    const state = failed ? "failed" : !complete && stats.receiving ? "speaking" : "done";
    const drifted = segments.find((segment) => segment.drifted);
    return { state, start, end, seconds: state === "done" ? seconds : null, similarity: drifted?.similarity };
  }

  #stateBeforeAudio(number) {
    const { stats, timeline } = this.#player;
    const next = timeline.segments.length ? timeline.segments.at(-1).line + 1 : 0;
    if (number < next) return "silent"; // a line of emoji, for example
    if (stats.recalled) return "";
    if (stats.receiving && number >= next) return "queued";
    return stats.state === "failed" && number === next ? "failed" : "";
  }

  /** How the lines share a voice: "continued", "same_seed", or "" when there is only one. */
  get voiceContinuity() {
    const sources = this.#player.timeline.segments.map((segment) => segment.voice_source).filter(Boolean);
    const later = sources[0] === "new" ? sources.slice(1) : sources;
    if (!later.length) return "";
    return later.includes("same_seed") || later.includes("new") ? "same_seed" : "continued";
  }

  replay(number) {
    const { start, end } = this.lineStatus(number);
    if (start !== null) this.#player.playRange(start, end);
  }

  /**
   * Regenerate line `number`: `speak(source)` sends the request. Once played, the new audio replaces the line in the take. `source`
   * is the segment to continue from, for `continue_from`; null where the engine or the server cannot.
   */
  async retake(number, speak) {
    const base = await this.entry();
    const source = this.canContinue ? await this.#continuationSource(number, base) : null;
    this.#beginRetake({ line: number, base }, () => speak(source));
  }

  /** The end of the take that still plays must not count as the end of `retake`. */
  #beginRetake(retake, send) {
    this.#player.stop();
    this.#retake = retake;
    send();
    this.#changed();
  }

  /** The line at which the take was stopped; null for a whole one. */
  get stoppedLine() {
    const { stats, timeline } = this.#player;
    if (!this.isComplete || stats.finish_reason !== "cancelled") return null;
    const line = timeline.segments.at(-1)?.line ?? 0;
    return line < this.spoken.length ? line : null;
  }

  /** Speak the rest of a take that was stopped, which then is whole; `speak(changes)` sends the request. */
  async goOn(speak) {
    const line = this.stoppedLine;
    const base = await this.entry();
    const source = this.canContinue ? await this.#continuationSource(line, base) : null;
    const { language, description, speaker, voice, seed } = base;
    const own = voice ? { voice, voice_desc: null } : { voice_desc: description, speaker, voice: null };
    const voiceOf = source ? { continue_from: source, voice: null, voice_desc: null, speaker: null } : own;
    const text = this.spoken.slice(line).join("\n");
    this.#beginRetake({ line, base, toEnd: true }, () => speak({ text, language, seed, ...voiceOf }));
  }

  /** Play from line `number` to the end. */
  replayFrom(number) {
    const { start } = this.lineStatus(number);
    if (start !== null) this.#player.playRange(start, this.#player.stats.samples);
  }

  /** The segment before line `number`, or the one after the first line. */
  async #continuationSource(number, { request_id, segments }) {
    const complete = segments.filter((one) => !one.failed && one.finish_reason === "stop");
    const before = complete.findLast(({ segment }) => segment.line < number);
    const neighbor = before ?? complete.find(({ segment }) => segment.line > number);
    if (!neighbor) return null;
    const source = neighbor.continue_from ?? { request_id, segment: neighbor.segment.index };
    try {
      const { model } = await this.#api.get(`api/requests/${source.request_id}`);
      return this.#models.includes(model) ? source : null;
    } catch {
      return null; // the server no longer keeps this request
    }
  }

  #onRetakeProgress() {
    const { stats } = this.#player;
    if (stats.receiving || ["waiting", "speaking", "paused"].includes(stats.state)) return;
    const { line, base, toEnd } = this.#retake;
    const ended = stats.state === "done" || (toEnd && stats.state === "stopped");
    const { error, request_id } = stats;
    this.#retake = null;
    if (ended && stats.samples > 0 && !error) this.#replaceLine(base, line, Boolean(toEnd), request_id);
    else this.recall(base, { play: false, error });
  }

  async #replaceLine(base, line, to_end, requestId) {
    try {
      const retake = await this.#api.historyEntry(requestId);
      const entry = await this.#api.put(`api/history/${base.id}/lines/${line}`, { retake: retake.id, to_end });
      this.recall(entry, { play: false });
      this.dispatchEvent(new CustomEvent("replaced", { detail: { line, base, entry, toEnd: to_end } }));
    } catch (error) {
      this.recall(base, { play: false, error: { code: error.code, message: error.message, status: error.status } });
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
