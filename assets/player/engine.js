// Who is speaking: the label that is always in sight, and what to do to hear the real model.

import { byId } from "./dom.js";
import { route } from "./player.js";

const AGAIN_MS = 2000;

/** Show the engine, and keep asking until there is one that is ready. */
export async function showEngine(sentences) {
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
    if (info && info.ready !== false) return;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

const unlike = (word, i, words) => word && words.indexOf(word) === i;

async function ask() {
  try {
    const answer = await fetch(route("api/info"));
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
