// The model and this machine: /api/models and /api/doctor as a panel. In: the sentences. Out: what a person sees, and the
// wishes to download, stop, or load. Asks often only while something is under way.

import { appeared, byId, make } from "./dom.js";
import { route } from "./player.js";

const BUSY_MS = 1000;
const OPEN_MS = 10000;
const GB = 1e9;
const GIB = 2 ** 30;
const NAMES = { hf: "Hugging Face", modelscope: "ModelScope" };
const RUNNING = ["asking", "receiving", "checking"];

/** Fill the panel and keep it true; it goes away on a server that brings none. */
export async function showModels(sentences) {
  await appeared("#machine-again");
  sentences.apply();
  const say = (key, params) => sentences.say(`models.${key}`, params);
  const panel = byId("machine");
  let seen = null;
  let wake = () => {};

  const draw = () => {
    if (!seen) return;
    const { download, loading } = seen;
    const running = download && RUNNING.includes(download.state);
    byId("machine-now").textContent = now(seen, say);
    byId("machine-models").replaceChildren(...seen.models.map((model) => row(model, seen, say, wish)));
    byId("machine-download").hidden = !running;
    byId("machine-bar").value = share(download);
    byId("machine-far").textContent = running ? far(download, say) : "";
    const problem = loading?.state === "failed" ? loading.error : download?.state === "failed" ? download.error : null;
    byId("machine-problem").hidden = !problem;
    byId("machine-problem").textContent = problem?.message ?? "";
  };

  const wish = async (method, body) => {
    const headers = { "Accept-Language": sentences.language, ...(body ? { "Content-Type": "application/json" } : {}) };
    const answer = await fetch(route("api/models/download"), { method, headers, body: body && JSON.stringify(body) });
    if (!answer.ok) {
      byId("machine-problem").hidden = false;
      byId("machine-problem").textContent = (await answer.json()).error?.message ?? "";
      return;
    }
    wake();
  };

  sentences.addEventListener("change", () => {
    draw();
    wake();
    if (panel.open) examine(sentences);
  });
  panel.addEventListener("toggle", () => {
    if (!panel.open) return;
    wake();
    examine(sentences);
  });
  byId("machine-again").onclick = () => examine(sentences);

  for (;;) {
    const answer = await ask("api/models", sentences);
    if (answer?.models.length === 0) return void (byId("machine-block").hidden = true);
    if (seen && answer && speaker(answer) !== speaker(seen)) document.dispatchEvent(new Event("studio-engine"));
    if (answer && !seen) offer(answer);
    seen = answer ?? seen;
    draw();
    const busy = seen && (RUNNING.includes(seen.download?.state) || seen.loading?.state === "loading");
    await Promise.race([
      new Promise((resolve) => (wake = resolve)),
      new Promise((resolve) => setTimeout(resolve, busy ? BUSY_MS : OPEN_MS)).then(seenAgain),
    ]);
  }
}

/** Wait while nobody looks at the page. */
async function seenAgain() {
  if (document.visibilityState === "visible") return;
  await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}

/** JSON from the server; undefined when it does not answer. */
async function ask(path, sentences) {
  try {
    const answer = await fetch(route(path), { headers: { "Accept-Language": sentences.language } });
    return answer.ok ? await answer.json() : undefined;
  } catch {
    return undefined;
  }
}

async function examine(sentences) {
  const checkup = await ask("api/doctor", sentences);
  const lines = (checkup?.lines ?? []).concat(heard(sentences));
  byId("machine-lines").replaceChildren(
    ...lines.map(({ level, text, action }) => make("li", { dataset: { level } }, text, ...(action ? [make("small", {}, action)] : []))),
  );
}

/** What only the browser knows: whether it may play live sound here. */
function heard(sentences) {
  const able = window.isSecureContext && "AudioWorkletNode" in window;
  if (able) return [{ level: "ok", text: sentences.say("checkup.sound") }];
  return [{ level: "problem", text: sentences.say("checkup.silent"), action: sentences.say("checkup.silent.do") }];
}

/** The mirrors to choose from; the one of the settings first, by its host when it is none of the named ones. */
function offer({ mirror, mirrors }) {
  const names = mirrors.map((name) => [name, NAMES[name] ?? name]);
  const own = names.filter(([name]) => name === mirror);
  const choices = [...(own.length ? own : [["", mirror]]), ...names.filter(([name]) => name !== mirror)];
  byId("machine-mirror").replaceChildren(...choices.map(([value, text]) => make("option", { value }, text)));
}

/** One line for the closed panel. */
function now({ models, download, loading }, say) {
  if (loading?.state === "loading") return say("loading", { model: short(loading.model) });
  if (download && RUNNING.includes(download.state)) return say("coming", { percent: Math.floor(100 * share(download)) });
  const speaking = models.find((model) => model.speaking);
  if (speaking) return say("speaking", { model: short(speaking.id) });
  return models.some((model) => model.here) ? say("here") : say("none");
}

function row(model, { download, loading }, say, wish) {
  const busy = (download && RUNNING.includes(download.state)) || loading?.state === "loading";
  const mine = busy && download?.model === model.id && RUNNING.includes(download.state);
  const size = (model.bytes / GB).toFixed(1);
  const fit = { needed: (model.fit.needed_bytes / GIB).toFixed(1), free: (model.fit.free_bytes / GIB).toFixed(1), device: model.fit.device };
  const facts = [model.here ? say("on_disk", { size }) : say(model.approximate ? "about" : "exactly", { size })];
  if (model.partial_bytes) facts.push(say("partial", { size: (model.partial_bytes / GB).toFixed(2) }));
  const key = mine ? "stop" : model.speaking ? "speaks" : model.here ? "use" : model.partial_bytes ? "resume" : "download";
  const button = make("button", { type: "button", disabled: model.speaking || (busy && !mine) }, say(key));
  button.onclick = () => (mine ? wish("DELETE") : wish("POST", { model: model.id, mirror: byId("machine-mirror").value }));
  return make(
    "div",
    { className: "model-row" },
    make("b", {}, short(model.id)),
    button,
    make("small", { className: model.fits ? "" : "tight" }, [...facts, say(model.fits ? "fits" : "tight", fit)].join(" · ")),
  );
}

/** How far a download is, in words: what is not known is left out. */
function far(download, say) {
  if (download.state === "asking" || !download.total_bytes) return say("asking");
  const words = [say("of", { done: (download.done_bytes / GB).toFixed(2), total: (download.total_bytes / GB).toFixed(2) })];
  if (download.state === "checking") words.push(say("checking"));
  if (download.bytes_per_s) words.push(`${(download.bytes_per_s / 1e6).toFixed(1)} MB/s`);
  if (download.left_s !== null) words.push(say("left", { time: time(download.left_s) }));
  return words.join(" · ");
}

const speaker = ({ models }) => models.find((model) => model.speaking)?.id;
const share = (download) => (download?.total_bytes ? download.done_bytes / download.total_bytes : 0);
const short = (id) => id.split("/").pop();
const time = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
