// The label of the active engine, always in sight, and how to get the real model.

import { resolveUrl } from "../../audio/urls.js";
import { byId } from "../../components/dom.js";

const RETRY_MS = 2000;

/** Show the active engine; ask again until it is ready and whenever it changes. `onInfo(info)` receives each answer. */
export async function showEngineBadge(i18n, onInfo = () => {}) {
  let info = null;
  const draw = () => {
    byId("engine-label").textContent = !info
      ? i18n.t("engine.away")
      : info.preview
        ? i18n.t("engine.preview")
        : info.label;
    byId("engine").dataset.kind = !info ? "away" : info.preview ? "preview" : "real";
    const facts = info ? [info.label, info.model, info.device, info.dtype] : [];
    byId("engine-what").textContent = facts.filter(isFirst).join(" · ");
    byId("engine-help").hidden = !info?.preview;
  };
  i18n.addEventListener("change", draw);
  for (;;) {
    info = await fetchInfo();
    draw();
    if (info) onInfo(info);
    await (info && info.ready !== false ? engineChange() : new Promise((resolve) => setTimeout(resolve, RETRY_MS)));
  }
}

/** The models region announces another engine. */
const engineChange = () =>
  new Promise((resolve) => document.addEventListener("studio-engine", resolve, { once: true }));

const isFirst = (word, i, words) => word && words.indexOf(word) === i;

async function fetchInfo() {
  try {
    const response = await fetch(resolveUrl("api/info"));
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}
