// When to start audio that is generated slower than it plays, so that it plays without breaks. In: how much was received by when. Out:
// how much to collect before playing.

const MIN_MEASURED_S = 0.3;
const MARGIN = 1.15; // durations are estimates

export class SmoothStart {
  #speed = null; // seconds of audio per second, measured in this run, or else in the one before
  #first = null; // {seconds, at}: the first audio of this run

  begin() {
    this.#first = null;
  }

  /** Whether audio is generated slower than it plays, as far as is known. */
  get isSlow() {
    return this.#speed !== null && this.#speed < 1;
  }

  /** Record that `seconds` of audio were received by the time `at`, in ms. */
  measure(seconds, at) {
    this.#first ??= { seconds, at };
    const elapsed_s = (at - this.#first.at) / 1000;
    if (elapsed_s >= MIN_MEASURED_S) this.#speed = (seconds - this.#first.seconds) / elapsed_s;
  }

  /** How much audio has to be there before it is played from `position` to `duration`; all in seconds. */
  secondsToCollect(position, duration) {
    if (!this.isSlow) return 0;
    return Math.min(duration, position + (duration - position) * (1 - this.#speed) * MARGIN);
  }

  /** In how many seconds another `missing` seconds of audio will have been received. */
  secondsUntil(missing) {
    return missing / Math.max(this.#speed, 0.01);
  }
}
