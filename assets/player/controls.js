// Generate, which is Stop while there is something to stop; play, the status line and the error with its one action.

import { byId, clock } from "./dom.js";
import { RATE } from "./player.js";
import { showProblem } from "./problem.js";

export class Controls {
  #player;
  #sentences;
  #expected_s;
  #told = null; // {words, run}: something to say until the next run

  constructor(player, sentences, expected_s) {
    this.#expected_s = expected_s;
    this.#player = player;
    this.#sentences = sentences;
    player.addEventListener("change", ({ detail }) => (detail === "progress" || detail === "peaks" ? this.#times() : this.draw()));
    sentences.addEventListener("change", () => this.draw());
    byId("play").onclick = () => player.togglePlay();
    document.addEventListener("keydown", (event) => this.#key(event));
    this.draw();
  }

  #key(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
      event.preventDefault();
      if (!this.#player.busy) byId("generate").click();
    }
    if (event.key === "Escape" && this.#player.busy) this.#player.stop();
  }

  /** Say `words` in the status line until the next sound begins. */
  tell(words) {
    this.#told = { words, run: this.#player.stats.run };
    this.draw();
  }

  draw() {
    const { stats, busy } = this.#player;
    const generate = byId("generate");
    generate.dataset.busy = busy;
    generate.textContent = this.#sentences.say(busy ? "generate.stop" : "generate.go");
    if (!busy) generate.append(Object.assign(document.createElement("kbd"), { textContent: this.#sentences.say("generate.keys") }));
    byId("status").textContent = this.#status();
    const play = byId("play");
    play.disabled = !stats.samples || stats.state === "waiting";
    play.textContent = this.#sentences.say(stats.state === "speaking" ? "player.pause" : stats.state === "paused" ? "player.resume" : "player.again");
    showProblem(stats.error, stats.request_id, this.#sentences);
    this.#times();
  }

  #status() {
    const { stats } = this.#player;
    if (this.#told?.run === stats.run) return this.#told.words;
    const params = { seconds: clock(stats.samples / RATE), underruns: stats.underruns };
    const lines = [this.#sentences.say(`status.${stats.state}`, params)];
    if (stats.underruns) lines.push(this.#sentences.say("status.underruns", params));
    return lines.join(this.#sentences.language === "zh" ? "" : " ");
  }

  #times() {
    const { stats } = this.#player;
    byId("time-now").textContent = clock(stats.position / RATE);
    const expected = stats.receiving && this.#expected_s() > stats.samples / RATE;
    byId("time-all").textContent = expected ? this.#sentences.say("wave.about", { seconds: clock(this.#expected_s()) }) : clock(stats.samples / RATE);
    byId("wave").ariaValueNow = String(Math.round(stats.position / RATE));
    byId("wave").ariaValueMax = String(Math.round(stats.samples / RATE));
    byId("wave").ariaValueText = `${clock(stats.position / RATE)} / ${clock(stats.samples / RATE)}`;
  }
}
