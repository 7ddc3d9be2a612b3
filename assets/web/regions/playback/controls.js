// The Generate button (Stop while speaking), the play button, the status line and the error card.

import { RATE } from "../../audio/player.js";
import { byId, formatDuration, h, setText } from "../../components/dom.js";
import { showError } from "./error_card.js";

export class Controls {
  #player;
  #i18n;
  #expectedSeconds;
  #message = null; // {text, run}: shown until the next run
  #loadState = null; // of the model, as /api/info has it
  #askedRun = 0; // the run for which the engine was asked about it

  /** `expectedSeconds()` is the estimated duration of the current speech. */
  constructor(player, i18n, expectedSeconds) {
    this.#player = player;
    this.#i18n = i18n;
    this.#expectedSeconds = expectedSeconds;
    const isFrequent = (what) => what === "progress" || what === "peaks";
    player.addEventListener("change", ({ detail }) => (isFrequent(detail) ? this.#drawTimes() : this.draw()));
    player.addEventListener("change", () => this.#askForLoadState());
    i18n.addEventListener("change", () => {
      this.#message = null; // it is in the other language
      this.draw();
    });
    byId("play").onclick = () => player.togglePlay();
    document.addEventListener("keydown", (event) => this.#onKey(event));
    const ignoreDoubleClick = (event) => event.detail > 1 && event.stopImmediatePropagation();
    byId("generate").addEventListener("click", ignoreDoubleClick, { capture: true }); // it would stop at once
    this.draw();
  }

  #onKey(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault();
      if (!this.#player.busy && !event.repeat) byId("generate").click();
    }
    if (event.key === "Escape" && this.#player.busy) this.#player.stop();
  }

  /** Show `text` in the status line until the next speech begins. */
  showStatus(text) {
    this.#message = { text, run: this.#player.stats.run };
    this.draw();
  }

  draw() {
    const { stats, busy } = this.#player;
    const t = (key) => this.#i18n.t(key);
    const generate = byId("generate");
    generate.dataset.busy = busy;
    generate.textContent = t(busy ? "generate.stop" : "generate.go");
    if (!busy) generate.append(h("kbd", {}, t("generate.keys")));
    setText(byId("status"), this.#statusText());
    const play = byId("play");
    play.disabled = !stats.samples || (stats.state === "waiting" && stats.collecting_s === null);
    play.textContent = t(playLabel(stats));
    showError(stats.error, stats.request_id, this.#i18n);
    this.#drawTimes();
  }

  #askForLoadState() {
    const { run, state } = this.#player.stats;
    if (state !== "waiting" || run === this.#askedRun) return;
    this.#askedRun = run;
    document.dispatchEvent(new Event("studio-engine"));
  }

  /** While the model is loaded again for a request, the status line says so. */
  setEngine({ load_state }) {
    this.#loadState = load_state;
    this.draw();
  }

  #statusText() {
    const { stats } = this.#player;
    if (this.#message?.run === stats.run) return this.#message.text;
    const { state, load_s } = this.#loadState ?? {};
    const isWaking = stats.state === "waiting" && ["unloaded", "waking"].includes(state);
    if (isWaking) return this.#i18n.t("status.waking", { seconds: Math.ceil(load_s) });
    if (stats.collecting_s !== null) return this.#collectingText(stats.collecting_s);
    const params = { seconds: formatDuration(stats.samples / RATE), underruns: stats.underruns };
    const isIncomplete = stats.state === "done" && stats.finish_reason === "cancelled";
    const sentences = [this.#i18n.t(`status.${isIncomplete ? "stopped" : stats.state}`, params)];
    if (stats.underruns) sentences.push(this.#i18n.t("status.underruns", params));
    return sentences.join(this.#i18n.language === "zh" ? "" : " ");
  }

  #collectingText(seconds) {
    const key = seconds < 60 ? "status.collecting" : "status.collecting.minutes";
    return this.#i18n.t(key, { seconds, minutes: Math.ceil(seconds / 60) });
  }

  #drawTimes() {
    const { stats } = this.#player;
    const expected = this.#expectedSeconds();
    const [position, duration] = [stats.position / RATE, stats.samples / RATE];
    const estimate = () => this.#i18n.t("wave.about", { seconds: formatDuration(expected) });
    byId("time-now").textContent = formatDuration(position);
    byId("time-all").textContent = stats.receiving && expected > duration ? estimate() : formatDuration(duration);
    const wave = byId("wave");
    wave.ariaValueNow = String(Math.round(position));
    wave.ariaValueMax = String(Math.round(duration));
    wave.ariaValueText = `${formatDuration(position)} / ${formatDuration(duration)}`;
  }
}

/** The message key for the play button. */
export function playLabel({ state, samples_played, collecting_s }) {
  if (collecting_s !== null) return "player.now";
  if (state === "speaking") return "player.pause";
  if (state === "paused") return "player.resume";
  return samples_played ? "player.again" : "player.play";
}
