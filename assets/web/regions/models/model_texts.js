// Sizes and progress of models in words. `t(key, params)` translates a key below "models.".

const GB = 1e9;
const GIB = 2 ** 30;
const RUNNING = ["asking", "receiving", "checking"];

export const isRunning = (download) => Boolean(download) && RUNNING.includes(download.state);

/** The received fraction of a download, 0 to 1. */
export const progressRatio = (download) => (download?.total_bytes ? download.done_bytes / download.total_bytes : 0);

/** A model's name without its owner. */
export const modelName = (id) => id.split("/").pop();

/** A model's name for readers: "Qwen3-TTS VoiceDesign 1.7B". */
export const plainName = (id) => modelName(id).replace(/^(Qwen3-TTS)-12Hz-([\d.]+B)-(\w+)$/, "$1 $3 $2");

/** One line for the closed panel. */
export function panelSummary({ models, download, loading, active }, t) {
  if (loading?.state === "loading") {
    const params = { model: modelName(loading.model), replaced: loading.replacing };
    return t(loading.replacing ? "replacing" : loading.also ? "loading.also" : "loading", params);
  }
  if (isRunning(download)) return t("coming", { percent: Math.floor(100 * progressRatio(download)) });
  if (active) {
    const others = models.filter((model) => model.loaded && !model.active).map(({ id }) => modelName(id));
    const sentences = [["speaking", { model: active }]];
    if (others.length) sentences.push(["speaking.also", { others: others.join(", ") }]);
    return sentences.map(([key, params]) => t(key, params)).join(" ");
  }
  return models.some((model) => model.installed) ? t("here") : t("none");
}

/** Why the last model could not be loaded or downloaded, and which one is used instead; null if all went well. */
export function problemText({ download, loading }, t) {
  if (loading?.state !== "failed") return download?.state === "failed" ? download.error.message : null;
  const restored = loading.replacing && t("restored", { model: loading.replacing });
  return [loading.error.message, restored].filter(Boolean).join(" ");
}

/** Size on disk or to download, and whether the model fits. */
export function modelFacts(model, t) {
  const size = (model.bytes / GB).toFixed(1);
  const { needed_bytes, free_bytes, device } = model.fit;
  const fit = { needed: (needed_bytes / GIB).toFixed(1), free: (free_bytes / GIB).toFixed(1), device };
  const facts = [model.installed ? t("on_disk", { size }) : t(model.approximate ? "about" : "exactly", { size })];
  if (model.partial_bytes) facts.push(t("partial", { size: (model.partial_bytes / GB).toFixed(2) }));
  if (!model.loaded && model.speed !== null) {
    facts.push(t(model.speed < 1 ? "slow" : "fast", { speed: model.speed.toFixed(2) }));
  }
  if (!model.loaded) facts.push(t(model.fits ? "fits" : "tight", fit));
  if (!model.loaded && model.about_s) facts.push(t("about_s", { seconds: Math.ceil(model.about_s) }));
  return facts.join(" · ");
}

/** The progress of a download in words; unknown parts are left out. */
export function progressText(download, t) {
  const { state, done_bytes, total_bytes, bytes_per_s, left_s } = download;
  if (state === "asking" || !total_bytes) return t("asking");
  const parts = [t("of", { done: (done_bytes / GB).toFixed(2), total: (total_bytes / GB).toFixed(2) })];
  if (state === "checking") parts.push(t("checking"));
  if (bytes_per_s) parts.push(`${(bytes_per_s / 1e6).toFixed(1)} MB/s`);
  if (left_s !== null) parts.push(t("left", { time: formatTime(left_s) }));
  return parts.join(" · ");
}

function formatTime(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
