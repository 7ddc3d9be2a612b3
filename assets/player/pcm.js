// In: the bytes of s16le mono PCM, cut anywhere. Out: Float32Array in [-1, 1). Knows nothing of where they come from.

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Bytes to samples; a sample that is cut between two pieces is kept until its second byte comes. */
export class Samples {
  #half = -1;

  /** The whole samples that `bytes` completes; may be empty. */
  push(bytes) {
    let joined = bytes;
    if (this.#half >= 0) {
      joined = new Uint8Array(bytes.length + 1);
      joined[0] = this.#half;
      joined.set(bytes, 1);
      this.#half = -1;
    }
    const count = joined.length >> 1;
    if (joined.length & 1) this.#half = joined[joined.length - 1];
    const out = new Float32Array(count);
    if (LITTLE_ENDIAN && joined.byteOffset % 2 === 0) {
      const whole = new Int16Array(joined.buffer, joined.byteOffset, count);
      for (let i = 0; i < count; i++) out[i] = whole[i] / 32768;
    } else {
      const view = new DataView(joined.buffer, joined.byteOffset);
      for (let i = 0; i < count; i++) out[i] = view.getInt16(2 * i, true) / 32768;
    }
    return out;
  }
}

/** The loudest absolute value of every `size` samples, as they come. */
export class Peaks {
  #size;
  #loudest = 0;
  #seen = 0;

  constructor(size) {
    this.#size = size;
  }

  /** The peaks that `samples` completes. */
  push(samples) {
    const peaks = new Float32Array(Math.floor((this.#seen + samples.length) / this.#size));
    let made = 0;
    for (let i = 0; i < samples.length; i++) {
      const loud = Math.abs(samples[i]);
      if (loud > this.#loudest) this.#loudest = loud;
      if (++this.#seen === this.#size) {
        peaks[made++] = this.#loudest;
        this.#loudest = 0;
        this.#seen = 0;
      }
    }
    return peaks;
  }

  /** The peak of what is left over, if anything is. */
  flush() {
    const rest = this.#seen ? new Float32Array([this.#loudest]) : new Float32Array(0);
    this.#seen = 0;
    this.#loudest = 0;
    return rest;
  }
}
