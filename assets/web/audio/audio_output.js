// In: one run to play. Out: audio, and `onMessage(message)` for every message of the Worker (network) and the AudioWorklet
// (device). Owns the AudioContext, which is created at page load and resumed by the first gesture. Does not know the page.

const RATE = 24000;
const GESTURES = ["pointerdown", "keydown", "click"];
const SUSPEND_AFTER_MS = 60000; // a running context keeps the computer awake, even when silent

export class AudioOutput {
  #worker = new Worker(new URL("fetch_worker.js", import.meta.url), { type: "module" });
  #context = null;
  #node = null;
  #suspendTimer = null;
  #onMessage;

  constructor(onMessage) {
    this.#onMessage = onMessage;
    this.#worker.onmessage = ({ data }) => this.#onMessage(data);
    this.ready = this.#start();
    for (const gesture of GESTURES) document.addEventListener(gesture, () => this.wake(), { capture: true });
  }

  /** Whether this browser can play here: worklets exist only on https and on localhost. */
  get isSupported() {
    return Boolean(globalThis.AudioContext && globalThis.isSecureContext && globalThis.AudioWorkletNode);
  }

  /** Latency of the output device in ms, beyond what the page can measure; null where the browser does not report it. */
  get device_ms() {
    const seconds = this.#context?.outputLatency;
    return seconds ? Math.round(1000 * seconds) : null;
  }

  async #start() {
    if (!this.isSupported) return;
    try {
      this.#context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    } catch {
      this.#context = new AudioContext({ latencyHint: "interactive" }); // the Worker resamples
    }
    await this.#context.audioWorklet.addModule(new URL("playback_worklet.js", import.meta.url));
    this.#node = new AudioWorkletNode(this.#context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => {
      if (data.type === "finished") this.#suspendLater();
      const position = Math.round((data.position * RATE) / this.#context.sampleRate);
      this.#onMessage({ ...data, fromWorklet: true, position });
    };
    this.#node.connect(this.#context.destination);
  }

  /** Resume the context; browsers allow it within a gesture. */
  wake() {
    clearTimeout(this.#suspendTimer);
    this.#suspendTimer = null;
    if (this.#context && this.#context.state !== "running") this.#context.resume().catch(() => {});
  }

  /**
   * Request and play audio. `request` is {run, url, events, headers, body}, or {run, method: "GET", url} for finished audio;
   * playback starts `startBufferMs` after the first samples; with `collects` only after `collect`, with `silent` after
   * `resume`. It plays the samples from `start` to `end` (at 24 kHz), with the factor `volume`.
   */
  async speak(request, startBufferMs, options = {}) {
    const { collects = false, silent = false, start = 0, end = Infinity, volume = 1 } = options;
    this.wake();
    if (!this.#node) await this.ready;
    const { port1, port2 } = new MessageChannel();
    const startBuffer = startBufferMs / 1000;
    const scale = this.#context.sampleRate / RATE;
    const range = { startAt: Math.round(start * scale), rangeEnd: Math.round(end * scale) };
    const open = { type: "open", run: request.run, port: port2, startBuffer, collects, silent, volume, ...range };
    this.#node.port.postMessage(open, [port2]);
    this.#worker.postMessage({ type: "speak", ...request, rate: this.#context.sampleRate, port: port1 }, [port1]);
  }

  /** Abort the request at once and fade the audio out. */
  stop(run) {
    this.#worker.postMessage({ type: "abort", run });
    this.#post("stop");
    this.#suspendLater();
  }

  pause() {
    this.#post("pause");
    this.#suspendLater();
  }

  resume() {
    this.wake();
    this.#post("resume");
  }

  /** Start or resume playback no sooner than with `seconds` of audio. */
  collect(seconds) {
    this.#post("collect", { until: seconds * this.#context.sampleRate });
  }

  /** Move to `sample` (at 24 kHz). */
  seek(sample) {
    this.#post("seek", { sample: Math.round((sample * this.#context.sampleRate) / RATE) });
  }

  /** Play from one sample to another (at 24 kHz). */
  playRange(from, until) {
    this.wake();
    const scale = this.#context.sampleRate / RATE;
    this.#post("range", { from: Math.round(from * scale), until: Math.round(until * scale) });
  }

  /** {stream, close}: the played audio, for a recorder. */
  tap() {
    const destination = this.#context.createMediaStreamDestination();
    this.#node.connect(destination);
    return { stream: destination.stream, close: () => this.#node.disconnect(destination) };
  }

  #post(type, detail = {}) {
    this.#node?.port.postMessage({ type, ...detail });
  }

  #suspendLater() {
    clearTimeout(this.#suspendTimer);
    this.#suspendTimer = setTimeout(() => this.#context?.suspend(), SUSPEND_AFTER_MS);
  }
}
