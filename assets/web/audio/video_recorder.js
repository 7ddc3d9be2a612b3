// Records a canvas with audio as a video, in the browser. In: a canvas and an audio tap. Out: a WebM file.

const FRAMES_PER_S = 30;
const MIME_TYPES = ["video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm"];

/** Start recording `canvas`; `tap` is {stream, close}. Throws where the browser cannot write WebM. */
export function record(canvas, tap) {
  const mimeType = MIME_TYPES.find((one) => globalThis.MediaRecorder?.isTypeSupported(one));
  if (!mimeType) {
    tap.close();
    throw new Error("WebM");
  }
  const stream = canvas.captureStream(FRAMES_PER_S);
  for (const track of tap.stream.getAudioTracks()) stream.addTrack(track);
  const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 4_000_000, audioBitsPerSecond: 128_000 });
  const chunks = [];
  recorder.ondataavailable = ({ data }) => data.size && chunks.push(data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start(1000);
  return {
    /** End the recording; the video as a Blob. */
    async stop() {
      if (recorder.state !== "inactive") recorder.stop();
      await ended;
      for (const track of stream.getTracks()) track.stop();
      tap.close();
      return new Blob(chunks, { type: "video/webm" });
    },
  };
}
