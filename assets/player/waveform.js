// In: peaks (one every 20 ms), how much was heard, how much is still expected. Out: bars on a canvas: heard in green, made in
// pale green, expected as a dotted line; segments, the first sound and underruns are marked. Draws on animation frames, only when
// something changed, and never more bars than there is room for. Also the way to move in what exists: pointer and keyboard.

import { clock } from "./dom.js";
import { PEAKS_PER_S, RATE } from "./player.js";

const PITCH = 6; // CSS px from bar to bar
const BAR = 3.4;
const LEAST_S = 4; // a short sound does not fill the whole width
const GROWTH = 1.25; // sound that outgrows the estimate gets this much more room at a time
const AUDIBLE = 0.003;
const CALM_MS = 500; // between drawings, where motion is not wanted
const STEPS_S = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5 };

export class Waveform {
  #canvas;
  #pen;
  #player;
  #expected_s;
  #asked = false;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #loudest = new Loudest();

  /** `expected_s()` is the estimated length of what is being spoken. */
  constructor(canvas, player, expected_s) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    this.#player = player;
    this.#expected_s = expected_s;
    new ResizeObserver(() => this.draw()).observe(canvas);
    new MutationObserver(() => this.draw()).observe(document.body, { attributeFilter: ["class"] }); // light or dark
    matchMedia("(resolution: 1dppx)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => this.#drag(event));
    canvas.addEventListener("pointermove", (event) => this.#point(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Seconds from the left edge to the right. */
  get span_s() {
    const { samples, receiving } = this.#player.stats;
    const made = samples / RATE;
    const wanted = Math.max(LEAST_S, receiving ? this.#expected_s() : made);
    if (!receiving || made <= wanted) return Math.max(wanted, made);
    return wanted * GROWTH ** Math.ceil(Math.log(made / wanted) / Math.log(GROWTH));
  }

  /** Ask for a drawing at the next frame. */
  draw() {
    if (this.#asked) return;
    this.#asked = true;
    const paint = () =>
      requestAnimationFrame(() => {
        this.#asked = false;
        this.#paint();
      });
    const moving = ["speaking", "waiting"].includes(this.#player.stats.state);
    if (this.#calm.matches && moving) setTimeout(paint, CALM_MS);
    else paint();
  }

  #drag(event) {
    if (event.button) return;
    if (event.isTrusted) this.#canvas.setPointerCapture(event.pointerId);
    this.#seek(event);
  }

  #seek(event) {
    this.#player.seek((event.offsetX / this.#canvas.clientWidth) * this.span_s * RATE);
  }

  /** Where the pointer is, in words; with a button down it takes the sound along. */
  #point(event) {
    const sample = (event.offsetX / this.#canvas.clientWidth) * this.span_s * RATE;
    const segment = this.#player.marks.segments.findLast((one) => one.start_sample <= sample);
    this.#canvas.title = [clock(Math.max(0, sample / RATE)), segment && `#${segment.line + 1}`].filter(Boolean).join(" · ");
    if (event.buttons & 1) this.#seek(event);
  }

  #key(event) {
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
    const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== across || this.#canvas.height !== down) Object.assign(this.#canvas, { width: across, height: down });
    this.#pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.#pen.clearRect(0, 0, width, height);
    const { peaks, marks, stats } = this.#player;
    const style = getComputedStyle(this.#canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    paintWave(this.#pen, { peaks, marks, stats, span_s: this.span_s, loudest: this.#loudest }, width, height, colour);
  }
}

/** Bars and marks of `sound` ({peaks, marks, stats, span_s, loudest}) on `pen`, in the colours that `colour(name)` gives. */
export function paintWave(pen, sound, width, height, colour) {
  bars(pen, sound, width, height, colour);
  marks(pen, sound, width, height, colour);
}

function bars(pen, { peaks, stats, span_s, loudest }, width, height, colour) {
  const count = Math.floor(width / PITCH);
  const perBar = (span_s * PEAKS_PER_S) / count;
  const heard = (stats.position / RATE / span_s) * count;
  const made = Math.min(count, Math.ceil(peaks.length / perBar));
  const tall = loudest.of(peaks, perBar, made);
  for (const [tone, from, to] of [["wave-heard", 0, Math.min(made, Math.ceil(heard))], ["wave-made", Math.ceil(heard), made]]) {
    pen.fillStyle = colour(tone);
    pen.beginPath();
    for (let bar = from; bar < to; bar++) {
      const size = Math.max(3, (height - 20) * tall[bar] ** 0.7);
      pen.roundRect(bar * PITCH + (PITCH - BAR) / 2, (height - size) / 2, BAR, size, BAR / 2);
    }
    pen.fill();
  }
  pen.fillStyle = colour("wave-rest");
  for (let bar = made; bar < count; bar++) pen.fillRect(bar * PITCH + (PITCH - BAR) / 2, height / 2 - 1, BAR, 2);
}

/** Segments: a line and a number. The first sound: a green point. Underruns: amber wedges. */
function marks(pen, { peaks, marks, stats, span_s }, width, height, colour) {
  const place = (sample) => (sample / RATE / span_s) * width;
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "top";
  let free = -Infinity;
  for (const { start_sample, line, index } of marks.segments) {
    const x = place(start_sample);
    if (index) {
      pen.fillStyle = colour("wave-tick");
      pen.fillRect(Math.round(x), 2, 1, height - 4);
    }
    if (marks.segments.length < 2 || x < free || x > width - 16) continue;
    pen.fillStyle = colour("faint");
    pen.fillText(String((line ?? index) + 1), x + 4, 0);
    free = x + 22;
  }
  const first = stats.samples && marks.first !== false ? peaks.findIndex((peak) => peak > AUDIBLE) : -1;
  if (first >= 0) {
    pen.fillStyle = colour("green");
    pen.beginPath();
    pen.arc(Math.max(4, place((first * RATE) / PEAKS_PER_S)), height - 6, 3.5, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.fillStyle = colour("wave-dry");
  for (const sample of marks.underruns) {
    const x = place(sample);
    pen.beginPath();
    pen.moveTo(x, height - 12);
    pen.lineTo(x + 5, height);
    pen.lineTo(x - 5, height);
    pen.fill();
    pen.fillRect(x - 0.5, 12, 1, height - 24);
  }
}

/** The greatest peak of each bar. Finished bars are remembered, so that a long sound costs no more than a short one. */
export class Loudest {
  #peaks = null;
  #perBar = 0;
  #bars = [];
  #whole = 0; // bars that cannot change any more

  of(peaks, perBar, count) {
    if (peaks !== this.#peaks || perBar !== this.#perBar) {
      this.#peaks = peaks;
      this.#perBar = perBar;
      this.#bars = [];
      this.#whole = 0;
    }
    for (let bar = this.#whole; bar < count; bar++) this.#bars[bar] = greatest(peaks, bar * perBar, (bar + 1) * perBar);
    this.#whole = Math.max(0, Math.min(count, Math.floor(peaks.length / perBar)));
    return this.#bars;
  }
}

/** The greatest of `peaks` from `from` to `to`, fractions cut; at least one is looked at. */
function greatest(peaks, from, to) {
  const first = Math.floor(from);
  const end = Math.min(peaks.length, Math.max(first + 1, Math.floor(to)));
  let most = 0;
  for (let i = first; i < end; i++) if (peaks[i] > most) most = peaks[i];
  return Math.min(1, most);
}
