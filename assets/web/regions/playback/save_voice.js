// How the lines share a voice, the button that saves the voice as a card, and the seed that is held.

import { byId, h } from "../../components/dom.js";
import { createPopover, openAnchored } from "../../components/popover.js";
import { BASE_MODEL, cloningEngine } from "../../state/engines.js";

const SUGGESTION_LENGTH = 24;

export class SaveVoice {
  #take;
  #savedVoices;
  #requestState;
  #fields;
  #i18n;
  #presets;
  #showStatus;
  #onSaved;
  #popover = createPopover("keep-sheet");
  #isPreview = false;
  #baseModel = null; // the name of a loaded model that clones

  /** `onSaved(voice)` is called with each new voice. */
  constructor({ take, savedVoices, requestState, fields, i18n, presets, showStatus, onSaved }) {
    this.#take = take;
    this.#savedVoices = savedVoices;
    this.#requestState = requestState;
    this.#fields = fields;
    this.#i18n = i18n;
    this.#presets = presets;
    this.#showStatus = showStatus;
    this.#onSaved = onSaved;
    byId("keep").onclick = () => this.#open();
    for (const source of [take, requestState, i18n]) source.addEventListener("change", () => this.draw());
    this.draw();
  }

  setEngine({ preview, engines }) {
    this.#isPreview = preview;
    this.#baseModel = cloningEngine(engines)?.model ?? null;
    this.draw();
  }

  draw() {
    const t = (key, params) => this.#i18n.t(key, params);
    const kind = this.#take.voiceContinuity;
    const continuity = byId("voice-continuity");
    continuity.hidden = !kind;
    continuity.dataset.kind = kind;
    const key = kind === "continued" && this.#isPreview ? "preview" : kind;
    if (kind) continuity.textContent = t(`voice.continuity.${key}`);
    byId("keep").disabled = !this.#take.isComplete;
    const { seed } = this.#requestState;
    byId("seed").textContent = seed === null ? "" : String(seed);
    byId("new-reading").title = seed === null ? t("seed.varies") : `${t("seed.kept", { seed })}. ${t("seed.new.why")}`;
  }

  /** A name to begin with: the preset's, or the first words of the description. */
  get #suggestion() {
    const description = this.#fields.description.trim();
    const preset = this.#presets.find((one) => one.description.trim() === description);
    if (preset) return preset.name[this.#i18n.language];
    const clause = Array.from(description.split(/[，。；,.;\n]/)[0].trim());
    return clause.length ? clause.slice(0, SUGGESTION_LENGTH).join("") : this.#i18n.t("save_voice.plain");
  }

  /** Continue the take with the model that made it, or clone it with a Base model. */
  #modes(t) {
    const choice = (value, key, disabled) => {
      const radio = h("input", { type: "radio", name: "voice-mode", value, disabled, checked: value === "" });
      return h("label", {}, radio, h("span", {}, t(`save_voice.mode.${key}`)));
    };
    const cannot = this.#baseModel === null;
    const key = cannot ? "save_voice.mode.needs" : "save_voice.mode.clone";
    return h(
      "fieldset",
      { className: "voice-modes" },
      choice("", "continue", false),
      choice("icl", "icl", cannot),
      choice("xvector", "xvector", cannot),
      h("p", { className: "muted" }, t(key, { model: this.#baseModel ?? BASE_MODEL })),
    );
  }

  #open() {
    const t = (key, params) => this.#i18n.t(key, params);
    const ariaLabel = t("saved_voices.name");
    const name = h("input", {
      type: "text",
      value: this.#savedVoices.uniqueName(this.#suggestion),
      maxLength: 80,
      required: true,
      ariaLabel,
    });
    const modes = this.#modes(t);
    const problem = h("p", { className: "problem", role: "alert" });
    const button = h("button", { type: "submit", className: "button-outline main" }, t("save_voice.save"));
    const onsubmit = async (event) => {
      event.preventDefault();
      problem.textContent = this.#savedVoices.nameProblem(name.value);
      if (problem.textContent) return;
      try {
        const mode = modes.querySelector(":checked").value || undefined;
        const voice = await this.#savedVoices.save(this.#take.requestId, name.value, mode);
        this.#popover.hidePopover();
        this.#showStatus(t("save_voice.done", voice));
        this.#onSaved(voice);
      } catch (error) {
        problem.textContent = error.code === "not_found" ? t("save_voice.gone") : error.message;
      }
    };
    this.#popover.ariaLabel = t("save_voice.go");
    this.#popover.replaceChildren(
      h("h3", {}, t("save_voice.title")),
      h("p", { className: "muted" }, t("save_voice.how")),
      h("form", { className: "rename", onsubmit }, name, button),
      modes,
      problem,
    );
    openAnchored(this.#popover, byId("keep"), name);
    name.select();
  }
}
