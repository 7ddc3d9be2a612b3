// A video of a canvas with sound, made in the browser. In: a canvas and a tap on the sound. Out: a WebM file.

const FRAMES_PER_S = 30;
const KINDS = ["video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm"];

/** Film `canvas` from now on; `tap` is {stream, close}. Throws where the browser cannot write WebM. */
export function film(canvas, tap) {
  const kind = KINDS.find((one) => globalThis.MediaRecorder?.isTypeSupported(one));
  if (!kind) {
    tap.close();
    throw new Error("WebM");
  }
  const stream = canvas.captureStream(FRAMES_PER_S);
  for (const track of tap.stream.getAudioTracks()) stream.addTrack(track);
  const recorder = new MediaRecorder(stream, { mimeType: kind, videoBitsPerSecond: 4_000_000, audioBitsPerSecond: 128_000 });
  const pieces = [];
  recorder.ondataavailable = ({ data }) => data.size && pieces.push(data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start(1000);
  return {
    /** The whole film, as a Blob. */
    async stop() {
      if (recorder.state !== "inactive") recorder.stop();
      await ended;
      for (const track of stream.getTracks()) track.stop();
      tap.close();
      return new Blob(pieces, { type: "video/webm" });
    },
  };
}
