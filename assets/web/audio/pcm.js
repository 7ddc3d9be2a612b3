// In: the bytes of s16le mono PCM, cut anywhere. Out: Float32Array in [-1, 1). Does not know where the bytes come from.

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Decode bytes to samples. A sample cut between two chunks is kept until its second byte arrives. */
export class PcmDecoder {
  #half = -1;

  /** The samples that `bytes` completes; may be empty. */
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

/** The largest absolute value of every `size` samples, computed as they arrive. */
export class PeakMeter {
  #size;
  #max = 0;
  #count = 0;

  constructor(size) {
    this.#size = size;
  }

  /** The peaks that `samples` completes. */
  push(samples) {
    const peaks = new Float32Array(Math.floor((this.#count + samples.length) / this.#size));
    let numPeaks = 0;
    for (let i = 0; i < samples.length; i++) {
      const value = Math.abs(samples[i]);
      if (value > this.#max) this.#max = value;
      if (++this.#count === this.#size) {
        peaks[numPeaks++] = this.#max;
        this.#max = 0;
        this.#count = 0;
      }
    }
    return peaks;
  }

  /** The peak of the remaining samples, if there are any. */
  flush() {
    const rest = this.#count ? new Float32Array([this.#max]) : new Float32Array(0);
    this.#count = 0;
    this.#max = 0;
    return rest;
  }
}

const GATE = 0.01; // blocks 20 dB below the average of all are pauses (a power ratio)

/** The loudness of speech without its pauses: the RMS of the blocks that are not much quieter than the rest. */
export class LevelMeter {
  #size;
  #powers = []; // the mean square of each complete block
  #sum = 0;
  #count = 0;

  constructor(size) {
    this.#size = size;
  }

  push(samples) {
    for (const sample of samples) {
      this.#sum += sample * sample;
      if (++this.#count < this.#size) continue;
      this.#powers.push(this.#sum / this.#size);
      this.#sum = this.#count = 0;
    }
  }

  /** 0 to 1; 0 before the first complete block. */
  get level() {
    const gate = GATE * mean(this.#powers);
    return Math.sqrt(mean(this.#powers.filter((power) => power >= gate)));
  }
}

function mean(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
}
