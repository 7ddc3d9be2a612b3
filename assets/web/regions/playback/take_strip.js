// The strip of the last takes under the waveform: hear one, flip between two at the same place in the text, bring one back. Three
// takes and the blind mode live here. In: the player, the form, the history. Out: records in `Takes`, and calls of `restore`.

import { newRequestId } from "../../audio/player.js";
import { byId, setChildren, setText } from "../../components/dom.js";
import { speakerName } from "../../state/engines.js";
import { alignedPosition } from "../../state/take_alignment.js";
import { randomSeed } from "../../state/request_state.js";
import { diffWords } from "../../text/word_diff.js";
import { generateSilently } from "./silent_generation.js";
import { TakeCard } from "./take_card.js";

const BLIND_KEY = "qwen3tts.blind";
const LEVEL_KEY = "qwen3tts.takes.level";
const NUM_READINGS = 3;
const MAX_ATTENUATION = 0.25; // 12 dB

export class TakeStrip {
  #parts; // {player, take, takes, lineVersions, fields, requestState, savedVoices, presets, api, i18n, restore, showStatus}
  #cards = new Map(); // take -> TakeCard
  #entries = new Map(); // history id -> promise of the entry
  #followed = null; // {run, take}: the generation that becomes a take
  #abort = null;
  #currentId = null; // of the take that was loaded last
  #previous = null; // the id to flip back to
  #order = null; // the takes in blind order
  #message = "";

  constructor(parts) {
    this.#parts = parts;
    const { player, takes, fields, requestState, i18n } = parts;
    byId("compare-takes").onclick = () => (this.#abort ? this.#stop() : this.#startReadings());
    byId("blind").checked = localStorage.getItem(BLIND_KEY) === "yes";
    byId("blind").onchange = () => this.#onBlindChange();
    byId("match-level").checked = localStorage.getItem(LEVEL_KEY) !== "no";
    byId("match-level").onchange = ({ target }) => localStorage.setItem(LEVEL_KEY, target.checked ? "yes" : "no");
    document.addEventListener("keydown", (event) => this.#onKey(event));
    player.addEventListener("change", ({ detail }) => this.#onPlayer(detail));
    for (const source of [takes, fields, requestState, i18n]) source.addEventListener("change", () => this.draw());
    this.#shuffleIfBlind();
    this.draw();
  }

  /** The speech that has just begun becomes a take. */
  follow() {
    const { player, takes } = this.#parts;
    this.#dropUnfinished();
    this.#followed = { run: player.stats.run, take: takes.add({ state: "queued" }) };
    this.#message = "";
    this.#shuffleIfBlind();
  }

  #dropUnfinished() {
    if (this.#followed) this.#parts.takes.remove(this.#followed.take);
    this.#followed = null;
  }

  get #isBlind() {
    return this.#order !== null;
  }

  #shuffleIfBlind() {
    this.#order = byId("blind").checked ? shuffled(this.#parts.takes.list) : null;
  }

  #onBlindChange() {
    localStorage.setItem(BLIND_KEY, byId("blind").checked ? "yes" : "no");
    this.#shuffleIfBlind();
    this.draw();
  }

  #onPlayer(detail) {
    const { stats } = this.#parts.player;
    if (detail === "started") this.#noteCurrent();
    if (this.#followed && stats.run !== this.#followed.run) this.#dropUnfinished();
    if (this.#followed && !stats.receiving && detail !== "progress") this.#finishFollowed();
    if (detail !== "peaks") this.draw();
  }

  /** All audio has arrived: keep the take. Without a history there is nothing to hear again. */
  async #finishFollowed() {
    const { player, take: currentTake, takes } = this.#parts;
    const { take } = this.#followed;
    this.#followed = null;
    const { samples, level } = player.stats;
    const peaks = [...player.peaks];
    try {
      if (!samples) throw new Error("nothing was spoken");
      takes.finish(take, await currentTake.entry(), { peaks, level });
      this.#currentId = take.id;
      this.#previous = this.#newestOther(take.id);
      this.draw();
    } catch {
      takes.remove(take);
    }
  }

  /** Another take is loaded: X flips back to the one before it. */
  #noteCurrent() {
    const { id } = this.#parts.take;
    if (id === null || id === this.#currentId) return;
    const before = this.#parts.takes.find(this.#currentId);
    this.#previous = before ? before.id : this.#newestOther(id);
    this.#currentId = id;
  }

  #newestOther(id) {
    return this.#done.find((take) => take.id !== id)?.id ?? null;
  }

  get #done() {
    return this.#parts.takes.list.filter((take) => take.state === "done");
  }

  async #startReadings() {
    const { player, takes, requestState, fields } = this.#parts;
    if (player.busy) player.stop();
    const abort = (this.#abort = new AbortController());
    this.#message = "";
    const body = requestState.toRequestBody();
    const seeds = Array.from({ length: NUM_READINGS }, () => randomSeed());
    const { description } = fields;
    const readings = seeds.map((seed) => takes.add({ seed, description }));
    this.#shuffleIfBlind();
    this.draw();
    byId("takes").scrollIntoView({ block: "nearest" });
    await Promise.all(readings.map((take) => this.#generate(take, body, abort.signal)));
    if (this.#abort === abort) this.#abort = null;
    this.draw();
  }

  #stop() {
    const { takes } = this.#parts;
    this.#abort.abort();
    this.#abort = null;
    for (const take of takes.list.filter(({ state }) => state !== "done")) takes.remove(take);
  }

  async #generate(take, body, signal) {
    const { api, takes } = this.#parts;
    const onProgress = (samples, peaks) => {
      Object.assign(take, { state: "speaking", samples, peaks });
      this.draw();
    };
    try {
      const request = { id: newRequestId(), body: { ...body, seed: take.seed }, signal };
      const { entry, peaks, level } = await generateSilently(api, request, onProgress);
      takes.finish(take, entry, { peaks, level });
    } catch (error) {
      if (signal.aborted) return;
      Object.assign(take, { state: "failed", message: error.message });
      this.#message = error.message;
      this.#parts.showStatus(error.message);
      takes.changed();
    }
  }

  #entry(id) {
    if (!this.#entries.has(id)) this.#entries.set(id, this.#parts.api.get(`api/history/${id}`));
    return this.#entries.get(id);
  }

  /** Play `take` from its start, or pause and resume the current one. */
  async #hear(take) {
    if (this.#parts.take.id === take.id) return this.#parts.player.togglePlay();
    await this.#play(take, () => 0);
  }

  /** Play `take` from the place that is being heard. */
  async #flipTo(take) {
    const { player } = this.#parts;
    const position = player.stats.state === "done" ? 0 : player.stats.position;
    const from = { segments: [...player.timeline.segments], samples: player.stats.samples };
    await this.#play(take, (entry) => {
      const segments = entry.segments.map((one) => ({ ...one, line: one.segment.line }));
      return alignedPosition(position, from, { segments, samples: entry.num_samples });
    });
  }

  async #play(take, startOf) {
    try {
      const entry = await this.#entry(take.id);
      this.#parts.take.recall(entry, { start: startOf(entry), volume: this.#volumeOf(take) });
    } catch (error) {
      this.#entries.delete(take.id);
      if (error.status !== 404) return this.#parts.showStatus(error.message);
      this.#parts.takes.remove(take);
      this.#parts.showStatus(this.#parts.i18n.t("takes.gone", { letter: take.letter }));
    }
    this.draw();
  }

  /** The factor that makes a take as loud as the quietest of the strip, within 12 dB. */
  #volumeOf({ level }) {
    const levels = this.#done.map((take) => take.level).filter((one) => one > 0);
    if (!level || !byId("match-level").checked) return 1;
    return Math.max(MAX_ATTENUATION, Math.min(...levels) / level);
  }

  /** X flips between the last two takes that were heard; Alt+X from within a text field. */
  #onKey(event) {
    if (event.code !== "KeyX" || event.ctrlKey || event.metaKey || event.repeat) return;
    const inField = event.target.closest?.("textarea, input, select, [contenteditable], dialog");
    if (inField && !event.altKey) return;
    const { takes, take } = this.#parts;
    const other = takes.find(this.#previous) ?? takes.find(this.#newestOther(take.id));
    if (!other || other.id === take.id) return;
    event.preventDefault();
    this.#flipTo(other);
  }

  async #bringBack(take) {
    const { restore, showStatus, i18n } = this.#parts;
    try {
      const entry = await this.#entry(take.id);
      this.#order = null; // a choice ends the blind test
      restore(entry);
      showStatus(i18n.t("takes.restored", { letter: take.letter }));
      this.draw();
    } catch (error) {
      showStatus(error.message);
    }
  }

  draw() {
    const { takes, i18n, player } = this.#parts;
    const t = (key, params) => i18n.t(key, params);
    setText(byId("compare-takes"), t(this.#abort ? "takes.stop" : "takes.three"));
    byId("takes").hidden = !takes.list.length;
    if (!takes.list.length) return this.#cards.clear();
    const order = this.#order ?? takes.list;
    for (const take of this.#cards.keys()) if (!order.includes(take)) this.#cards.delete(take);
    setChildren(
      byId("takes-row"),
      order.filter((take) => takes.list.includes(take)).map((take) => this.#card(take).element),
    );
    order.forEach((take, i) => this.#card(take).update(take, this.#view(take, i, player.stats)));
    setText(byId("takes-hint"), this.#message || this.#hint);
  }

  get #hint() {
    const { i18n, takes, take, requestState } = this.#parts;
    if (this.#abort) return i18n.t("takes.coming");
    if (this.#isBlind) return i18n.t("takes.listen.blind");
    const other = takes.find(this.#previous);
    const current = takes.find(take.id);
    if (current && other && current !== other) {
      return i18n.t("takes.hint.flip", { letter: current.letter, other: other.letter });
    }
    return i18n.t(requestState.seed === null ? "takes.hint.varies" : "takes.hint.held");
  }

  #card(take) {
    if (!this.#cards.has(take)) {
      const actions = {
        hear: () => this.#hear(take),
        flip: () => this.#flipTo(take),
        canFlip: () => take.state === "done" && this.#parts.take.id !== take.id && this.#parts.player.stats.samples > 0,
        flipBack: () => this.#flipBack(),
        bringBack: () => this.#bringBack(take),
      };
      this.#cards.set(take, new TakeCard(this.#parts.i18n, actions));
    }
    return this.#cards.get(take);
  }

  #flipBack() {
    const other = this.#parts.takes.find(this.#previous);
    if (other) this.#flipTo(other);
  }

  #view(take, index, { state, position, samples }) {
    const { fields, take: currentTake } = this.#parts;
    const isCurrent = this.#followed?.take === take || (take.id !== null && currentTake.id === take.id);
    const difference = diffWords(fields.description, take.description ?? "");
    const live = this.#followed?.take === take;
    if (live) Object.assign(take, { peaks: this.#parts.player.peaks, state: samples ? "speaking" : "queued" });
    return {
      letter: this.#isBlind ? String(index + 1) : take.letter,
      isCurrent,
      isPlaying: state === "speaking",
      isHidden: this.#isBlind,
      difference,
      newLines: this.#parts.lineVersions.newLines(take).map((line) => line + 1),
      voiceName: this.#voiceName(take),
      hasOtherText: take.text !== fields.text,
      played: isCurrent ? position / Math.max(1, samples) : 0,
    };
  }

  /** The name of a preset, a speaker or a saved voice; "" for a description of one's own. */
  #voiceName({ description, speaker, voice }) {
    const { presets, savedVoices, i18n } = this.#parts;
    if (speaker) return speakerName(speaker);
    const saved = voice && savedVoices.find(voice);
    if (saved) return saved.name;
    return presets.find((preset) => preset.description.trim() === description?.trim())?.name[i18n.language] ?? "";
  }
}

/** Fisher-Yates, into a new list. */
function shuffled(list) {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = randomSeed() % (i + 1);
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}
