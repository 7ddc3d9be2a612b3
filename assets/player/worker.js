// In: {type: "speak", run, method, url, events, headers, body, rate, port} and {type: "abort", run}. Out, to the page: "open",
// "peaks", "event", "done", "failed"; out, to the worklet through `port`: samples and the end. The page may stall; this does not.

import { Peaks, Samples } from "./pcm.js";
import { Resampler } from "./resample.js";

const RATE = 24000;
const PEAK_SAMPLES = 480; // 20 ms
const runs = new Map(); // run -> AbortController

onmessage = ({ data }) => {
  if (data.type === "abort") runs.get(data.run)?.abort();
  if (data.type === "speak") speak(data);
};

async function speak(order) {
  const abort = new AbortController();
  runs.set(order.run, abort);
  const tell = (type, detail) => postMessage({ type, run: order.run, ...detail });
  let events = null;
  try {
    const answer = await fetch(order.url, {
      method: order.method ?? "POST",
      headers: order.headers,
      body: order.body,
      signal: abort.signal,
    });
    if (!answer.ok) throw await refusal(answer);
    tell("open", { headers: Object.fromEntries(answer.headers) });
    events = order.events ? follow(order, abort.signal, tell) : null;
    const samples = await listen(answer.body.getReader(), order, tell);
    await soon(events);
    tell("done", { samples });
  } catch (error) {
    if (abort.signal.aborted) tell("aborted", {});
    else {
      await soon(events); // a failure in mid-speech names itself there
      tell("failed", { code: error.code ?? "network", message: error.code ? error.message : null, status: error.status ?? null });
    }
  } finally {
    order.port.postMessage({ end: true });
    runs.delete(order.run);
  }
}

/** The sound is over: whatever else is still on its way gets a moment and no more. */
function soon(promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 1500))]);
}

/** Read the sound to its end; returns the number of samples at 24 kHz. */
async function listen(reader, order, tell) {
  const samples = new Samples();
  const peaks = new Peaks(PEAK_SAMPLES);
  const resampler = order.rate === RATE ? null : new Resampler(RATE, order.rate);
  const play = (pcm) => pcm.length && order.port.postMessage({ pcm }, [pcm.buffer]);
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    const at = Date.now();
    if (done) break;
    const pcm = samples.push(value);
    const loud = peaks.push(pcm);
    total += pcm.length;
    play(resampler ? resampler.push(pcm) : pcm);
    tell("peaks", { at, peaks: loud, samples: total });
  }
  if (resampler) play(resampler.flush());
  tell("peaks", { at: Date.now(), peaks: peaks.flush(), samples: total });
  return total;
}

/** Pass on the request's server-sent events; they are an extra: losing them loses no sound. */
async function follow(order, signal, tell) {
  try {
    const answer = await fetch(order.events, { headers: order.headers, signal });
    if (!answer.ok) return;
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split(/\r?\n\r?\n/);
      text = blocks.pop();
      for (const block of blocks) {
        const lines = block.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        if (lines.length) tell("event", { event: JSON.parse(lines.map((line) => line.slice(5)).join("\n")) });
      }
    }
  } catch {
    // aborted or cut off: the sound itself says how it went
  }
}

/** The server's own words about why it does not speak. */
async function refusal(answer) {
  const error = new Error(answer.statusText);
  error.status = answer.status;
  error.code = "refused";
  try {
    const told = (await answer.json()).error;
    error.code = told.code;
    error.message = told.message;
  } catch {
    error.message = null;
  }
  return error;
}
