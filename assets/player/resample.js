// In: samples at one rate, in pieces. Out: the same sound at another rate, in pieces. Used only where a browser refuses
// a 24 kHz context. A windowed sinc (Smith, "Digital Audio Resampling Home Page"), cut at the lower of both Nyquists.

const WINGS = 16; // zero crossings on each side

/** Streaming resampler; the pieces put together do not depend on how the sound was cut. */
export class Resampler {
  #step;
  #cutoff;
  #reach;
  #kept;
  #position; // of the next output, in input samples from the start of #kept

  constructor(from, to) {
    this.#step = from / to;
    this.#cutoff = Math.min(1, to / from);
    this.#reach = Math.ceil(WINGS / this.#cutoff);
    this.#kept = new Float32Array(this.#reach);
    this.#position = this.#reach;
  }

  push(samples) {
    const input = new Float32Array(this.#kept.length + samples.length);
    input.set(this.#kept);
    input.set(samples, this.#kept.length);
    const count = Math.max(0, Math.ceil((input.length - this.#reach - this.#position) / this.#step));
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = this.#at(input, this.#position + i * this.#step);
    const next = this.#position + count * this.#step;
    const cut = Math.max(0, Math.floor(next) - this.#reach);
    this.#kept = input.slice(cut);
    this.#position = next - cut;
    return out;
  }

  /** What is still inside: silence pushes it out. */
  flush() {
    return this.push(new Float32Array(this.#reach));
  }

  #at(input, position) {
    const middle = Math.floor(position);
    let sum = 0;
    for (let i = middle - this.#reach + 1; i <= middle + this.#reach; i++) {
      const x = (position - i) * this.#cutoff;
      if (i < 0 || i >= input.length || Math.abs(x) >= WINGS) continue;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
      sum += input[i] * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / WINGS));
    }
    return sum * this.#cutoff;
  }
}
