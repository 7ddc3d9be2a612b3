// In, on the node's port: {type: "open", run, port, startBuffer, collects, silent}, "collect", "pause", "resume", "seek", "range", "stop"; in, on each
// run's port: {pcm} and {end}. Out: "first" (the first sample that is not silence), "progress", "underrun", "reached", "finished".
// Keeps all samples for replay. Knows no network and no clock but the device's.

const RAMP_S = 0.006; // the steepest fade: stop, pause and seek do not click
const EDGE_S = 0.25; // seeking that close to the end of what was received
const PROGRESS_FRAMES = 768;

class PlaybackProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this.port.onmessage = ({ data }) => this[data.type](data);
    this.clear(0);
  }

  clear(run) {
    this.run = run;
    this.blocks = [];
    this.starts = []; // of each block, in samples
    this.total = 0;
    this.position = 0;
    this.rangeEnd = Infinity;
    this.block = 0; // the block that holds `position`
    this.ended = false;
    this.startAt = 0;
    this.soughtEdge = false;
    this.volume = 1;
    this.state = "idle"; // idle, filling, playing, paused, finished
    this.gain = 1;
    this.targetGain = 1;
    this.onSilent = null; // called once the gain has reached 0
    this.lastSample = 0;
    this.refillSamples = 0;
    this.collectUntil = 0; // playback does not start or resume before as many samples were received
    this.firstFrame = null; // when the first samples arrived
    this.reportedFrame = 0;
    this.counts = { samples_played: 0, nonzero_samples: 0, underruns: 0, min_buffer_ms: null };
  }

  open({ run, port, startBuffer, collects = false, silent, startAt = 0, rangeEnd = Infinity, volume = 1 }) {
    this.source?.close();
    const { lastSample } = this;
    this.clear(run);
    this.lastSample = lastSample; // fades while the new audio loads: a flip between takes does not click
    this.startAt = startAt;
    this.rangeEnd = rangeEnd;
    this.volume = volume;
    this.source = port;
    this.startBuffer = startBuffer;
    this.collectUntil = collects ? Infinity : 0; // until "collect" says how much
    this.state = silent ? "paused" : "filling";
    port.onmessage = ({ data }) => (data.end ? (this.ended = true) : this.append(data.pcm));
  }

  append(pcm) {
    if (this.state === "playing") {
      const buffered = (1000 * (this.total - this.position)) / sampleRate;
      this.counts.min_buffer_ms = Math.min(this.counts.min_buffer_ms ?? buffered, buffered);
    }
    this.blocks.push(pcm);
    this.starts.push(this.total);
    this.total += pcm.length;
    this.firstFrame ??= currentFrame;
  }

  collect({ until }) {
    this.collectUntil = until;
  }

  pause() {
    this.fadeOut(() => (this.state = "paused"));
  }

  resume() {
    if (this.state === "finished") this.moveTo(0);
    if (this.state === "paused" || this.state === "finished") this.state = "playing";
    this.rangeEnd = Infinity;
    this.onSilent = null;
    this.targetGain = 1;
  }

  range({ from, until }) {
    const jump = () => {
      this.moveTo(Math.max(0, Math.min(from, this.total)));
      this.rangeEnd = until;
      this.state = "playing";
      this.targetGain = 1;
      this.report("progress");
    };
    if (this.state === "playing") this.fadeOut(jump);
    else jump();
  }

  seek({ sample }) {
    this.rangeEnd = Infinity;
    const silent = this.state !== "playing";
    const jump = () => {
      this.moveTo(Math.max(0, Math.min(sample, this.total)));
      this.soughtEdge = this.total - this.position < EDGE_S * sampleRate;
      if (this.state === "finished") this.state = "paused";
      if (!silent) this.targetGain = 1;
      this.report("progress");
    };
    if (silent) jump();
    else this.fadeOut(jump);
  }

  stop() {
    this.source?.close();
    this.ended = true;
    this.fadeOut(() => (this.state = "finished"));
  }

  fadeOut(onSilent) {
    this.onSilent = onSilent;
    this.targetGain = 0;
    if (this.state !== "playing") this.gain = 0;
  }

  moveTo(sample) {
    this.position = sample;
    this.block = 0;
    while (this.block + 1 < this.starts.length && this.starts[this.block + 1] <= sample) this.block++;
  }

  report(type) {
    const { run, state, position, counts } = this;
    this.port.postMessage({ type, run, state, position, at: Date.now(), ...counts });
  }

  /** Whether playback can start: after the start buffer, or after an underrun once enough is buffered. */
  get isFilled() {
    if (this.firstFrame === null || this.ended || this.total <= this.startAt) return this.ended;
    if (this.total < this.collectUntil) return false;
    if (this.refillSamples) return this.total - this.position >= this.refillSamples;
    return currentFrame - this.firstFrame >= this.startBuffer * sampleRate;
  }

  startPlaying() {
    if (this.startAt) this.moveTo(Math.min(this.startAt, this.total));
    this.startAt = 0;
    this.state = "playing";
  }

  nextSample() {
    while (this.block < this.blocks.length) {
      const offset = this.position - this.starts[this.block];
      if (offset < this.blocks[this.block].length) {
        this.position++;
        return this.blocks[this.block][offset];
      }
      this.block++;
    }
    return null;
  }

  process(_, [channels]) {
    if (this.gain === 0 && this.onSilent && this.targetGain === 0) {
      const { onSilent } = this;
      this.onSilent = null;
      onSilent();
      this.report("progress");
    }
    if (this.state === "filling" && this.isFilled) this.startPlaying();
    if (this.state === "playing" || this.lastSample !== 0) this.render(channels); // not playing: let the last sample fade
    if (this.state === "playing" && this.position >= this.rangeEnd && this.targetGain === 1) {
      const last = this.rangeEnd - 1; // not yet in the next line
      this.rangeEnd = Infinity;
      this.fadeOut(() => {
        this.state = "paused";
        this.moveTo(last);
        this.report("reached");
      });
    }
    if (this.state === "playing" && currentFrame - this.reportedFrame >= PROGRESS_FRAMES) {
      this.reportedFrame = currentFrame;
      this.report("progress");
    }
    return true;
  }

  render(channels) {
    const out = channels[0];
    const ramp = 1 / (RAMP_S * sampleRate);
    for (let i = 0; i < out.length; i++) {
      const playing = this.state === "playing";
      if (playing) this.gain += Math.max(-ramp, Math.min(ramp, this.targetGain - this.gain));
      const sample = playing && !(this.gain === 0 && this.targetGain === 0) ? this.nextSample() : null;
      if (sample === null) {
        this.lastSample = Math.abs(this.lastSample) < 1e-4 ? 0 : this.lastSample * 0.97;
        out[i] = this.lastSample;
        if (playing && this.gain > 0) this.onEmpty();
        continue;
      }
      this.counts.samples_played++;
      this.lastSample = out[i] = sample * this.gain * this.volume;
      if (out[i] !== 0 && this.counts.nonzero_samples++ === 0) this.report("first");
    }
    for (let c = 1; c < channels.length; c++) channels[c].set(out);
  }

  /** All samples were played: the end, or an underrun. */
  onEmpty() {
    if (this.ended) {
      this.state = "finished";
      this.report("finished");
      return;
    }
    const isUnderrun = !this.soughtEdge; // after seeking to the end of what was received, playback waits for the rest
    this.soughtEdge = false;
    if (isUnderrun) this.counts.underruns++;
    this.refillSamples = sampleRate * Math.min(1, 0.1 * 2 ** Math.max(0, this.counts.underruns - 1));
    this.state = "filling";
    this.gain = 0;
    this.report(isUnderrun ? "underrun" : "progress");
  }
}

registerProcessor("playback", PlaybackProcessor);
