// The three figures in the header, from the player's stats and the server's GPU route; hover and focus show their parts. A sparkline
// shows the last twenty latencies. An unknown figure is a dash; "n/a" means that this machine cannot measure it.

import { resolveUrl } from "../../audio/urls.js";
import { byId, h } from "../../components/dom.js";
import { Sparkline } from "../../components/sparkline.js";

const GPU_INTERVAL_MS = 1000;
const DASH = "–";

export class Header {
  #player;
  #i18n;
  #sparkline = new Sparkline();
  #lastRun = 0; // the last run in the sparkline
  #gpu = undefined; // undefined: unknown; null: this machine cannot measure it

  constructor(player, i18n) {
    this.#player = player;
    this.#i18n = i18n;
    byId("metric-latency").append(this.#sparkline.element);
    player.addEventListener("change", ({ detail }) => detail !== "progress" && this.draw());
    i18n.addEventListener("change", () => this.draw());
    this.draw();
    this.#pollGpu();
  }

  draw() {
    const { stats, device_ms } = this.#player;
    const server = stats.server ?? {};
    const t = (key, params) => this.#i18n.t(key, params);
    this.#addLatency(server.server_first_pcm_ms);
    const gpu = this.#gpu === null ? t("header.none") : DASH;
    this.#showFigure(
      "latency",
      milliseconds(server.server_first_pcm_ms),
      server.includes_warmup ? t("header.cold") : "",
    );
    this.#showFigure("total", seconds(server.total_ms));
    this.#showFigure("gpu", isKnown(this.#gpu) ? [String(Math.round(this.#gpu)), "%"] : [gpu, ""]);
    const { values, median } = this.#sparkline;
    byId("split-gpu").textContent = this.#gpu === null ? t("header.gpu.none") : "";
    this.#showParts("latency", [
      ["header.queue", server.queued_ms],
      ["header.prefill", subtract(server.prefill_ms, server.queued_ms), "optional"],
      ["header.model", modelTime(server)],
      ["header.codec", server.codec_ms, "optional"],
      ["header.server", subtract(server.server_first_pcm_ms, server.first_pcm_ms)],
      ["header.network", subtract(stats.first_byte_ms, server.server_first_pcm_ms)],
      ["header.browser", subtract(stats.first_sample_ms, stats.first_byte_ms)],
      ["header.heard", stats.first_sample_ms],
      ["header.device", device_ms, "optional"],
      ["header.median", values.length > 1 ? median : null, "optional", { count: values.length }],
    ]);
    this.#showParts("total", [
      ["header.spoken", server.total_ms],
      ["header.received", stats.total_ms],
    ]);
    const ms = Math.round(stats.first_sample_ms);
    byId("first-audio").textContent = isKnown(stats.first_sample_ms) ? t("wave.heard", { ms }) : "";
  }

  /** Add the latency of a new run to the sparkline; audio from the history has none. */
  #addLatency(latency) {
    const { run, recalled } = this.#player.stats;
    if (recalled || !isKnown(latency) || this.#lastRun === run) return;
    this.#lastRun = run;
    this.#sparkline.add(latency);
    const { values, median } = this.#sparkline;
    const params = { count: values.length, median: milliseconds(median).join(" ") };
    this.#sparkline.describe(this.#i18n.t("header.spark", params));
  }

  #showFigure(name, [value, unit], note = "") {
    const details = [...(unit ? [h("small", {}, unit)] : []), ...(note ? [h("em", {}, note)] : [])];
    byId(`metric-${name}`)
      .querySelector("dd")
      .replaceChildren(value, ...details);
  }

  #showParts(name, parts) {
    const rows = parts
      .filter(([, ms, optional]) => isKnown(ms) || !optional)
      .map(([key, ms, , params]) => {
        return h("div", {}, h("span", {}, this.#i18n.t(key, params)), h("b", {}, milliseconds(ms).join(" ").trim()));
      });
    byId(`metric-${name}`)
      .querySelector(".split")
      .replaceChildren(...rows);
  }

  async #pollGpu() {
    for (;;) {
      if (document.visibilityState === "visible") {
        try {
          const response = await fetch(resolveUrl("api/gpu"));
          this.#gpu = response.ok ? (await response.json()).util_percent : null;
        } catch {
          this.#gpu = undefined; // the server cannot be reached
        }
        this.draw();
        if (this.#gpu === null) return; // a machine without NVML stays without it
      }
      await new Promise((resolve) => setTimeout(resolve, GPU_INTERVAL_MS));
    }
  }
}

const isKnown = (value) => value !== null && value !== undefined;

/** Time in the voice model itself, without queue, prefill and codec where these are known. */
function modelTime({ first_pcm_ms, queued_ms, prefill_ms, codec_ms }) {
  const total = subtract(first_pcm_ms, prefill_ms ?? queued_ms);
  return isKnown(codec_ms) ? subtract(total, codec_ms) : total;
}

/** `ms` without `part`; at millisecond resolution the difference may come out slightly negative. */
function subtract(ms, part) {
  return isKnown(ms) && isKnown(part) ? Math.max(0, ms - part) : null;
}

function milliseconds(ms) {
  if (!isKnown(ms)) return [DASH, ""];
  return ms >= 10000 ? seconds(ms) : [ms < 10 ? ms.toFixed(1) : String(Math.round(ms)), "ms"];
}

function seconds(ms) {
  return isKnown(ms) ? [(ms / 1000).toFixed(2), "s"] : [DASH, ""];
}
