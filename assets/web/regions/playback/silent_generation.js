// Generates one take without playing it. In: a request body. Out: its history entry, peaks and level; progress on the way.

import { LevelMeter, PcmDecoder, PeakMeter } from "../../audio/pcm.js";
import { PEAKS_PER_S, RATE } from "../../audio/player.js";

/** Send `body` as request `id`; `onProgress(samples, peaks)` follows each piece of audio. */
export async function generateSilently(api, { id, body, signal }, onProgress) {
  const headers = { "Content-Type": "application/json", "X-Request-Id": id };
  const request = { method: "POST", headers, body: JSON.stringify({ ...body, streaming: true }), signal };
  const response = await api.fetch("api/tts", request);
  const size = RATE / PEAKS_PER_S;
  const [decoder, meter, loudness, peaks] = [new PcmDecoder(), new PeakMeter(size), new LevelMeter(size), []];
  const reader = response.body.getReader();
  let samples = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const pcm = decoder.push(value);
    samples += pcm.length;
    loudness.push(pcm);
    peaks.push(...meter.push(pcm));
    onProgress(samples, peaks);
  }
  return { entry: await api.historyEntry(id), peaks, level: loudness.level };
}
