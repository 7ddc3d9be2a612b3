// The presenter view, for demos and recordings: the text being spoken, large, with waveform and latency. Drawn on one canvas, so that
// a recorded video shows the same. Loaded when it is first opened.

import { RATE } from "../../audio/player.js";
import { record } from "../../audio/video_recorder.js";
import { byId, formatDuration, h } from "../../components/dom.js";
import { placeOf } from "../../text/word_place.js";
import { playLabel } from "./controls.js";
import { FORMATS, paintPresenter } from "./presenter_canvas.js";
import { BarPeaks } from "./waveform.js";

const STORAGE_KEY = "qwen3tts.presenter";

export class Presenter {
  #player;
  #fields;
  #i18n;
  #dialog = h("dialog", { id: "presenter", className: "presenter" });
  #canvas = h("canvas", { id: "presenter-canvas" });
  #generate = h("button", { type: "button", className: "button-outline", id: "presenter-generate" });
  #play = h("button", { type: "button", className: "button-outline" });
  #record = h("button", { type: "button", className: "button-outline", id: "presenter-record" });
  #format = h("select", { id: "presenter-format" });
  #shown = { description: h("input", { type: "checkbox" }), latency: h("input", { type: "checkbox" }) };
  #labels = { description: h("span"), latency: h("span") };
  #close = h("button", { type: "button", className: "button-outline" });
  #status = h("p", { className: "status" });
  #barPeaks = new BarPeaks();
  #recording = null;

  constructor(player, fields, i18n) {
    this.#player = player;
    this.#fields = fields;
    this.#i18n = i18n;
    this.#canvas.setAttribute("role", "img");
    this.#status.setAttribute("role", "status");
    this.#format.append(...Object.keys(FORMATS).map((value) => h("option", { value })));
    this.#readOptions();
    const switches = Object.keys(this.#shown).map((name) => {
      this.#shown[name].id = `presenter-${name}`;
      this.#shown[name].onchange = () => this.#storeOptions();
      return h("label", {}, this.#shown[name], this.#labels[name]);
    });
    this.#format.onchange = () => this.#storeOptions();
    const buttons = [this.#generate, this.#play, this.#record, this.#format];
    this.#dialog.append(
      this.#canvas,
      h("div", { className: "bar" }, ...buttons, ...switches, this.#status, this.#close),
    );
    this.#generate.onclick = () => byId("generate").click();
    this.#play.onclick = () => player.togglePlay();
    this.#record.onclick = () => (this.#recording ? this.#finishRecording() : this.#startRecording());
    this.#close.onclick = () => this.#dialog.close();
    this.#dialog.addEventListener("close", () => this.#recording && this.#finishRecording());
    player.addEventListener("change", ({ detail }) => {
      if (detail === "progress" || detail === "peaks") return;
      this.#updateLabels();
      const ended = ["done", "failed", "stopped"].includes(player.stats.state);
      if (this.#recording && ended) this.#finishRecording();
    });
    i18n.addEventListener("change", () => this.#updateLabels());
    document.querySelector(".gradio-container").append(this.#dialog);
  }

  open() {
    this.#updateLabels();
    this.#dialog.showModal();
    this.#draw();
  }

  #t = (key, params) => this.#i18n.t(`presenter.${key}`, params);

  #readOptions() {
    let stored = {};
    try {
      stored = JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {};
    } catch {
      // nothing stored
    }
    const suitable = innerHeight > innerWidth ? "portrait" : "landscape";
    this.#format.value = stored.format in FORMATS ? stored.format : suitable;
    for (const [name, box] of Object.entries(this.#shown)) box.checked = stored[name] ?? name === "latency";
    this.#resize();
  }

  #storeOptions() {
    const shown = Object.fromEntries(Object.entries(this.#shown).map(([name, box]) => [name, box.checked]));
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify({ format: this.#format.value, ...shown }));
    } catch {
      // private browsing without storage
    }
    this.#resize();
  }

  #resize() {
    const [width, height] = FORMATS[this.#format.value];
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
  }

  #updateLabels() {
    const { stats, busy } = this.#player;
    this.#dialog.setAttribute("aria-label", this.#t("title"));
    this.#generate.textContent = this.#i18n.t(busy ? "generate.stop" : "generate.go");
    this.#play.textContent = this.#i18n.t(playLabel(stats));
    this.#play.disabled = !stats.samples;
    this.#record.textContent = this.#t(this.#recording ? "stop" : "record");
    this.#record.disabled = !this.#recording && busy;
    this.#format.disabled = Boolean(this.#recording);
    this.#format.ariaLabel = this.#t("format");
    for (const option of this.#format.options) option.textContent = this.#t(`format.${option.value}`);
    this.#labels.description.textContent = this.#t("description");
    this.#labels.latency.textContent = this.#i18n.t("header.latency");
    this.#close.textContent = this.#t("close");
    this.#canvas.ariaLabel = this.#caption;
  }

  /** Record what is played from the start, or what is generated now; the recording ends with the audio. */
  #startRecording() {
    const { stats } = this.#player;
    try {
      this.#recording = record(this.#canvas, this.#player.tap());
    } catch (error) {
      this.#status.textContent = this.#t("cannot", { reason: error.message });
      return;
    }
    if (stats.samples) {
      this.#player.seek(0);
      if (stats.state !== "speaking") this.#player.togglePlay();
    } else {
      byId("generate").click();
    }
    this.#status.textContent = this.#t("recording");
    this.#updateLabels();
  }

  async #finishRecording() {
    const recording = this.#recording;
    this.#recording = null;
    const video = await recording.stop();
    const name = `${fileStem(this.#fields.text)}.${recording.extension}`;
    const link = h("a", { href: URL.createObjectURL(video), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    this.#status.textContent = this.#t("saved", { name });
    this.#updateLabels();
  }

  get #segment() {
    const { timeline, stats } = this.#player;
    return timeline.segments.findLast((one) => one.start_sample <= stats.position) ?? timeline.segments[0];
  }

  /** The text of the segment being played; before the first, the first line. */
  get #caption() {
    const current = this.#segment;
    const lines = this.#fields.text.split("\n").filter((line) => line.trim());
    return current?.text ?? lines[current?.line ?? 0] ?? "";
  }

  #draw() {
    if (!this.#dialog.open) return;
    const style = getComputedStyle(this.#canvas);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    paintPresenter(this.#canvas.getContext("2d"), this.#format.value, this.#frame(), color);
    requestAnimationFrame(() => this.#draw());
  }

  /** The words of the segment being played, up to the one being heard. */
  #heardWords() {
    const { position, state } = this.#player.stats;
    const isPlaying = ["speaking", "paused"].includes(state);
    return isPlaying ? (this.#segment?.words ?? []).filter((word) => word.start_sample <= position) : [];
  }

  #frame() {
    const { peaks, stats } = this.#player;
    const span_s = Math.max(2, stats.samples / RATE);
    const marks = { underruns: [], segments: [], firstAudio: false };
    const latency = stats.server?.server_first_pcm_ms;
    const figure = latency === undefined || latency === null ? "–" : `${Math.round(latency)} ms`;
    const time = `${formatDuration(stats.position / RATE)} / ${formatDuration(stats.samples / RATE)}`;
    const caption = this.#caption;
    return {
      caption,
      heard: placeOf(caption, this.#heardWords()),
      description: this.#shown.description.checked ? this.#fields.description : "",
      wave: { peaks, timeline: marks, stats, span_s, barPeaks: this.#barPeaks },
      latency: this.#shown.latency.checked ? figure : "",
      latencyLabel: this.#i18n.t("header.latency"),
      facts: `${byId("engine-label").textContent}   ${time}`,
    };
  }
}

/** A file name from the first words of `text`. */
function fileStem(text) {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.slice(0, 5).join("-").slice(0, 40) || "speech";
}
