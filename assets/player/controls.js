// Generate, which is Stop while there is something to stop; play, download, the status line and the error with its one action.

import { byId, clock } from "./dom.js";
import { RATE, route } from "./player.js";

const OURS = ["network", "insecure", "sound", "refused"]; // errors that the server did not put into words

export class Controls {
  #player;
  #sentences;
  #expected_s;
  #finished = null; // the request whose file can be had

  constructor(player, sentences, expected_s) {
    this.#expected_s = expected_s;
    this.#player = player;
    this.#sentences = sentences;
    player.addEventListener("change", ({ detail }) => (detail === "progress" || detail === "peaks" ? this.#times() : this.draw()));
    sentences.addEventListener("change", () => this.draw());
    byId("play").onclick = () => player.togglePlay();
    byId("retry").onclick = () => byId("generate").click();
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

  draw() {
    const { stats, busy } = this.#player;
    if (stats.samples && !stats.receiving) this.#finished = stats.request_id;
    const generate = byId("generate");
    generate.dataset.busy = busy;
    generate.textContent = this.#sentences.say(busy ? "generate.stop" : "generate.go");
    if (!busy) generate.append(Object.assign(document.createElement("kbd"), { textContent: this.#sentences.say("generate.keys") }));
    byId("status").textContent = this.#status();
    const play = byId("play");
    play.disabled = !stats.samples || stats.state === "waiting";
    play.textContent = this.#sentences.say(stats.state === "speaking" ? "player.pause" : stats.state === "paused" ? "player.resume" : "player.again");
    const download = byId("download");
    download.ariaDisabled = String(!this.#finished);
    if (this.#finished) download.href = route(`api/requests/${this.#finished}/audio?format=wav`);
    else download.removeAttribute("href");
    this.#error();
    this.#times();
  }

  #status() {
    const { stats } = this.#player;
    const params = { seconds: clock(stats.samples / RATE), underruns: stats.underruns };
    const lines = [this.#sentences.say(`status.${stats.state}`, params)];
    if (stats.underruns) lines.push(this.#sentences.say("status.underruns", params));
    return lines.join(" ");
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

  #error() {
    const { error, request_id } = this.#player.stats;
    byId("error").hidden = !error;
    if (!error) return;
    const ours = OURS.includes(error.code) || !error.message;
    byId("error-sentence").textContent = ours ? this.#sentences.say(`error.page.${OURS.includes(error.code) ? error.code : "refused"}`) : error.message;
    const details = [error.code, error.status, request_id, ours ? error.message : null];
    byId("error-details").textContent = details.filter(Boolean).join(" · ");
  }
}
