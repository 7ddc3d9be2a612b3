// Who is speaking: the label that is always in sight, and what to do to hear the real model.

import { byId } from "./dom.js";
import { route } from "./player.js";

const AGAIN_MS = 2000;

/** Show the engine, ask again until it is ready and whenever another one speaks; `on(info)` hears of each answer. */
export async function showEngine(sentences, on = () => {}) {
  let info = null;
  const draw = () => {
    const label = byId("engine-label");
    label.textContent = !info ? sentences.say("engine.away") : info.preview ? sentences.say("engine.preview") : info.label;
    byId("engine").dataset.kind = !info ? "away" : info.preview ? "preview" : "real";
    byId("engine-what").textContent = info ? [info.label, info.model, info.device, info.dtype].filter(unlike).join(" · ") : "";
    byId("engine-help").hidden = !info?.preview;
  };
  sentences.addEventListener("change", draw);
  for (;;) {
    info = await ask();
    draw();
    if (info) on(info);
    await (info && info.ready !== false ? changed() : new Promise((resolve) => setTimeout(resolve, AGAIN_MS)));
  }
}

/** Another engine speaks now: model.js says so. */
const changed = () => new Promise((resolve) => document.addEventListener("studio-engine", resolve, { once: true }));

const unlike = (word, i, words) => word && words.indexOf(word) === i;

async function ask() {
  try {
    const answer = await fetch(route("api/info"));
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
