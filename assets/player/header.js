// The three figures above the page, from the player's stats and the server's GPU route, each with what it is made of on hover and
// focus, and the last twenty latencies as a line. What is not known is a dash; what this machine cannot say is "n/a".

import { byId, make } from "./dom.js";
import { route } from "./player.js";
import { Sparkline } from "./sparkline.js";

const GPU_EVERY_MS = 1000;
const DASH = "–";

export class Header {
  #player;
  #sentences;
  #spark = new Sparkline();
  #counted = 0; // the run whose latency is in the line
  #gpu = undefined; // undefined: not asked yet; null: this machine cannot say

  constructor(player, sentences) {
    this.#player = player;
    this.#sentences = sentences;
    byId("metric-latency").append(this.#spark.element);
    player.addEventListener("change", ({ detail }) => detail !== "progress" && this.draw());
    sentences.addEventListener("change", () => this.draw());
    this.draw();
    this.#ask();
  }

  draw() {
    const { stats } = this.#player;
    const server = stats.server ?? {};
    this.#count(server.server_first_pcm_ms);
    const say = (key) => this.#sentences.say(key);
    const none = this.#gpu === null ? say("header.none") : DASH;
    this.#figure("latency", milliseconds(server.server_first_pcm_ms), server.cold ? say("header.cold") : "");
    this.#figure("total", seconds(server.total_ms));
    this.#figure("gpu", known(this.#gpu) ? [String(Math.round(this.#gpu)), "%"] : [none, ""]);
    this.#split("latency", [
      ["header.queue", server.queued_ms],
      ["header.prefill", less(server.prefill_ms, server.queued_ms), "extra"],
      ["header.model", this.#model(server)],
      ["header.codec", server.codec_ms, "extra"],
      ["header.server", less(server.server_first_pcm_ms, server.first_pcm_ms)],
      ["header.network", less(stats.first_byte_ms, server.server_first_pcm_ms)],
      ["header.browser", less(stats.first_sample_ms, stats.first_byte_ms)],
      ["header.heard", stats.first_sample_ms],
      ["header.device", this.#player.device_ms, "extra"],
      ["header.median", this.#spark.values.length > 1 ? this.#spark.median : null, "extra", { count: this.#spark.values.length }],
    ]);
    this.#split("total", [
      ["header.spoken", server.total_ms],
      ["header.received", stats.total_ms],
    ]);
    byId("heard").textContent = known(stats.first_sample_ms)
      ? this.#sentences.say("wave.heard", { ms: Math.round(stats.first_sample_ms) })
      : "";
  }

  /** A latency that was not in the line yet; a sound from the history has none of its own. */
  #count(latency) {
    const { run, recalled } = this.#player.stats;
    if (recalled || !known(latency) || this.#counted === run) return;
    this.#counted = run;
    this.#spark.add(latency);
    const { values, median } = this.#spark;
    this.#spark.describe(this.#sentences.say("header.spark", { count: values.length, median: milliseconds(median).join(" ") }));
  }

  /** What the voice itself took, without the queue, the reading of the prompt and the codec, where these are known apart. */
  #model({ first_pcm_ms, queued_ms, prefill_ms, codec_ms }) {
    const voice = less(first_pcm_ms, prefill_ms ?? queued_ms);
    return known(codec_ms) ? less(voice, codec_ms) : voice;
  }

  #figure(name, [value, unit], note = "") {
    const figure = byId(`metric-${name}`).querySelector("dd");
    figure.replaceChildren(value, ...(unit ? [make("small", {}, unit)] : []), ...(note ? [make("em", {}, note)] : []));
  }

  #split(name, rows) {
    const shown = rows.filter(([, ms, extra]) => known(ms) || !extra);
    const lines = shown.map(([key, ms, , params]) => make("div", {}, make("span", {}, this.#sentences.say(key, params)), make("b", {}, milliseconds(ms).join(" ").trim())));
    byId(`metric-${name}`).querySelector(".split").replaceChildren(...lines);
  }

  async #ask() {
    for (;;) {
      if (document.visibilityState === "visible") {
        try {
          const answer = await fetch(route("api/gpu"));
          this.#gpu = answer.ok ? (await answer.json()).util_percent : null;
        } catch {
          this.#gpu = undefined; // the server is away
        }
        this.draw();
        if (this.#gpu === null) return; // no NVML now, none in a second
      }
      await new Promise((resolve) => setTimeout(resolve, GPU_EVERY_MS));
    }
  }
}

const known = (value) => value !== null && value !== undefined;

/** `ms` without `part` of it; clocks that tick once a millisecond may make it a little less than nothing. */
function less(ms, part) {
  return known(ms) && known(part) ? Math.max(0, ms - part) : null;
}

function milliseconds(ms) {
  if (!known(ms)) return [DASH, ""];
  return ms >= 10000 ? seconds(ms) : [ms < 10 ? ms.toFixed(1) : String(Math.round(ms)), "ms"];
}

function seconds(ms) {
  return known(ms) ? [(ms / 1000).toFixed(2), "s"] : [DASH, ""];
}
