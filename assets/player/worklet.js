// In, on the node's port: {type: "open", run, port, hold, silent}, "pause", "resume", "seek", "range", "stop"; in, on each run's
// port: {pcm} and {end}. Out: "first" (the first sample that is not silence), "progress", "dry" (underrun), "reached", "finished". Keeps the whole sound, so that
// it can be heard again; knows no network and no clock but the device's.

const RAMP_S = 0.006; // no edge is steeper than this: what keeps stop, pause and seek from clicking
const PROGRESS_FRAMES = 768;

class Player extends AudioWorkletProcessor {
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
    this.until = Infinity; // where a range that was asked for ends
    this.block = 0; // where `position` is
    this.ended = false;
    this.state = "idle"; // idle, filling, playing, paused, finished
    this.gain = 1;
    this.target = 1;
    this.then = null; // done once the gain has reached 0
    this.last = 0;
    this.need = 0;
    this.since = null;
    this.told = 0;
    this.counts = { samples_played: 0, nonzero_samples: 0, underruns: 0, slack_ms: null };
  }

  open({ run, port, hold, silent }) {
    this.source?.close();
    this.clear(run);
    this.source = port;
    this.hold = hold;
    this.state = silent ? "paused" : "filling";
    port.onmessage = ({ data }) => (data.end ? (this.ended = true) : this.take(data.pcm));
  }

  take(pcm) {
    if (this.state === "playing") {
      const slack = (1000 * (this.total - this.position)) / sampleRate;
      this.counts.slack_ms = Math.min(this.counts.slack_ms ?? slack, slack);
    }
    this.blocks.push(pcm);
    this.starts.push(this.total);
    this.total += pcm.length;
    this.since ??= currentFrame;
  }

  pause() {
    this.fade(() => (this.state = "paused"));
  }

  resume() {
    if (this.state === "finished") this.move(0);
    if (this.state === "paused" || this.state === "finished") this.state = "playing";
    this.until = Infinity;
    this.then = null;
    this.target = 1;
  }

  range({ from, until }) {
    const jump = () => {
      this.move(Math.max(0, Math.min(from, this.total)));
      this.until = until;
      this.state = "playing";
      this.target = 1;
      this.tell("progress");
    };
    this.state === "playing" ? this.fade(jump) : jump();
  }

  seek({ sample }) {
    this.until = Infinity;
    const quiet = this.state !== "playing";
    const jump = () => {
      this.move(Math.max(0, Math.min(sample, this.total)));
      if (this.state === "finished") this.state = "paused";
      if (!quiet) this.target = 1;
      this.tell("progress");
    };
    quiet ? jump() : this.fade(jump);
  }

  stop() {
    this.source?.close();
    this.ended = true;
    this.fade(() => (this.state = "finished"));
  }

  fade(then) {
    this.then = then;
    this.target = 0;
    if (this.state !== "playing") this.gain = 0;
  }

  move(sample) {
    this.position = sample;
    this.block = 0;
    while (this.block + 1 < this.starts.length && this.starts[this.block + 1] <= sample) this.block++;
  }

  tell(type) {
    this.port.postMessage({ type, run: this.run, state: this.state, position: this.position, at: Date.now(), ...this.counts });
  }

  /** Enough to begin? After the hold, or when sound comes faster than it is played. */
  get filled() {
    if (this.since === null) return this.ended;
    const ready = this.total - this.position;
    if (this.ended) return true;
    if (this.need) return ready >= this.need;
    return currentFrame - this.since >= this.hold * sampleRate;
  }

  next() {
    while (this.block < this.blocks.length) {
      const within = this.position - this.starts[this.block];
      if (within < this.blocks[this.block].length) {
        this.position++;
        return this.blocks[this.block][within];
      }
      this.block++;
    }
    return null;
  }

  process(_, [channels]) {
    if (this.gain === 0 && this.then && this.target === 0) {
      const then = this.then;
      this.then = null;
      then();
      this.tell("progress");
    }
    if (this.state === "filling" && this.filled) this.state = "playing";
    if (this.state === "playing") this.render(channels);
    else if (this.last !== 0) this.render(channels); // let the edge die away
    if (this.state === "playing" && this.position >= this.until && this.target === 1) {
      this.until = Infinity;
      this.fade(() => {
        this.state = "paused";
        this.tell("reached");
      });
    }
    if (this.state === "playing" && currentFrame - this.told >= PROGRESS_FRAMES) {
      this.told = currentFrame;
      this.tell("progress");
    }
    return true;
  }

  render(channels) {
    const out = channels[0];
    const ramp = 1 / (RAMP_S * sampleRate);
    for (let i = 0; i < out.length; i++) {
      if (this.state === "playing") this.gain += Math.max(-ramp, Math.min(ramp, this.target - this.gain));
      const sample = this.state === "playing" && !(this.gain === 0 && this.target === 0) ? this.next() : null;
      if (sample === null) {
        this.last = Math.abs(this.last) < 1e-4 ? 0 : this.last * 0.97;
        out[i] = this.last;
        if (this.state === "playing" && this.gain > 0) this.ranOut();
        continue;
      }
      this.counts.samples_played++;
      this.last = out[i] = sample * this.gain;
      if (out[i] !== 0 && this.counts.nonzero_samples++ === 0) this.tell("first");
    }
    for (let c = 1; c < channels.length; c++) channels[c].set(out);
  }

  ranOut() {
    if (this.ended) {
      this.state = "finished";
      this.tell("finished");
      return;
    }
    this.counts.underruns++;
    this.need = sampleRate * Math.min(1, 0.1 * 2 ** (this.counts.underruns - 1));
    this.state = "filling";
    this.gain = 0;
    this.tell("dry");
  }
}

registerProcessor("player", Player);
