// Whose voice is heard, as it truly is; the button that keeps it as a card; and the seed, when one is kept.

import { byId, make } from "./dom.js";
import { openBeside, panel } from "./sheet.js";

const NAME_LENGTH = 24;

export class Keep {
  #take;
  #mine;
  #asking;
  #fields;
  #sentences;
  #presets;
  #tell;
  #kept;
  #sheet = panel("keep-sheet");
  #preview = false;

  /** `kept(card)` is called with each new card. */
  constructor({ take, mine, asking, fields, sentences, presets, tell, kept }) {
    this.#take = take;
    this.#mine = mine;
    this.#asking = asking;
    this.#fields = fields;
    this.#sentences = sentences;
    this.#presets = presets;
    this.#tell = tell;
    this.#kept = kept;
    byId("keep").onclick = () => this.#open();
    byId("seed").onclick = () => asking.use({ seed: null });
    for (const source of [take, asking, sentences]) source.addEventListener("change", () => this.draw());
    this.draw();
  }

  /** The engine that speaks now. */
  meet({ preview }) {
    this.#preview = preview;
    this.draw();
  }

  draw() {
    const say = (key, params) => this.#sentences.say(key, params);
    const { voice } = this.#take;
    const truth = byId("voice-truth");
    truth.hidden = !voice;
    truth.dataset.truth = voice;
    if (voice) truth.textContent = say(voice === "continued" && this.#preview ? "voice.truth.preview" : `voice.truth.${voice}`);
    byId("keep").disabled = !this.#take.whole;
    const { seed } = this.#asking;
    byId("seed").hidden = seed === null;
    byId("seed").title = say("seed.free");
    byId("seed").textContent = `${say("seed.kept", { seed })} ✕`;
    byId("seed").ariaLabel = `${say("seed.kept", { seed })}. ${say("seed.free")}`;
  }

  /** A name to begin with: the preset's, else the first words of the description. */
  get #suggestion() {
    const description = this.#fields.description.trim();
    const preset = this.#presets.find((one) => one.description.trim() === description);
    if (preset) return preset.name[this.#sentences.language];
    const words = Array.from(description.split(/[，。；,.;\n]/)[0].trim());
    return words.length ? words.slice(0, NAME_LENGTH).join("") : this.#sentences.say("keep.plain");
  }

  #open() {
    const say = (key, params) => this.#sentences.say(key, params);
    const name = make("input", { type: "text", value: this.#suggestion, maxLength: 80, required: true, ariaLabel: say("mine.name") });
    const problem = make("p", { className: "problem", role: "alert" });
    const save = async (event) => {
      event.preventDefault();
      try {
        const card = await this.#mine.keep(this.#take.requestId, name.value);
        this.#sheet.hidePopover();
        this.#tell(say("keep.done", card));
        this.#kept(card);
      } catch (error) {
        problem.textContent = error.code === "not_found" ? say("keep.gone") : error.message;
      }
    };
    this.#sheet.ariaLabel = say("keep.go");
    const button = make("button", { type: "submit", className: "ghost main" }, say("keep.save"));
    this.#sheet.replaceChildren(make("h3", {}, say("keep.title")), make("p", { className: "soft" }, say("keep.how")), make("form", { className: "rename", onsubmit: save }, name, button), problem);
    openBeside(this.#sheet, byId("keep"), name);
    name.select();
  }
}
