// In: samples at one rate, in chunks. Out: the same audio at another rate, in chunks. Used only where a browser refuses a 24 kHz
// context. A windowed sinc (Smith, "Digital Audio Resampling Home Page") with its cutoff at the lower Nyquist frequency.

const ZERO_CROSSINGS = 16; // on each side

/** Streaming resampler; its output does not depend on how the input is cut. */
export class Resampler {
  #step;
  #cutoff;
  #reach;
  #history;
  #position; // of the next output, in input samples from the start of #history

  constructor(fromRate, toRate) {
    this.#step = fromRate / toRate;
    this.#cutoff = Math.min(1, toRate / fromRate);
    this.#reach = Math.ceil(ZERO_CROSSINGS / this.#cutoff);
    this.#history = new Float32Array(this.#reach);
    this.#position = this.#reach;
  }

  push(samples) {
    const input = new Float32Array(this.#history.length + samples.length);
    input.set(this.#history);
    input.set(samples, this.#history.length);
    const count = Math.max(0, Math.ceil((input.length - this.#reach - this.#position) / this.#step));
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = this.#interpolate(input, this.#position + i * this.#step);
    const next = this.#position + count * this.#step;
    const dropped = Math.max(0, Math.floor(next) - this.#reach);
    this.#history = input.slice(dropped);
    this.#position = next - dropped;
    return out;
  }

  /** The remaining output, pushed out with silence. */
  flush() {
    return this.push(new Float32Array(this.#reach));
  }

  #interpolate(input, position) {
    const middle = Math.floor(position);
    let sum = 0;
    for (let i = middle - this.#reach + 1; i <= middle + this.#reach; i++) {
      const x = (position - i) * this.#cutoff;
      if (i < 0 || i >= input.length || Math.abs(x) >= ZERO_CROSSINGS) continue;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      sum += input[i] * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / ZERO_CROSSINGS));
    }
    return sum * this.#cutoff;
  }
}
