// The presenter view, for demos and recordings: the words that are heard, large, with waveform and latency; nothing else. Drawn on one
// canvas of 1280 x 720, so that what is seen is what a video of it holds. Loaded when it is first opened.

import { byId, clock, make, styled } from "./dom.js";
import { film } from "./film.js";
import { RATE } from "./player.js";
import { Loudest, paintWave } from "./waveform.js";

const [WIDTH, HEIGHT, EDGE] = [1280, 720, 88];
const FONT = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif';
const CAPTION_PX = [72, 60, 50, 42, 36, 30];
const WAVE = { top: 470, height: 120 };

export class Presenter {
  #player;
  #fields;
  #sentences;
  #dialog = make("dialog", { id: "presenter", className: "presenter" });
  #canvas = make("canvas", { width: WIDTH, height: HEIGHT, id: "presenter-canvas" });
  #play = make("button", { type: "button", className: "ghost" });
  #record = make("button", { type: "button", className: "ghost", id: "presenter-record" });
  #close = make("button", { type: "button", className: "ghost" });
  #told = make("p", { className: "told" });
  #loudest = new Loudest();
  #film = null;

  constructor(player, fields, sentences) {
    this.#player = player;
    this.#fields = fields;
    this.#sentences = sentences;
    this.#canvas.setAttribute("role", "img");
    this.#told.setAttribute("role", "status");
    this.#dialog.append(this.#canvas, make("div", { className: "bar" }, this.#play, this.#record, this.#told, this.#close));
    this.#play.onclick = () => (player.stats.samples ? player.togglePlay() : byId("generate").click());
    this.#record.onclick = () => (this.#film ? this.#finish() : this.#begin());
    this.#close.onclick = () => this.#dialog.close();
    this.#dialog.addEventListener("close", () => this.#film && this.#finish());
    player.addEventListener("change", ({ detail }) => {
      if (detail === "progress" || detail === "peaks") return;
      this.#label();
      if (this.#film && ["done", "failed", "stopped"].includes(player.stats.state)) this.#finish();
    });
    sentences.addEventListener("change", () => this.#label());
    document.querySelector(".gradio-container").append(this.#dialog);
  }

  async open() {
    await styled("presenter.css");
    this.#label();
    this.#dialog.showModal();
    this.#draw();
  }

  #say = (key, params) => this.#sentences.say(`presenter.${key}`, params);

  #label() {
    const { state, samples } = this.#player.stats;
    this.#dialog.setAttribute("aria-label", this.#say("title"));
    this.#play.textContent = this.#sentences.say(!samples ? "generate.go" : state === "speaking" ? "player.pause" : state === "paused" ? "player.resume" : "player.again");
    this.#record.textContent = this.#say(this.#film ? "stop" : "record");
    this.#record.disabled = !this.#film && !(samples && ["done", "stopped", "paused"].includes(state));
    this.#close.textContent = this.#say("close");
    this.#canvas.ariaLabel = this.#caption;
  }

  /** Hear it from the start and film that; it ends with the sound. */
  #begin() {
    try {
      this.#film = film(this.#canvas, this.#player.tap());
    } catch (error) {
      this.#told.textContent = this.#say("cannot", { reason: error.message });
      return;
    }
    this.#player.seek(0);
    if (this.#player.stats.state !== "speaking") this.#player.togglePlay();
    this.#told.textContent = this.#say("recording");
    this.#label();
  }

  async #finish() {
    const running = this.#film;
    this.#film = null;
    const video = await running.stop();
    const link = make("a", { href: URL.createObjectURL(video), download: "speech.webm" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    this.#told.textContent = this.#say("saved");
    this.#label();
  }

  /** The words of the segment that is heard; before the first, those of the text's first line. */
  get #caption() {
    const { marks, stats } = this.#player;
    const now = marks.segments.findLast((one) => one.start_sample <= stats.position) ?? marks.segments[0];
    const lines = this.#fields.text.split("\n").filter((line) => line.trim());
    return now?.text ?? lines[now?.line ?? 0] ?? "";
  }

  #draw() {
    if (!this.#dialog.open) return;
    const pen = this.#canvas.getContext("2d");
    const style = getComputedStyle(this.#canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    pen.fillStyle = colour("paper");
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    this.#words(pen, colour);
    this.#wave(pen, colour);
    this.#figures(pen, colour);
    requestAnimationFrame(() => this.#draw());
  }

  #words(pen, colour) {
    const caption = this.#caption;
    let lines = [];
    let size = 0;
    for (size of CAPTION_PX) {
      pen.font = `650 ${size}px ${FONT}`;
      lines = broken(pen, caption, WIDTH - 2 * EDGE);
      if (lines.length * size * 1.35 <= WAVE.top - 130) break;
    }
    const room = Math.floor((WAVE.top - 130) / (size * 1.35));
    if (lines.length > room) lines = [...lines.slice(0, room - 1), `${lines[room - 1]}…`];
    pen.fillStyle = colour("ink");
    pen.textBaseline = "middle";
    const top = 70 + (WAVE.top - 100 - lines.length * size * 1.35) / 2;
    lines.forEach((line, i) => pen.fillText(line, EDGE, top + (i + 0.5) * size * 1.35));
  }

  #wave(pen, colour) {
    const { peaks, marks, stats } = this.#player;
    pen.save();
    pen.translate(EDGE, WAVE.top);
    const span_s = Math.max(2, stats.samples / RATE);
    paintWave(pen, { peaks, marks: { underruns: marks.underruns, segments: [], first: false }, stats, span_s, loudest: this.#loudest }, WIDTH - 2 * EDGE, WAVE.height, colour);
    pen.restore();
  }

  #figures(pen, colour) {
    const { stats } = this.#player;
    const latency = stats.server?.server_first_pcm_ms;
    pen.textBaseline = "alphabetic";
    pen.fillStyle = colour("ink");
    pen.font = `650 34px ${FONT}`;
    const figure = latency === undefined || latency === null ? "–" : `${Math.round(latency)} ms`;
    pen.fillText(figure, EDGE, 655);
    const wide = pen.measureText(figure).width;
    pen.fillStyle = colour("soft");
    pen.font = `20px ${FONT}`;
    pen.fillText(this.#sentences.say("header.latency"), EDGE + wide + 14, 655);
    const right = `${byId("engine-label").textContent}   ${clock(stats.position / RATE)} / ${clock(stats.samples / RATE)}`;
    pen.fillText(right, WIDTH - EDGE - pen.measureText(right).width, 655);
  }
}

/** `text` in lines of at most `width`, broken between words, or anywhere in scripts without spaces. */
function broken(pen, text, width) {
  const lines = [];
  let line = "";
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    for (const piece of pen.measureText(segment).width > width ? segment : [segment]) {
      if (line && pen.measureText(line + piece).width > width && piece.trim() && !/^[\p{P}]+$/u.test(piece)) {
        lines.push(line.trim());
        line = "";
      }
      line += piece;
    }
  }
  return line.trim() ? [...lines, line.trim()] : lines;
}
