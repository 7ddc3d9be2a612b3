// Records a few seconds of the microphone. In: clicks. Out: "level" (0 to 1) and "remaining" (seconds) while it records, then a Blob.

const LEVEL_GAIN = 4; // speech at a usual distance fills most of the meter

/** Why there is no recording: "insecure", "denied" or "missing". */
export class MicrophoneError extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

export class Microphone extends EventTarget {
  #recorder = null;

  get recording() {
    return this.#recorder !== null;
  }

  /** Record for at most `seconds`. Resolves to the recording; rejects with a `MicrophoneError`. */
  async record(seconds) {
    const stream = await this.#open();
    const context = new AudioContext();
    const chunks = [];
    const recorder = (this.#recorder = new MediaRecorder(stream));
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.ondataavailable = ({ data }) => chunks.push(data);
    recorder.start();
    const endsAt = performance.now() + seconds * 1000;
    this.#measure(stream, context, endsAt);
    const timer = setTimeout(() => this.stop(), seconds * 1000);
    await stopped;
    clearTimeout(timer);
    this.#recorder = null;
    for (const track of stream.getTracks()) track.stop();
    context.close();
    return new Blob(chunks, { type: recorder.mimeType });
  }

  /** End the recording before its time. */
  stop() {
    if (this.#recorder?.state === "recording") this.#recorder.stop();
  }

  async #open() {
    if (!navigator.mediaDevices?.getUserMedia || !window.MediaRecorder) throw new MicrophoneError("insecure");
    try {
      const audio = { echoCancellation: false, noiseSuppression: false, channelCount: 1 };
      return await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      throw new MicrophoneError(error.name === "NotAllowedError" ? "denied" : "missing");
    }
  }

  #measure(stream, context, endsAt) {
    const analyser = new AnalyserNode(context, { fftSize: 1024 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const update = () => {
      if (!this.recording) return;
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.hypot(...samples) / Math.sqrt(samples.length);
      const remaining = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
      this.dispatchEvent(new CustomEvent("level", { detail: { level: Math.min(1, LEVEL_GAIN * rms), remaining } }));
      requestAnimationFrame(update);
    };
    update();
  }
}
