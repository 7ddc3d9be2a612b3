// In: what to speak and when it was asked for, or a finished sound to hear again. Out: `stats` and `marks`, which the whole
// page and the tests read; a "change" event whenever they changed. One sound at a time. Knows no element of the page.

import { Sound } from "./sound.js";

const BASE = new URL("..", import.meta.url);
const HOLDS_MS = { ahead: 0, usual: 20, most: 200 };
const ALWAYS_AHEAD_MS = 60; // never less than this in store: the source is faster than the ear
export const PEAKS_PER_S = 50;
export const RATE = 24000;

const NOTHING = {
  run: 0,
  state: "ready", // ready, waiting, speaking, paused, done, stopped, failed
  receiving: false,
  request_id: null,
  audio: null, // the route of the finished sound, without ?format=; null until there is one
  recalled: false, // a finished sound, heard again: it has no latency of its own
  engine: null,
  seed: null,
  first_byte_ms: null, // click -> first sound in the Worker
  first_sample_ms: null, // click -> first sample that is not silence, in the AudioWorklet
  total_ms: null, // click -> all sound has come
  samples: 0, // received, at 24 kHz
  position: 0, // being heard, in samples at 24 kHz
  samples_played: 0,
  nonzero_samples: 0,
  underruns: 0,
  hold_ms: HOLDS_MS.usual,
  slack_ms: null, // the least that was ever in store
  server: null, // the server's own timings, and server_first_pcm_ms: request received -> first sound on the socket
  failed: false, // the whole request, after its sound had begun
  stopped: null,
  error: null, // {code, message, status}
};

/** The address of one of our routes, wherever the page is mounted. */
export function route(path) {
  return new URL(path, BASE).href;
}

export class Player extends EventTarget {
  stats = { ...NOTHING };
  peaks = []; // of every 20 ms
  request = null; // the body that was asked; null for a finished sound that is only heard again
  marks = { segments: [], underruns: [] }; // in samples at 24 kHz
  #hold = HOLDS_MS.usual;
  #clicked = 0; // on Date's clock, which the Worker and the worklet share
  #sound = new Sound((message) => this.#heard(message));

  get busy() {
    return ["waiting", "speaking"].includes(this.stats.state) || (this.stats.receiving && !this.stats.recalled);
  }

  get device_ms() {
    return this.#sound.device_ms;
  }

  /** Speak `request`, a body for POST /api/tts; `language` is the page's; `clicked` an event's timeStamp. */
  speak(request, language, clicked = performance.now()) {
    if (this.busy) this.stop();
    this.#clicked = Date.now() - (performance.now() - clicked);
    this.peaks = [];
    this.marks = { segments: [], underruns: [] };
    this.request = request;
    const id = newId();
    const run = this.stats.run + 1;
    Object.assign(this.stats, NOTHING, { run, state: "waiting", receiving: true, request_id: id, hold_ms: this.#hold });
    if (!this.#sound.possible) return this.#fail({ code: "insecure", message: null, status: null });
    const headers = { "Content-Type": "application/json", "Accept-Language": language, "X-Request-Id": id };
    const urls = { url: route("api/tts"), events: route(`api/requests/${id}/events`) };
    this.#sound
      .speak({ run, headers, body: JSON.stringify({ ...request, streaming: true }), ...urls }, this.#hold)
      .catch((error) => this.#fail({ code: "sound", message: String(error), status: null }));
    this.#changed("started");
  }

  /** Have a finished sound in place of what is here: `audio` is its route, `account` its report. Silent unless `play`. */
  recall(audio, account, { play = true, error = null } = {}) {
    if (this.busy) this.stop();
    const { timings, server_first_pcm_ms, segments = [], request_id, engine, seed, stopped } = account;
    const run = this.stats.run + 1;
    const state = play ? "waiting" : "done";
    Object.assign(this.stats, NOTHING, { run, state, receiving: true, recalled: true, audio, request_id, engine, seed, stopped, error });
    this.request = null;
    this.peaks = [];
    this.marks = { segments: segments.map(flat), underruns: [] };
    this.#account({ timings, server_first_pcm_ms });
    if (!this.#sound.possible) return this.#fail({ code: "insecure", message: null, status: null });
    this.#sound.speak({ run, method: "GET", url: `${route(audio)}?format=pcm` }, 0, !play);
    this.#changed("started");
  }

  stop() {
    if (!this.busy && this.stats.state !== "paused") return;
    this.#sound.stop(this.stats.run);
    Object.assign(this.stats, { state: "stopped", receiving: false });
    this.#changed();
  }

  /** Pause, go on, or hear it again from the start. */
  togglePlay() {
    if (this.stats.state === "speaking") {
      this.#sound.pause();
      this.stats.state = "paused";
    } else if (this.stats.samples && this.stats.state !== "waiting") {
      this.#sound.resume();
      this.stats.state = "speaking";
    }
    this.#changed();
  }

  /** Go to `sample` of what exists. */
  seek(sample) {
    const there = Math.max(0, Math.min(Math.round(sample), this.stats.samples));
    if (this.stats.samples) this.#sound.seek(there);
  }

  /** Hear the samples from `start` up to `end`, and no more. */
  playRange(start, end) {
    if (!this.stats.samples) return;
    this.#sound.playRange(start, Math.min(end, this.stats.samples));
    this.stats.state = "speaking";
    this.#changed();
  }

  /** {stream, close}: what is heard, for a recorder. */
  tap() {
    return this.#sound.tap();
  }

  #heard(message) {
    if (message.run !== this.stats.run) return; // of a request that was left
    if (message.sound) this.#played(message);
    else this.#received(message);
  }

  #received({ type, ...told }) {
    const { stats } = this;
    if (stats.state === "stopped") return;
    if (type === "open") {
      stats.engine = told.headers["x-engine"] ?? stats.engine;
      stats.seed = told.headers["x-seed"] ?? stats.seed;
    } else if (type === "peaks") {
      if (told.samples && !stats.recalled) stats.first_byte_ms ??= this.#since(told.at);
      stats.samples = told.samples;
      for (const peak of told.peaks) this.peaks.push(peak);
    } else if (type === "event") {
      this.#event(told.event);
    } else if (type === "done") {
      if (!stats.recalled) stats.total_ms = this.#since(Date.now());
      stats.receiving = false;
      if (stats.samples) stats.audio ??= `api/requests/${stats.request_id}/audio`;
      if (!stats.samples && stats.state === "waiting") stats.state = "done"; // nothing will ever be heard
      if (stats.failed) return this.#fail(stats.error);
    } else if (type === "failed") {
      return this.#fail(stats.error ?? told);
    }
    this.#changed(type);
  }

  #event(event) {
    const { stats, marks } = this;
    if (event.type === "segment_started") marks.segments.push({ ...event, failed: false });
    if (event.type === "segment_ended" || event.type === "segment_failed") {
      const segment = marks.segments.find((one) => one.index === event.index);
      const failed = event.type === "segment_failed";
      if (segment) Object.assign(segment, event, { failed });
      else marks.segments.push({ start_sample: stats.samples, num_samples: 0, ...event, failed });
      if (event.type === "segment_failed") stats.error = { code: event.code, message: event.message, status: null };
    }
    if (event.type === "done") {
      this.#account(event);
      stats.seed = event.seed ?? stats.seed;
      stats.stopped = event.stopped ?? null;
    }
    if (event.type === "error") {
      stats.error = { code: event.code, message: event.message, status: null };
      stats.failed = true;
    }
  }

  /** The server's own figures; its latency is known long before the end, so it is asked once sound is heard. */
  #account({ timings, server_first_pcm_ms }) {
    this.stats.server = { ...timings, server_first_pcm_ms };
  }

  async #askAccount(run) {
    try {
      const answer = await fetch(route(`api/requests/${this.stats.request_id}`));
      const account = await answer.json();
      if (!answer.ok || run !== this.stats.run || this.stats.server) return;
      this.#account(account);
      this.#changed("account");
    } catch {
      // the last event brings the same figures
    }
  }

  #played({ type, at, state, position, samples_played, nonzero_samples, underruns, slack_ms }) {
    const { stats, marks } = this;
    Object.assign(stats, { position, samples_played, nonzero_samples, underruns, slack_ms });
    if (type === "first") {
      if (stats.state === "waiting") stats.state = "speaking";
      if (!stats.recalled) {
        stats.first_sample_ms = this.#since(at);
        this.#askAccount(stats.run);
      }
    }
    if (type === "dry") {
      marks.underruns.push(position);
      this.#hold = Math.min(HOLDS_MS.most, 2 * this.#hold + 20);
    }
    if (type === "finished") {
      if (["waiting", "speaking"].includes(stats.state)) stats.state = "done";
      if (!underruns && slack_ms !== null) this.#hold = slack_ms > ALWAYS_AHEAD_MS ? HOLDS_MS.ahead : HOLDS_MS.usual;
    }
    if (state === "finished" && stats.state === "speaking") stats.state = "done";
    if (type === "reached") stats.state = "paused";
    this.#changed(type);
  }

  /** Milliseconds from the click to `at`; both clocks tick once a millisecond. */
  #since(at) {
    return Math.round(at - this.#clicked);
  }

  #fail(error) {
    Object.assign(this.stats, { state: "failed", receiving: false, error });
    this.#changed("failed");
  }

  #changed(what = "") {
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }
}

/** A segment of a report in the form of the events. */
function flat({ segment, start_sample, num_samples, stopped, failed, voice, timings }) {
  return { index: segment.index, line: segment.line, text: segment.text, start_sample, num_samples, stopped, voice, timings, failed: Boolean(failed) };
}

/** A request id that nobody else has; `crypto.randomUUID` exists on https only. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
