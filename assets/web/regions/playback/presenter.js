// The presenter view, for demos and recordings: the text being spoken, large, with waveform and latency. Drawn on one canvas of
// 1280 x 720, so that a recorded video shows the same. Loaded when it is first opened.

import { RATE } from "../../audio/player.js";
import { record } from "../../audio/video_recorder.js";
import { byId, formatDuration, h, loadStylesheet } from "../../components/dom.js";
import { placeOf } from "../../text/word_place.js";
import { playLabel } from "./controls.js";
import { BarPeaks, paintWave } from "./waveform.js";

const [WIDTH, HEIGHT, MARGIN] = [1280, 720, 88];
const FONT = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif';
const CAPTION_PX = [72, 60, 50, 42, 36, 30];
const LINE_HEIGHT = 1.35;
const WAVE = { top: 470, height: 120 };

export class Presenter {
  #player;
  #fields;
  #i18n;
  #dialog = h("dialog", { id: "presenter", className: "presenter" });
  #canvas = h("canvas", { width: WIDTH, height: HEIGHT, id: "presenter-canvas" });
  #play = h("button", { type: "button", className: "button-outline" });
  #record = h("button", { type: "button", className: "button-outline", id: "presenter-record" });
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
    const bar = h("div", { className: "bar" }, this.#play, this.#record, this.#status, this.#close);
    this.#dialog.append(this.#canvas, bar);
    this.#play.onclick = () => (player.stats.samples ? player.togglePlay() : byId("generate").click());
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

  async open() {
    await loadStylesheet(new URL("presenter.css", import.meta.url));
    this.#updateLabels();
    this.#dialog.showModal();
    this.#draw();
  }

  #t = (key, params) => this.#i18n.t(`presenter.${key}`, params);

  #updateLabels() {
    const { stats } = this.#player;
    const { state, samples } = stats;
    this.#dialog.setAttribute("aria-label", this.#t("title"));
    this.#play.textContent = this.#i18n.t(samples ? playLabel(stats) : "generate.go");
    this.#record.textContent = this.#t(this.#recording ? "stop" : "record");
    this.#record.disabled = !this.#recording && !(samples && ["done", "stopped", "paused"].includes(state));
    this.#close.textContent = this.#t("close");
    this.#canvas.ariaLabel = this.#caption;
  }

  /** Play from the start and record; the recording ends with the audio. */
  #startRecording() {
    try {
      this.#recording = record(this.#canvas, this.#player.tap());
    } catch (error) {
      this.#status.textContent = this.#t("cannot", { reason: error.message });
      return;
    }
    this.#player.seek(0);
    if (this.#player.stats.state !== "speaking") this.#player.togglePlay();
    this.#status.textContent = this.#t("recording");
    this.#updateLabels();
  }

  async #finishRecording() {
    const recording = this.#recording;
    this.#recording = null;
    const video = await recording.stop();
    const link = h("a", { href: URL.createObjectURL(video), download: "speech.webm" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    this.#status.textContent = this.#t("saved");
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
    const context = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    context.fillStyle = color("background");
    context.fillRect(0, 0, WIDTH, HEIGHT);
    this.#drawCaption(context, color);
    this.#drawWave(context, color);
    this.#drawFigures(context, color);
    requestAnimationFrame(() => this.#draw());
  }

  #drawCaption(context, color) {
    const caption = this.#caption;
    let lines = [];
    let size = 0;
    for (size of CAPTION_PX) {
      context.font = `650 ${size}px ${FONT}`;
      lines = wrapText(context, caption, WIDTH - 2 * MARGIN);
      if (lines.length * size * LINE_HEIGHT <= WAVE.top - 130) break;
    }
    const maxLines = Math.floor((WAVE.top - 130) / (size * LINE_HEIGHT));
    if (lines.length > maxLines) lines = [...lines.slice(0, maxLines - 1), `${lines[maxLines - 1]}…`];
    context.fillStyle = color("text");
    context.textBaseline = "middle";
    const top = 70 + (WAVE.top - 100 - lines.length * size * LINE_HEIGHT) / 2;
    const heard = placeOf(caption, this.#heardWords());
    let from = 0;
    lines.forEach((line, i) => {
      const y = top + (i + 0.5) * size * LINE_HEIGHT;
      context.fillStyle = color("text");
      context.fillText(line, MARGIN, y);
      const start = caption.indexOf(line, from);
      from = start < 0 ? from : start + line.length;
      if (start < 0 || !heard || heard.start < start || heard.end > from) return;
      context.fillStyle = color("green");
      const before = context.measureText(line.slice(0, heard.start - start)).width;
      context.fillText(line.slice(heard.start - start, heard.end - start), MARGIN + before, y);
    });
  }

  /** The words of the segment being played, up to the one being heard. */
  #heardWords() {
    const { position, state } = this.#player.stats;
    const isPlaying = ["speaking", "paused"].includes(state);
    return isPlaying ? (this.#segment?.words ?? []).filter((word) => word.start_sample <= position) : [];
  }

  #drawWave(context, color) {
    const { peaks, timeline, stats } = this.#player;
    const span_s = Math.max(2, stats.samples / RATE);
    const marks = { underruns: timeline.underruns, segments: [], firstAudio: false };
    context.save();
    context.translate(MARGIN, WAVE.top);
    const wave = { peaks, timeline: marks, stats, span_s, barPeaks: this.#barPeaks };
    paintWave(context, wave, WIDTH - 2 * MARGIN, WAVE.height, color);
    context.restore();
  }

  #drawFigures(context, color) {
    const { stats } = this.#player;
    const latency = stats.server?.server_first_pcm_ms;
    const figure = latency === undefined || latency === null ? "–" : `${Math.round(latency)} ms`;
    context.textBaseline = "alphabetic";
    context.fillStyle = color("text");
    context.font = `650 34px ${FONT}`;
    context.fillText(figure, MARGIN, 655);
    const { width } = context.measureText(figure);
    context.fillStyle = color("text-muted");
    context.font = `20px ${FONT}`;
    context.fillText(this.#i18n.t("header.latency"), MARGIN + width + 14, 655);
    const time = `${formatDuration(stats.position / RATE)} / ${formatDuration(stats.samples / RATE)}`;
    const right = `${byId("engine-label").textContent}   ${time}`;
    context.fillText(right, WIDTH - MARGIN - context.measureText(right).width, 655);
  }
}

/** `text` in lines of at most `width`, broken between words, or anywhere in scripts without spaces. */
function wrapText(context, text, width) {
  const lines = [];
  let line = "";
  const isWide = (part) => context.measureText(part).width > width;
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    for (const part of isWide(segment) ? segment : [segment]) {
      if (line && isWide(line + part) && part.trim() && !/^[\p{P}]+$/u.test(part)) {
        lines.push(line.trim());
        line = "";
      }
      line += part;
    }
  }
  return line.trim() ? [...lines, line.trim()] : lines;
}
