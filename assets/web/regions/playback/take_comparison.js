// Three takes of the same text from three seeds, generated together: A, B and C side by side, blind if wanted. Choosing one makes it
// the current take, and its seed that of the next requests.

import { PcmDecoder, PeakMeter } from "../../audio/pcm.js";
import { PEAKS_PER_S, RATE, newRequestId } from "../../audio/player.js";
import { byId, h } from "../../components/dom.js";
import { drawPeaks } from "../../components/mini_waveform.js";
import { randomSeed } from "../../state/request_state.js";

const LETTERS = ["A", "B", "C"];
const BLIND_KEY = "qwen3tts.blind";

export class TakeComparison {
  #player;
  #currentTake;
  #requestState;
  #api;
  #i18n;
  #showStatus;
  #takes = []; // {seed, id, peaks, samples, state, entry, message}, in the order shown
  #abort = null;
  #chosen = null;

  constructor({ player, take, requestState, api, i18n, showStatus }) {
    this.#player = player;
    this.#currentTake = take;
    this.#requestState = requestState;
    this.#api = api;
    this.#i18n = i18n;
    this.#showStatus = showStatus;
    byId("compare-takes").onclick = () => (this.#abort ? this.#stop() : this.#start());
    byId("blind").checked = localStorage.getItem(BLIND_KEY) === "yes";
    byId("blind").onchange = () => this.#onBlindChange();
    player.addEventListener("change", ({ detail }) => this.#takes.length && detail !== "peaks" && this.draw());
    i18n.addEventListener("change", () => this.draw());
  }

  /** Whether the order is shuffled and the seeds are hidden: until one is chosen. */
  get isBlind() {
    return byId("blind").checked && !this.#chosen;
  }

  async #start() {
    if (this.#player.busy) this.#player.stop();
    const abort = (this.#abort = new AbortController());
    this.#chosen = null;
    this.#takes = LETTERS.map(() => newTake());
    if (this.isBlind) shuffle(this.#takes);
    this.draw();
    byId("takes").scrollIntoView({ block: "nearest" });
    await Promise.all(this.#takes.map((take) => this.#generate(take, abort.signal)));
    if (this.#abort === abort) this.#abort = null;
    this.draw();
  }

  #stop() {
    this.#abort.abort();
    this.#abort = null;
    this.#takes = [];
    this.draw();
  }

  /** Generate one take; it is played later, from the history. */
  async #generate(take, signal) {
    try {
      await this.#receive(take, signal);
      take.entry = await this.#api.historyEntry(take.id);
      const failed = take.entry.failed || take.entry.segments.some((segment) => segment.failed);
      take.state = failed ? "failed" : "done";
    } catch (error) {
      if (signal.aborted) return;
      take.state = "failed";
      take.message = error.message;
    }
    this.draw();
  }

  async #receive(take, signal) {
    const headers = { "Content-Type": "application/json", "X-Request-Id": take.id };
    const body = JSON.stringify({ ...this.#requestState.toRequestBody({ seed: take.seed }), streaming: true });
    const response = await this.#api.fetch("api/tts", { method: "POST", headers, body, signal });
    const [decoder, meter] = [new PcmDecoder(), new PeakMeter(RATE / PEAKS_PER_S)];
    const reader = response.body.getReader();
    take.state = "speaking";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const pcm = decoder.push(value);
      take.samples += pcm.length;
      take.peaks.push(...meter.push(pcm));
      this.draw();
    }
  }

  #onBlindChange() {
    localStorage.setItem(BLIND_KEY, byId("blind").checked ? "yes" : "no");
    if (this.isBlind) shuffle(this.#takes);
    this.draw();
  }

  #play(take) {
    if (this.#currentTake.id !== take.entry.id) this.#currentTake.recall(take.entry);
    else this.#player.togglePlay();
  }

  #choose(take, letter) {
    this.#chosen = take;
    this.#requestState.update({ seed: take.seed });
    if (this.#currentTake.id !== take.entry.id) this.#currentTake.recall(take.entry, { play: false });
    this.#showStatus(this.#i18n.t("takes.kept", { letter }));
    this.draw();
  }

  draw() {
    const t = (key) => this.#i18n.t(key);
    byId("compare-takes").textContent = t(this.#abort ? "takes.stop" : "takes.three");
    byId("takes").hidden = !this.#takes.length;
    const row = byId("takes-row");
    if (row.children.length !== this.#takes.length) row.replaceChildren(...this.#takes.map(() => createCard()));
    this.#takes.forEach((take, i) => this.#update(row.children[i], take, LETTERS[i]));
    byId("takes-hint").textContent = this.#takes.find((take) => take.message)?.message ?? t(this.#hintKey);
  }

  get #hintKey() {
    if (this.#abort) return "takes.coming";
    if (this.#chosen) return "takes.won";
    return this.isBlind ? "takes.listen.blind" : "takes.listen";
  }

  #update(card, take, letter) {
    const t = (key, params) => this.#i18n.t(key, params);
    const [play, canvas, note, choose] = [".hear", "canvas", "small", ".keep"].map((name) => card.querySelector(name));
    const isCurrent = take.entry !== null && this.#currentTake.id === take.entry.id;
    const isChosen = this.#chosen === take;
    const { state, position } = this.#player.stats;
    Object.assign(card.dataset, { state: take.state, here: isCurrent, won: isChosen });
    card.querySelector("b").textContent = letter;
    play.disabled = take.state !== "done";
    play.onclick = () => this.#play(take);
    play.ariaLabel = t(isCurrent && state === "speaking" ? "takes.pause" : "takes.hear", { letter });
    choose.textContent = t(isChosen ? "takes.chosen" : "takes.keep");
    choose.ariaLabel = t("takes.keep.of", { letter });
    choose.disabled = take.state !== "done" || isChosen;
    choose.onclick = () => this.#choose(take, letter);
    note.textContent = take.state !== "done" ? t(`line.state.${take.state}`) : this.isBlind ? "" : String(take.seed);
    drawPeaks(canvas, take.peaks, isCurrent ? position / Math.max(1, take.samples) : 0);
  }
}

function newTake() {
  return { seed: randomSeed(), id: newRequestId(), peaks: [], samples: 0, state: "queued", entry: null };
}

function createCard() {
  const play = h("button", { type: "button", className: "hear" }, h("b"), h("canvas", { ariaHidden: "true" }));
  return h("div", { className: "take" }, play, h("small"), h("button", { type: "button", className: "keep" }));
}

/** Fisher-Yates, in place. */
function shuffle(list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = randomSeed() % (i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}
