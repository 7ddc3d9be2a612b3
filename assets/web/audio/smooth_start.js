// When to start audio so that it plays without breaks, even if it is generated slower than it plays. In: the speeds of the engines, and
// how much was received by when. Out: how much to collect before playing. Remembers the speed of each engine in this browser.

const STORAGE_KEY = "qwen3tts.speeds"; // {engines: seconds of speech per second}
const MAX_STORED = 8;
const MIN_MEASURED_S = 0.3;
const JITTER_S = 0.08; // a frame may have come early
const UNCERTAIN = 1.15; // an engine known to be that much faster than playback starts at once
const MAX_UNCERTAIN = 2; // with pieces so long that playback had to wait for one
const MAX_GAIN = 1.2; // audio may come in bursts: no run is taken to be faster than its engine was
const LONGER = 1.2; // durations are estimates
const SLOWER = 0.97; // so are speeds

export class SmoothStart {
  #engines = ""; // what is loaded, the key of the stored speed
  #bar = UNCERTAIN;
  #known = null; // the last speed of the engines, or a predicted one
  #rate = 1; // of this run: the factor by which its speech is faster
  #speed = null; // seconds of audio per second, measured in this run
  #first = null; // {seconds, at}: the first audio of this run
  #stretch = 1; // how much longer the last speech was than expected

  /** `engines` of GET /api/info. A request may be spoken by any of them: the slowest counts. GPUs are fast until measured. */
  setEngines(engines) {
    this.#engines = engines.map(({ name, model, device, dtype }) => [name, model, device, dtype].join(" ")).join(" + ");
    const speeds = engines.map(({ speed, device }) => speed ?? (device.startsWith("cuda") ? Infinity : 0));
    this.#known = readSpeeds()[this.#engines] ?? (Math.min(...speeds) || null);
  }

  /** A request with the factor `rate` for its speech begins. */
  begin(rate = 1) {
    this.#rate = rate;
    this.#speed = this.#first = null;
  }

  /** Whether playback may start before anything is measured. */
  get startsAtOnce() {
    return this.#known !== null && this.#known / this.#rate >= this.#bar;
  }

  /** Record that `seconds` of audio were received by the time `at`, in ms. */
  measure(seconds, at) {
    this.#first ??= { seconds, at };
    const elapsed_s = (at - this.#first.at) / 1000;
    if (elapsed_s >= MIN_MEASURED_S) this.#speed = this.#limit((seconds - JITTER_S - this.#first.seconds) / elapsed_s);
  }

  #limit(speed) {
    return this.#known === null ? speed : Math.min(speed, (MAX_GAIN * this.#known) / this.#rate);
  }

  /** All was received: `seconds` of audio, `expected` of them. `server` has the server's timings, if they are known. */
  end(seconds, expected, { server, underruns }) {
    if (expected > 0) this.#stretch = Math.max(1, Math.min(2, seconds / expected));
    const elapsed_s = (server?.total_ms - server?.queued_ms) / 1000;
    if (!(elapsed_s > 0) || server.includes_warmup || seconds < MIN_MEASURED_S) return;
    this.#known = (seconds / elapsed_s) * this.#rate;
    if (underruns) this.#bar = Math.min(MAX_UNCERTAIN, Math.max(this.#bar, UNCERTAIN * this.#known));
    storeSpeed(this.#engines, this.#known);
  }

  /**
   * How much audio has to be there before it is played from `position`, with `received` there and `expected` in all (0: unknown); all
   * in seconds. Infinity until the speed is known.
   */
  secondsToCollect(position, received, expected) {
    if (this.#speed === null) return this.startsAtOnce ? 0 : Infinity;
    if (this.#speed * SLOWER >= 1) return 0;
    if (!expected) return Infinity;
    const duration = Math.max(received, expected * this.#stretch);
    return Math.min(duration, position + (duration - position) * LONGER * (1 - this.#speed * SLOWER));
  }

  /** In how many seconds another `missing` seconds of audio will have been received. */
  secondsUntil(missing) {
    return missing / Math.max(this.#speed, 0.01);
  }
}

function readSpeeds() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {};
  }
}

function storeSpeed(engines, speed) {
  const others = Object.entries(readSpeeds()).filter(([key]) => key !== engines);
  const latest = [...others.slice(1 - MAX_STORED), [engines, Math.round(100 * speed) / 100]];
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(Object.fromEntries(latest)));
  } catch {
    // no storage, or a full one
  }
}
