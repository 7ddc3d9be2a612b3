// In: peaks (one per 20 ms), the playback position, the expected duration. Out: bars on a canvas: played in green, buffered in pale
// green, expected as a dotted line; segments, the first audio and underruns are marked. Draws on animation frames, only after a change,
// and never more bars than fit. Pointer and keyboard move the playback position.

import { PEAKS_PER_S, RATE } from "../../audio/player.js";
import { formatDuration } from "../../components/dom.js";

const PITCH = 6; // CSS px from bar to bar
const BAR = 3.4;
const MIN_SPAN_S = 4; // short audio does not fill the whole width
const GROWTH = 1.25; // audio that outgrows the estimate gets this much more space at a time
const AUDIBLE = 0.003;
const REDUCED_MOTION_MS = 500; // between drawings
const STEPS_S = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5 };

export class Waveform {
  #canvas;
  #context;
  #player;
  #expectedSeconds;
  #scheduled = false;
  #reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  #barPeaks = new BarPeaks();

  /** `expectedSeconds()` is the estimated duration of the current speech. */
  constructor(canvas, player, expectedSeconds) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#player = player;
    this.#expectedSeconds = expectedSeconds;
    new ResizeObserver(() => this.draw()).observe(canvas);
    new MutationObserver(() => this.draw()).observe(document.body, { attributeFilter: ["class"] }); // light or dark
    matchMedia("(resolution: 1dppx)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => this.#onPointerDown(event));
    canvas.addEventListener("pointermove", (event) => this.#onPointerMove(event));
    canvas.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /** Seconds from the left edge to the right. */
  get span_s() {
    const { samples, receiving } = this.#player.stats;
    const received = samples / RATE;
    const expected = Math.max(MIN_SPAN_S, receiving ? this.#expectedSeconds() : received);
    if (!receiving || received <= expected) return Math.max(expected, received);
    return expected * GROWTH ** Math.ceil(Math.log(received / expected) / Math.log(GROWTH));
  }

  /** Draw at the next animation frame. */
  draw() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const paint = () =>
      requestAnimationFrame(() => {
        this.#scheduled = false;
        this.#paint();
      });
    const moving = ["speaking", "waiting"].includes(this.#player.stats.state);
    if (this.#reducedMotion.matches && moving) setTimeout(paint, REDUCED_MOTION_MS);
    else paint();
  }

  #onPointerDown(event) {
    if (event.button) return;
    if (event.isTrusted) this.#canvas.setPointerCapture(event.pointerId);
    this.#player.seek(this.#sampleAt(event));
  }

  /** Show the time below the pointer; with the button down, move the position along. */
  #onPointerMove(event) {
    const sample = this.#sampleAt(event);
    const segment = this.#player.timeline.segments.findLast((one) => one.start_sample <= sample);
    const title = [formatDuration(Math.max(0, sample / RATE)), segment && `#${segment.line + 1}`];
    this.#canvas.title = title.filter(Boolean).join(" · ");
    if (event.buttons & 1) this.#player.seek(sample);
  }

  #sampleAt({ offsetX }) {
    return (offsetX / this.#canvas.clientWidth) * this.span_s * RATE;
  }

  #onKey(event) {
    const { stats } = this.#player;
    const ends = { Home: 0, End: stats.samples };
    const step = STEPS_S[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ends) this.#player.seek(ends[event.key]);
    else if (step) this.#player.seek(stats.position + step * RATE);
    else if (event.key === " ") this.#player.togglePlay();
    else return;
    event.preventDefault();
  }

  #paint() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width || !height) return;
    const scale = devicePixelRatio;
    const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
    if (this.#canvas.width !== size.width || this.#canvas.height !== size.height) Object.assign(this.#canvas, size);
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
    this.#context.clearRect(0, 0, width, height);
    const { peaks, timeline, stats } = this.#player;
    const style = getComputedStyle(this.#canvas);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    const wave = { peaks, timeline, stats, span_s: this.span_s, barPeaks: this.#barPeaks };
    paintWave(this.#context, wave, width, height, color);
  }
}

/** Paint `wave`, {peaks, timeline, stats, span_s, barPeaks}; `color(name)` gives the theme's colors. */
export function paintWave(context, wave, width, height, color) {
  paintBars(context, wave, width, height, color);
  paintMarks(context, wave, width, height, color);
}

function paintBars(context, { peaks, stats, span_s, barPeaks }, width, height, color) {
  const count = Math.floor(width / PITCH);
  const perBar = (span_s * PEAKS_PER_S) / count;
  const played = (stats.position / RATE / span_s) * count;
  const received = Math.min(count, Math.ceil(peaks.length / perBar));
  const levels = barPeaks.compute(peaks, perBar, received);
  const paint = (name, from, to) => {
    context.fillStyle = color(name);
    context.beginPath();
    for (let bar = from; bar < to; bar++) {
      const size = Math.max(3, (height - 20) * levels[bar] ** 0.7);
      context.roundRect(bar * PITCH + (PITCH - BAR) / 2, (height - size) / 2, BAR, size, BAR / 2);
    }
    context.fill();
  };
  paint("wave-played", 0, Math.min(received, Math.ceil(played)));
  paint("wave-buffered", Math.ceil(played), received);
  context.fillStyle = color("wave-pending");
  for (let bar = received; bar < count; bar++) {
    context.fillRect(bar * PITCH + (PITCH - BAR) / 2, height / 2 - 1, BAR, 2);
  }
}

/** Segments: a tick and a number. First audio: a green dot. Underruns: amber wedges. */
function paintMarks(context, { peaks, timeline, stats, span_s }, width, height, color) {
  const xOf = (sample) => (sample / RATE / span_s) * width;
  paintSegments(context, timeline.segments, xOf, width, height, color);
  const showFirst = stats.samples && timeline.firstAudio !== false;
  const first = showFirst ? peaks.findIndex((peak) => peak > AUDIBLE) : -1;
  if (first >= 0) {
    context.fillStyle = color("green");
    context.beginPath();
    context.arc(Math.max(4, xOf((first * RATE) / PEAKS_PER_S)), height - 6, 3.5, 0, 2 * Math.PI);
    context.fill();
  }
  context.fillStyle = color("wave-underrun");
  for (const sample of timeline.underruns) {
    const x = xOf(sample);
    context.beginPath();
    context.moveTo(x, height - 12);
    context.lineTo(x + 5, height);
    context.lineTo(x - 5, height);
    context.fill();
    context.fillRect(x - 0.5, 12, 1, height - 24);
  }
}

function paintSegments(context, segments, xOf, width, height, color) {
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  let labelEnd = -Infinity;
  for (const { start_sample, line, index } of segments) {
    const x = xOf(start_sample);
    if (index) {
      context.fillStyle = color("wave-tick");
      context.fillRect(Math.round(x), 2, 1, height - 4);
    }
    if (segments.length < 2 || x < labelEnd || x > width - 16) continue;
    context.fillStyle = color("text-subtle");
    context.fillText(String((line ?? index) + 1), x + 4, 0);
    labelEnd = x + 22;
  }
}

/** The largest peak of each bar. Complete bars are cached, so that long audio costs no more than short. */
export class BarPeaks {
  #peaks = null;
  #perBar = 0;
  #bars = [];
  #numComplete = 0;

  compute(peaks, perBar, count) {
    if (peaks !== this.#peaks || perBar !== this.#perBar) {
      this.#peaks = peaks;
      this.#perBar = perBar;
      this.#bars = [];
      this.#numComplete = 0;
    }
    for (let bar = this.#numComplete; bar < count; bar++) {
      this.#bars[bar] = maxPeak(peaks, bar * perBar, (bar + 1) * perBar);
    }
    this.#numComplete = Math.max(0, Math.min(count, Math.floor(peaks.length / perBar)));
    return this.#bars;
  }
}

/** The largest of `peaks` from `from` to `to`, rounded down; at least one is included. */
function maxPeak(peaks, from, to) {
  const first = Math.floor(from);
  const end = Math.min(peaks.length, Math.max(first + 1, Math.floor(to)));
  let max = 0;
  for (let i = first; i < end; i++) if (peaks[i] > max) max = peaks[i];
  return Math.min(1, max);
}
