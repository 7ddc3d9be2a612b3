// In: one run to speak. Out: sound, and `on(message)` for every message of the Worker (network) and the AudioWorklet (device).
// Holds the AudioContext, made at page load and woken by the first gesture. Knows nothing of the page.

const RATE = 24000;
const GESTURES = ["pointerdown", "keydown", "click"];
const REST_MS = 60000; // a silent context that runs keeps a computer awake

export class Sound {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #context = null;
  #node = null;
  #resting = null;
  #on;

  constructor(on) {
    this.#on = on;
    this.#worker.onmessage = ({ data }) => this.#on(data);
    this.ready = this.#start();
    for (const gesture of GESTURES) document.addEventListener(gesture, () => this.wake(), { capture: true });
  }

  /** Whether this browser lets the page play at all: worklets exist only on https and on localhost. */
  get possible() {
    return Boolean(globalThis.AudioContext && globalThis.isSecureContext && globalThis.AudioWorkletNode);
  }

  /** What the device adds after the last figure we can measure, in ms; null where the browser does not say. */
  get device_ms() {
    const seconds = this.#context?.outputLatency;
    return seconds ? Math.round(1000 * seconds) : null;
  }

  async #start() {
    if (!this.possible) return;
    try {
      this.#context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    } catch {
      this.#context = new AudioContext({ latencyHint: "interactive" }); // the Worker resamples
    }
    await this.#context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
    this.#node = new AudioWorkletNode(this.#context, "player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => {
      if (data.type === "finished") this.#rest();
      this.#on({ ...data, sound: true, position: Math.round((data.position * RATE) / this.#context.sampleRate) });
    };
    this.#node.connect(this.#context.destination);
  }

  /** Let the context run; browsers grant it from within a gesture. */
  wake() {
    clearTimeout(this.#resting);
    this.#resting = null;
    if (this.#context && this.#context.state !== "running") this.#context.resume().catch(() => {});
  }

  /**
   * Ask for speech: `order` is {run, url, events, headers, body}, or {run, method: "GET", url} for a finished sound; `hold_ms` is
   * waited after the first sound came; a `silent` one waits for `resume`.
   */
  async speak(order, hold_ms, silent = false) {
    this.wake();
    if (!this.#node) await this.ready;
    const { port1, port2 } = new MessageChannel();
    this.#node.port.postMessage({ type: "open", run: order.run, port: port2, hold: hold_ms / 1000, silent }, [port2]);
    this.#worker.postMessage({ type: "speak", ...order, rate: this.#context.sampleRate, port: port1 }, [port1]);
  }

  /** Leave the request; the server hears of it at once, the ear after a short fade. */
  stop(run) {
    this.#worker.postMessage({ type: "abort", run });
    this.#tell("stop");
    this.#rest();
  }

  pause() {
    this.#tell("pause");
    this.#rest();
  }

  resume() {
    this.wake();
    this.#tell("resume");
  }

  /** Go to `sample` (at 24 kHz) of what exists. */
  seek(sample) {
    this.#tell("seek", { sample: Math.round((sample * this.#context.sampleRate) / RATE) });
  }

  /** Play from one sample to another (at 24 kHz). */
  playRange(from, until) {
    this.wake();
    const scale = this.#context.sampleRate / RATE;
    this.#tell("range", { from: Math.round(from * scale), until: Math.round(until * scale) });
  }

  /** {stream, close}: what is heard, for a recorder. */
  tap() {
    const tap = this.#context.createMediaStreamDestination();
    this.#node.connect(tap);
    return { stream: tap.stream, close: () => this.#node.disconnect(tap) };
  }

  #tell(type, detail = {}) {
    this.#node?.port.postMessage({ type, ...detail });
  }

  #rest() {
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#context?.suspend(), REST_MS);
  }
}
