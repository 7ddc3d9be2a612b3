// Records a canvas with audio as a video, in the browser. In: a canvas and an audio tap. Out: an MP4 file where the browser can write
// one that every player reads, otherwise WebM with its duration.

import { withDuration } from "./webm_duration.js";

const FRAMES_PER_S = 30;
const MIME_TYPES = [
  "video/mp4;codecs=avc1.640028,mp4a.40.2",
  "video/mp4;codecs=avc1.42E01F,mp4a.40.2",
  "video/webm;codecs=vp8,opus", // without hardware it costs much less than VP9
  "video/webm;codecs=vp9,opus",
  "video/webm",
];

/** Start recording `canvas`; `tap` is {stream, close}. Throws where the browser can write neither format. */
export function record(canvas, tap) {
  const mimeType = MIME_TYPES.find((one) => globalThis.MediaRecorder?.isTypeSupported(one));
  if (!mimeType) {
    tap.close();
    throw new Error("MP4, WebM");
  }
  const stream = canvas.captureStream(FRAMES_PER_S);
  for (const track of tap.stream.getAudioTracks()) stream.addTrack(track);
  const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 4_000_000, audioBitsPerSecond: 128_000 });
  const chunks = [];
  recorder.ondataavailable = ({ data }) => data.size && chunks.push(data);
  const ended = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start(1000);
  const extension = mimeType.startsWith("video/mp4") ? "mp4" : "webm";
  return {
    extension,
    /** End the recording; the video as a Blob. */
    async stop() {
      if (recorder.state !== "inactive") recorder.stop();
      await ended;
      for (const track of stream.getTracks()) track.stop();
      tap.close();
      const video = new Blob(chunks, { type: `video/${extension}` });
      if (extension === "mp4") return video;
      return new Blob([withDuration(new Uint8Array(await video.arrayBuffer()))], { type: video.type });
    },
  };
}
