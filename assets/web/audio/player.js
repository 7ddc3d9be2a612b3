// In: a request to speak with the time of its click, or finished audio to play again. Out: `stats` and `timeline`, read by the whole
// page and by the tests, and a "change" event for each update. Plays one thing at a time. Does not know the page's elements.

import { AudioOutput } from "./audio_output.js";
import { SmoothStart } from "./smooth_start.js";
import { resolveUrl } from "./urls.js";

const START_BUFFER_MS = { ahead: 0, default: 20, max: 200 };
const AHEAD_MS = 60; // if the buffer never fell below this, the next run needs no start buffer
export const PEAKS_PER_S = 50;
export const RATE = 24000;

const INITIAL_STATS = {
  run: 0,
  state: "ready", // ready, waiting, speaking, paused, done, stopped, failed
  receiving: false,
  request_id: null,
  audio: null, // the route of the finished audio, without ?format=; null until it is complete
  recalled: false, // finished audio that is played again: it has no latency of its own
  engine: null,
  seed: null,
  first_byte_ms: null, // click -> first audio in the Worker
  first_sample_ms: null, // click -> first sample that is not silence, in the AudioWorklet
  total_ms: null, // click -> all audio received
  samples: 0, // received, at 24 kHz
  level: 0, // loudness of what was received: a gated RMS, 0 to 1
  position: 0, // of playback, in samples at 24 kHz
  samples_played: 0,
  nonzero_samples: 0,
  underruns: 0,
  start_buffer_ms: START_BUFFER_MS.default,
  collecting_s: null, // until playback starts, while audio is collected first
  min_buffer_ms: null, // the least that was buffered during playback
  server: null, // the server's timings, and server_first_pcm_ms: request received -> first audio on the socket
  failed: false, // the whole request, after its audio had begun
  finish_reason: null,
  error: null, // {code, message, status, field?, line?, model?}
};

export class Player extends EventTarget {
  stats = { ...INITIAL_STATS };
  peaks = []; // one per 20 ms
  request = null; // the body that was sent; null for finished audio
  timeline = { segments: [], underruns: [] }; // in samples at 24 kHz; a segment has its words
  expectedSeconds = () => 0; // of the current speech; the page knows
  #startBufferMs = START_BUFFER_MS.default;
  smoothStart = new SmoothStart();
  #canCollect = true; // until the user chooses to hear this run at once
  #isFilling = false; // whether playback waits for audio
  #clickedAt = 0; // on Date's clock, which the Worker and the worklet share
  #output = new AudioOutput((message) => this.#onMessage(message));

  get busy() {
    return ["waiting", "speaking"].includes(this.stats.state) || (this.stats.receiving && !this.stats.recalled);
  }

  get device_ms() {
    return this.#output.device_ms;
  }

  /** Speak `request`, a body for POST /api/tts; `language` is the page's; `clicked` is an event's timeStamp. */
  speak(request, language, clicked = performance.now()) {
    if (this.busy) this.stop();
    this.#clickedAt = Date.now() - (performance.now() - clicked);
    const id = newRequestId();
    const start_buffer_ms = this.#startBufferMs;
    this.#reset({ state: "waiting", request_id: id, start_buffer_ms }, request);
    if (!this.#output.isSupported) return this.#fail({ code: "insecure", message: null, status: null });
    const headers = { "Content-Type": "application/json", "Accept-Language": language, "X-Request-Id": id };
    const urls = { url: resolveUrl("api/tts"), events: resolveUrl(`api/requests/${id}/events`) };
    const body = JSON.stringify({ ...request, streaming: true });
    this.smoothStart.begin(request.speed);
    this.#canCollect = this.#isFilling = true;
    const collects = !this.smoothStart.startsAtOnce;
    this.#output
      .speak({ run: this.stats.run, headers, body, ...urls }, start_buffer_ms, { collects })
      .catch((error) => this.#fail({ code: "sound", message: String(error), status: null }));
    this.#changed("started");
  }

  /**
   * Load finished audio: `audio` is its route, `report` its report. Paused unless `play`, which plays the samples from `start` to
   * `end`, with the factor `volume`.
   */
  recall(audio, report, { play = true, error = null, start = 0, end = Infinity, volume = 1 } = {}) {
    if (this.busy) this.stop();
    const { timings, server_first_pcm_ms, segments = [], request_id, engine, seed, finish_reason } = report;
    const state = play ? "waiting" : "done";
    this.#reset({ state, recalled: true, audio, request_id, engine, seed, finish_reason, error, position: start });
    this.timeline.segments = segments.map(toSegmentEvent);
    this.#setReport({ timings, server_first_pcm_ms });
    if (!this.#output.isSupported) return this.#fail({ code: "insecure", message: null, status: null });
    const request = { run: this.stats.run, method: "GET", url: `${resolveUrl(audio)}?format=pcm` };
    this.#output.speak(request, 0, { silent: !play, start, end, volume });
    this.#changed("started");
  }

  #reset(stats, request = null) {
    Object.assign(this.stats, INITIAL_STATS, { run: this.stats.run + 1, receiving: true, ...stats });
    this.request = request;
    this.peaks = [];
    this.timeline = { segments: [], underruns: [] };
  }

  stop() {
    if (!this.busy && this.stats.state !== "paused") return;
    this.#output.stop(this.stats.run);
    const { receiving, recalled, samples, request_id } = this.stats;
    if (receiving && !recalled) {
      const audio = samples ? `api/requests/${request_id}/audio` : null; // what was made so far is kept
      Object.assign(this.stats, { finish_reason: "cancelled", audio });
    }
    Object.assign(this.stats, { state: "stopped", receiving: false, collecting_s: null });
    this.#changed();
  }

  /** Pause, resume, or play again from the start; while audio is collected, play what is there. */
  togglePlay() {
    if (this.stats.collecting_s !== null) {
      this.#canCollect = false;
      this.#collect();
    } else if (this.stats.state === "speaking") {
      this.#output.pause();
      this.stats.state = "paused";
    } else if (this.stats.samples && this.stats.state !== "waiting") {
      this.#output.resume();
      this.stats.state = "speaking";
    }
    this.#changed();
  }

  /** Move to `sample`, within what was received. */
  seek(sample) {
    const target = Math.max(0, Math.min(Math.round(sample), this.stats.samples));
    if (this.stats.samples) this.#output.seek(target);
  }

  /** Play the samples from `start` to `end`, then pause. */
  playRange(start, end) {
    if (!this.stats.samples) return;
    this.#output.playRange(start, Math.min(end, this.stats.samples));
    this.stats.state = "speaking";
    this.#changed();
  }

  /** {stream, close}: the played audio, for a recorder. */
  tap() {
    return this.#output.tap();
  }

  #onMessage(message) {
    if (message.run !== this.stats.run) return; // from an earlier run
    if (message.fromWorklet) this.#onPlayback(message);
    else this.#onReceived(message);
  }

  #onReceived({ type, ...detail }) {
    const { stats } = this;
    if (stats.state === "stopped") return;
    if (type === "open") {
      stats.engine = detail.headers["x-engine"] ?? stats.engine;
      stats.seed = detail.headers["x-seed"] ?? stats.seed;
    } else if (type === "peaks") {
      if (detail.samples && !stats.recalled) stats.first_byte_ms ??= this.#sinceClick(detail.at);
      stats.samples = detail.samples;
      stats.level = detail.level;
      for (const peak of detail.peaks) this.peaks.push(peak);
      if (!stats.recalled) {
        this.smoothStart.measure(detail.samples / RATE, detail.at);
        this.#collect();
      }
    } else if (type === "event") {
      this.#onEvent(detail.event);
    } else if (type === "done") {
      if (!stats.recalled) {
        stats.total_ms = this.#sinceClick(Date.now());
        this.smoothStart.end(stats.samples / RATE, this.expectedSeconds(), stats);
      }
      stats.receiving = false;
      stats.collecting_s = null;
      if (stats.samples) stats.audio ??= `api/requests/${stats.request_id}/audio`;
      if (!stats.samples && stats.state === "waiting") stats.state = "done"; // nothing to play
      if (stats.failed) return this.#fail(stats.error);
    } else if (type === "failed") {
      return this.#fail(stats.error ?? detail);
    }
    this.#changed(type);
  }

  /** If audio is generated slower than it plays, delay playback until it will not be interrupted. */
  #collect() {
    const { samples, position } = this.stats;
    const [at, received, expected] = [position / RATE, samples / RATE, this.expectedSeconds()];
    const needed = this.#canCollect ? this.smoothStart.secondsToCollect(at, received, expected) : 0;
    this.#output.collect(needed);
    const seconds = Math.ceil(this.smoothStart.secondsUntil(needed - received));
    this.#showCollecting(this.#isFilling && seconds > 0 && seconds < Infinity ? seconds : null);
  }

  #showCollecting(seconds) {
    if (this.stats.collecting_s === seconds) return;
    this.stats.collecting_s = seconds;
    this.#changed("collecting");
  }

  #onEvent(event) {
    const { stats, timeline } = this;
    if (event.type === "segment_started") timeline.segments.push({ ...event, failed: false });
    if (event.type === "words") {
      const segment = timeline.segments.find((one) => one.index === event.index);
      const before = (segment?.words ?? []).filter((word) => word.start_sample < event.words[0].start_sample);
      if (segment) segment.words = [...before, ...event.words];
    }
    if (event.type === "segment_ended" || event.type === "segment_failed") {
      const segment = timeline.segments.find((one) => one.index === event.index);
      const failed = event.type === "segment_failed";
      if (segment) Object.assign(segment, event, { failed });
      else timeline.segments.push({ start_sample: stats.samples, num_samples: 0, ...event, failed });
      if (failed) stats.error = { code: event.code, message: event.message, status: null };
    }
    if (event.type === "done") {
      this.#setReport(event);
      stats.seed = event.seed ?? stats.seed;
      stats.finish_reason = event.finish_reason ?? null;
    }
    if (event.type === "error") {
      stats.error = { code: event.code, message: event.message, status: null };
      stats.failed = true;
    }
  }

  #setReport({ timings, server_first_pcm_ms }) {
    this.stats.server = { ...timings, server_first_pcm_ms };
  }

  /** Fetch the server's timings. Its latency is known long before the last event, so it is fetched at the first sample. */
  async #fetchReport(run) {
    try {
      const response = await fetch(resolveUrl(`api/requests/${this.stats.request_id}`));
      const report = await response.json();
      if (!response.ok || run !== this.stats.run || this.stats.server) return;
      this.#setReport(report);
      this.#changed("report");
    } catch {
      // the last event has the same figures
    }
  }

  #onPlayback({ type, at, state, position, samples_played, nonzero_samples, underruns, min_buffer_ms }) {
    const { stats, timeline } = this;
    Object.assign(stats, { position, samples_played, nonzero_samples, underruns, min_buffer_ms });
    this.#isFilling = state === "filling";
    if (!this.#isFilling) this.#showCollecting(null);
    if (type === "first") {
      if (stats.state === "waiting") stats.state = "speaking";
      if (!stats.recalled) {
        stats.first_sample_ms = this.#sinceClick(at);
        this.#fetchReport(stats.run);
      }
    }
    if (type === "underrun") {
      timeline.underruns.push(position);
      this.#startBufferMs = Math.min(START_BUFFER_MS.max, 2 * this.#startBufferMs + 20);
    }
    if (type === "finished") {
      if (["waiting", "speaking"].includes(stats.state)) stats.state = "done";
      const ahead = min_buffer_ms > AHEAD_MS;
      if (!underruns && min_buffer_ms !== null) this.#startBufferMs = START_BUFFER_MS[ahead ? "ahead" : "default"];
    }
    if (state === "finished" && stats.state === "speaking") stats.state = "done";
    if (type === "reached") stats.state = "paused";
    this.#changed(type);
  }

  /** Milliseconds from the click to `at`; both clocks have millisecond resolution. */
  #sinceClick(at) {
    return Math.round(at - this.#clickedAt);
  }

  #fail(error) {
    Object.assign(this.stats, { state: "failed", receiving: false, collecting_s: null, error });
    this.#changed("failed");
  }

  #changed(what = "") {
    this.dispatchEvent(new CustomEvent("change", { detail: what }));
  }
}

/** A segment of a report in the form of the server's events. */
function toSegmentEvent({ segment, failed, ...rest }) {
  const { index, line, text } = segment;
  return { ...rest, index, line, text, failed: Boolean(failed) };
}

/** A unique request id; `crypto.randomUUID` exists on https only. */
export function newRequestId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
