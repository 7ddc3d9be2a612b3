// In: {type: "speak", run, method, url, events, headers, body, rate, port} and {type: "abort", run}. Out, to the page: "open",
// "peaks", "event", "done", "failed", "aborted"; out, to the worklet through `port`: samples and the end. Runs in a Worker, so that
// a busy page never delays audio.

import { LevelMeter, PcmDecoder, PeakMeter } from "./pcm.js";
import { Resampler } from "./resampler.js";

const RATE = 24000;
const PEAK_SAMPLES = 480; // 20 ms
const LAST_EVENTS_MS = 1500;
const runs = new Map(); // run -> AbortController

onmessage = ({ data }) => {
  if (data.type === "abort") runs.get(data.run)?.abort();
  if (data.type === "speak") speak(data);
};

async function speak(request) {
  const abort = new AbortController();
  runs.set(request.run, abort);
  const post = (type, detail) => postMessage({ type, run: request.run, ...detail });
  let events = null;
  try {
    const response = await fetch(request.url, {
      method: request.method ?? "POST",
      headers: request.headers,
      body: request.body,
      signal: abort.signal,
    });
    if (!response.ok) throw await toError(response);
    post("open", { headers: Object.fromEntries(response.headers) });
    events = request.events ? forwardEvents(request, abort.signal, post) : null;
    const samples = await readAudio(response.body.getReader(), request, post);
    await withTimeout(events);
    post("done", { samples });
  } catch (error) {
    if (abort.signal.aborted) post("aborted", {});
    else {
      await withTimeout(events); // a failure after the first audio is described by its event
      const { code = "network", status = null, field, line, model } = error;
      post("failed", { code, message: error.code ? error.message : null, status, field, line, model });
    }
  } finally {
    request.port.postMessage({ end: true });
    runs.delete(request.run);
  }
}

/** The audio has ended: give the last events a moment to arrive. */
function withTimeout(promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, LAST_EVENTS_MS))]);
}

/** Read the audio to its end; return the number of samples at 24 kHz. */
async function readAudio(reader, request, post) {
  const decoder = new PcmDecoder();
  const meter = new PeakMeter(PEAK_SAMPLES);
  const loudness = new LevelMeter(PEAK_SAMPLES);
  const resampler = request.rate === RATE ? null : new Resampler(RATE, request.rate);
  const play = (pcm) => pcm.length && request.port.postMessage({ pcm }, [pcm.buffer]);
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    const at = Date.now();
    if (done) break;
    const pcm = decoder.push(value);
    const peaks = meter.push(pcm);
    loudness.push(pcm);
    total += pcm.length;
    play(resampler ? resampler.push(pcm) : pcm);
    post("peaks", { at, peaks, samples: total, level: loudness.level });
  }
  if (resampler) play(resampler.flush());
  post("peaks", { at: Date.now(), peaks: meter.flush(), samples: total, level: loudness.level });
  return total;
}

/** Pass on the request's server-sent events. Losing them loses no audio. */
async function forwardEvents(request, signal, post) {
  try {
    const response = await fetch(request.events, { headers: request.headers, signal });
    if (!response.ok) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split(/\r?\n\r?\n/);
      text = blocks.pop();
      for (const block of blocks) {
        const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        if (lines.length) post("event", { event: JSON.parse(lines.map((line) => line.slice(5)).join("\n")) });
      }
    }
  } catch {
    // aborted or interrupted: the audio stream itself reports how it ended
  }
}

/** An Error with the server's code and message. */
async function toError(response) {
  const error = new Error(response.statusText);
  error.status = response.status;
  error.code = "refused";
  try {
    Object.assign(error, (await response.json()).error);
  } catch {
    error.message = null;
  }
  return error;
}
