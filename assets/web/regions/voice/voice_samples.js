// A play button for voice cards: a short sample in that voice, which the server makes on demand and caches. One plays at a time.

import { resolveUrl } from "../../audio/urls.js";
import { h } from "../../components/dom.js";

const SYMBOLS = { idle: "▶", loading: "…", playing: "■" };

export class VoiceSamples {
  #audio = new Audio();
  #button = null; // that of the sample being loaded or played
  #player;
  #i18n;
  #onError;

  /** `onError()` is called when a sample cannot be played. */
  constructor(player, i18n, onError) {
    this.#player = player;
    this.#i18n = i18n;
    this.#onError = onError;
    this.#audio.onplaying = () => this.#show("playing");
    this.#audio.onended = () => this.stop();
    player.addEventListener("change", ({ detail }) => detail === "started" && this.stop());
  }

  /** A button that plays the sample of voice `id` and stops it. */
  createButton(id) {
    const button = h("button", { type: "button", className: "tool sample" }, SYMBOLS.idle);
    button.onclick = () => (this.#button === button ? this.stop() : this.#play(id, button));
    return button;
  }

  /** Name the button of `name` for screen readers. */
  label(button, name) {
    button.ariaLabel = button.title = this.#i18n.t("voice.hear", { name });
  }

  stop() {
    this.#audio.pause();
    this.#show("idle");
    this.#button = null;
  }

  async #play(id, button) {
    this.stop();
    if (this.#player.stats.state === "speaking") this.#player.togglePlay();
    this.#button = button;
    this.#show("loading");
    this.#audio.src = resolveUrl(`api/voices/${encodeURIComponent(id)}/sample`);
    try {
      await this.#audio.play();
    } catch (error) {
      if (error.name === "AbortError") return; // another one was chosen
      if (this.#button === button) this.stop();
      this.#onError();
    }
  }

  #show(state) {
    if (this.#button) this.#button.textContent = SYMBOLS[state];
  }
}
