// The label of the active engine, always in sight, and how to get the real model.

import { resolveUrl } from "../../audio/urls.js";
import { byId } from "../../components/dom.js";

const RETRY_MS = 2000;
const CHECK_MS = 5000; // a lost connection is noticed that soon

/** Show the active engine; ask again until it is ready and whenever it changes. `onInfo(info)` receives each answer. */
export async function showEngineBadge(i18n, onInfo = () => {}) {
  let info = null;
  let announced = ""; // the last info that was passed on
  const draw = () => {
    byId("engine-label").textContent = !info
      ? i18n.t(announced ? "engine.lost" : "engine.away")
      : info.preview
        ? i18n.t("engine.preview")
        : info.label;
    byId("engine").dataset.kind = !info ? "away" : info.preview ? "preview" : "real";
    const others = (info?.engines ?? []).slice(1).map(({ model }) => `+ ${model}`);
    const facts = info ? [info.label, info.model, info.device, info.dtype, ...others, restingText(info, i18n)] : [];
    const isLost = !info && announced;
    byId("engine-what").textContent = isLost ? i18n.t("engine.lost.what") : facts.filter(isFirst).join(" · ");
    byId("engine-help").hidden = !info?.preview;
  };
  i18n.addEventListener("change", draw);
  for (;;) {
    info = await fetchInfo();
    draw();
    const facts = JSON.stringify(info, (key, value) => (["load", "speed"].includes(key) ? null : value));
    if (info && facts !== announced) onInfo(info);
    if (info) announced = facts;
    const isSettled = info && info.ready !== false && info.load_state.state !== "waking";
    await waitForChange(isSettled ? CHECK_MS : RETRY_MS);
  }
}

/** A note that the model was unloaded while idle; "" if it is loaded. */
function restingText({ load_state: { state, load_s } }, i18n) {
  return state === "unloaded" ? i18n.t("engine.unloaded", { seconds: Math.ceil(load_s) }) : "";
}

/** Wait until the connection changes, another part of the page announces that the engine has, or `ms` have passed. */
function waitForChange(ms) {
  return new Promise((resolve) => {
    const waiting = new AbortController();
    const end = () => {
      clearTimeout(timer);
      waiting.abort(); // removes the listeners
      resolve();
    };
    const timer = setTimeout(end, ms);
    document.addEventListener("studio-engine", end, { signal: waiting.signal });
    for (const type of ["online", "offline"]) window.addEventListener(type, end, { signal: waiting.signal });
  });
}

const isFirst = (word, i, words) => word && words.indexOf(word) === i;

async function fetchInfo() {
  try {
    const response = await fetch(resolveUrl("api/info"));
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
