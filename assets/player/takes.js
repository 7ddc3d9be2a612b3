// Three takes of the same words from three seeds, spoken together: A, B and C side by side, blind if wanted; one click keeps the
// winner, which becomes the take on the table, and its seed that of the next requests.

import { byId, make } from "./dom.js";
import { Peaks, Samples } from "./pcm.js";
import { PEAKS_PER_S, RATE, newId } from "./player.js";
import { drawSeed } from "./asking.js";
import { drawPeaks } from "./miniwave.js";

const LETTERS = ["A", "B", "C"];
const BLIND = "qwen3tts.blind";

export class Takes {
  #player;
  #take;
  #asking;
  #api;
  #sentences;
  #tell;
  #takes = []; // {seed, id, peaks, samples, state, entry, message}, in the order in which they are shown
  #abort = null;
  #won = null;

  constructor({ player, take, asking, api, sentences, tell }) {
    this.#player = player;
    this.#take = take;
    this.#asking = asking;
    this.#api = api;
    this.#sentences = sentences;
    this.#tell = tell;
    byId("three").onclick = () => (this.#abort ? this.#stop() : this.#start());
    byId("blind").checked = localStorage.getItem(BLIND) === "yes";
    byId("blind").onchange = () => this.#blindOrNot();
    player.addEventListener("change", ({ detail }) => this.#takes.length && detail !== "peaks" && this.draw());
    sentences.addEventListener("change", () => this.draw());
  }

  /** Letters without seeds, in an order that nobody knows, until one is chosen. */
  get blind() {
    return byId("blind").checked && !this.#won;
  }

  async #start() {
    if (this.#player.busy) this.#player.stop();
    const abort = (this.#abort = new AbortController());
    this.#won = null;
    this.#takes = LETTERS.map(() => ({ seed: drawSeed(), id: newId(), peaks: [], samples: 0, state: "queued", entry: null }));
    if (this.blind) shuffle(this.#takes);
    this.draw();
    byId("takes").scrollIntoView({ block: "nearest" });
    await Promise.all(this.#takes.map((take) => this.#speak(take, abort.signal)));
    if (this.#abort === abort) this.#abort = null;
    this.draw();
  }

  #stop() {
    this.#abort.abort();
    this.#abort = null;
    this.#takes = [];
    this.draw();
  }

  /** Receive one take; its sound is heard later, from the history. */
  async #speak(take, signal) {
    try {
      const headers = { "Content-Type": "application/json", "X-Request-Id": take.id };
      const body = JSON.stringify({ ...this.#asking.body({ seed: take.seed }), streaming: true });
      const answer = await this.#api.fetch("api/tts", { method: "POST", headers, body, signal });
      const [samples, peaks, reader] = [new Samples(), new Peaks(RATE / PEAKS_PER_S), answer.body.getReader()];
      take.state = "speaking";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const pcm = samples.push(value);
        take.samples += pcm.length;
        take.peaks.push(...peaks.push(pcm));
        this.draw();
      }
      take.entry = await this.#api.get(`api/history/of/${take.id}`);
      take.state = take.entry.failed || take.entry.segments.some((segment) => segment.failed) ? "failed" : "done";
    } catch (error) {
      if (signal.aborted) return;
      take.state = "failed";
      take.message = error.message;
    }
    this.draw();
  }

  #blindOrNot() {
    localStorage.setItem(BLIND, byId("blind").checked ? "yes" : "no");
    if (this.blind) shuffle(this.#takes);
    this.draw();
  }

  #hear(take) {
    if (this.#take.id !== take.entry.id) this.#take.recall(take.entry);
    else this.#player.togglePlay();
  }

  #keep(take, letter) {
    this.#won = take;
    this.#asking.use({ seed: take.seed });
    if (this.#take.id !== take.entry.id) this.#take.recall(take.entry, { play: false });
    this.#tell(this.#sentences.say("takes.kept", { letter, seed: take.seed }));
    this.draw();
  }

  draw() {
    const say = (key, params) => this.#sentences.say(key, params);
    byId("three").textContent = say(this.#abort ? "takes.stop" : "takes.three");
    byId("takes").hidden = !this.#takes.length;
    const row = byId("takes-row");
    if (row.children.length !== this.#takes.length) row.replaceChildren(...this.#takes.map(() => card()));
    this.#takes.forEach((take, i) => this.#fill(row.children[i], take, LETTERS[i]));
    const failed = this.#takes.find((take) => take.message);
    byId("takes-hint").textContent = failed?.message ?? say(this.#abort ? "takes.coming" : this.#won ? "takes.won" : this.blind ? "takes.listen.blind" : "takes.listen");
  }

  #fill(card, take, letter) {
    const say = (key, params) => this.#sentences.say(key, params);
    const [hear, canvas, seed, keep] = [card.querySelector(".hear"), card.querySelector("canvas"), card.querySelector("small"), card.querySelector(".keep")];
    const here = take.entry !== null && this.#take.id === take.entry.id;
    const { state, position } = this.#player.stats;
    const playing = here && state === "speaking";
    card.dataset.state = take.state;
    card.dataset.here = here;
    card.dataset.won = this.#won === take;
    card.querySelector("b").textContent = letter;
    hear.disabled = take.state !== "done";
    hear.onclick = () => this.#hear(take);
    hear.ariaLabel = say(playing ? "takes.pause" : "takes.hear", { letter });
    keep.textContent = say(this.#won === take ? "takes.chosen" : "takes.keep");
    keep.ariaLabel = say("takes.keep.of", { letter });
    keep.disabled = take.state !== "done" || this.#won === take;
    keep.onclick = () => this.#keep(take, letter);
    const told = { queued: say("line.state.queued"), speaking: say("line.state.speaking"), failed: say("line.state.failed") }[take.state];
    seed.textContent = told ?? (this.blind ? "" : String(take.seed));
    drawPeaks(canvas, take.peaks, here ? position / Math.max(1, take.samples) : 0);
  }
}

function card() {
  const hear = make("button", { type: "button", className: "hear" }, make("b"), make("canvas", { ariaHidden: "true" }));
  return make("div", { className: "take" }, hear, make("small"), make("button", { type: "button", className: "keep" }));
}

/** Fisher and Yates, in place. */
function shuffle(list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = drawSeed() % (i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}
