// In: peaks (one every 20 ms), how much was heard, how much is still expected. Out: bars on a canvas: heard in green, made in
// pale green, expected as a dotted line; segment starts and underruns as ticks. Draws on animation frames, only when something changed.

import { PEAKS_PER_S, RATE } from "./player.js";

const PITCH = 6; // CSS px from bar to bar
const BAR = 3.4;
const LEAST_S = 4; // a short sound does not fill the whole width

export class Waveform {
  #canvas;
  #pen;
  #player;
  #expected_s = () => 0;
  #asked = false;

  /** `expected_s()` is the estimated length of what is being spoken. */
  constructor(canvas, player, expected_s) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
    this.#player = player;
    this.#expected_s = expected_s;
    new ResizeObserver(() => this.draw()).observe(canvas);
    for (const query of ["(prefers-color-scheme: dark)", "(resolution: 1dppx)"]) matchMedia(query).addEventListener("change", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => player.seek((event.offsetX / canvas.clientWidth) * this.span_s * RATE));
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      player.seek(player.stats.position + step * RATE);
    });
  }

  /** Seconds from the left edge to the right. */
  get span_s() {
    const made = this.#player.stats.samples / RATE;
    return Math.max(LEAST_S, made, this.#player.stats.receiving ? this.#expected_s() : 0);
  }

  /** Ask for a drawing at the next frame. */
  draw() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#paint();
    });
  }

  #paint() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (!width || !height) return;
    const scale = devicePixelRatio;
    const [across, down] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== across || this.#canvas.height !== down) Object.assign(this.#canvas, { width: across, height: down });
    this.#pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.#pen.clearRect(0, 0, width, height);
    const style = getComputedStyle(this.#canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.#bars(width, height, colour);
    this.#ticks(width, height, colour);
  }

  #bars(width, height, colour) {
    const { peaks, stats } = this.#player;
    const count = Math.floor(width / PITCH);
    const perBar = (this.span_s * PEAKS_PER_S) / count;
    const heard = stats.position / RATE / this.span_s;
    const tones = [
      ["wave-heard", (at) => at < heard],
      ["wave-made", (at) => at >= heard],
    ];
    for (const [tone, wanted] of tones) {
      this.#pen.fillStyle = colour(tone);
      this.#pen.beginPath();
      for (let bar = 0; bar * perBar < peaks.length; bar++) {
        if (!wanted(bar / count)) continue;
        const tall = Math.max(3, (height - 8) * loudest(peaks, bar * perBar, (bar + 1) * perBar) ** 0.7);
        this.#pen.roundRect(bar * PITCH + (PITCH - BAR) / 2, (height - tall) / 2, BAR, tall, BAR / 2);
      }
      this.#pen.fill();
    }
    this.#pen.fillStyle = colour("wave-rest");
    for (let bar = Math.ceil(peaks.length / perBar); bar < count; bar++) {
      this.#pen.fillRect(bar * PITCH + (PITCH - BAR) / 2, height / 2 - 1, BAR, 2);
    }
  }

  #ticks(width, height, colour) {
    const { marks } = this.#player;
    const place = (sample) => (sample / RATE / this.span_s) * width;
    this.#pen.fillStyle = colour("wave-tick");
    for (const segment of marks.segments.slice(1)) this.#pen.fillRect(place(segment.start_sample), height * 0.2, 1, height * 0.6);
    this.#pen.fillStyle = colour("wave-dry");
    for (const sample of marks.underruns) this.#pen.fillRect(place(sample) - 1, height - 8, 2, 8);
  }
}

/** The greatest of `peaks` from `from` to `to`, fractions cut; at least one is looked at. */
function loudest(peaks, from, to) {
  const first = Math.floor(from);
  const end = Math.min(peaks.length, Math.max(first + 1, Math.floor(to)));
  let most = 0;
  for (let i = first; i < end; i++) if (peaks[i] > most) most = peaks[i];
  return Math.min(1, most);
}
