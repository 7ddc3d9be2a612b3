// The finished sound in other shapes: files of four formats, its segments, subtitles, a picture; and the request as a command.
// In: the player's finished sound. Out: links that work, or say that there is nothing yet.

import { byId, make } from "./dom.js";
import { route } from "./player.js";
import { curl, python } from "./snippets.js";

export class Exports {
  #player;
  #asking;
  #sentences;
  #tell;
  #keyed = false; // whether a program needs a key here

  /** `tell(words)` says that something was copied. */
  constructor(player, asking, sentences, tell) {
    this.#player = player;
    this.#asking = asking;
    this.#sentences = sentences;
    this.#tell = tell;
    player.addEventListener("change", ({ detail }) => detail !== "progress" && detail !== "peaks" && this.#draw());
    sentences.addEventListener("change", () => this.#draw());
    byId("copy-curl").onclick = () => this.#copy(curl, "curl");
    byId("copy-python").onclick = () => this.#copy(python, "Python");
    const menu = byId("more");
    document.addEventListener("pointerdown", ({ target }) => menu.contains(target) || (menu.open = false));
    menu.addEventListener("toggle", async () => (this.#keyed = await keyed()));
    menu.addEventListener("keydown", (event) => this.#key(event, menu));
    this.#draw();
  }

  #key(event, menu) {
    const items = [...menu.querySelectorAll("a[href], button")];
    if (event.key === "Escape" && menu.open) {
      event.stopPropagation();
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !menu.open) return;
    event.preventDefault();
    items[(items.indexOf(document.activeElement) + step + items.length) % items.length]?.focus();
  }

  #draw() {
    const { audio } = this.#player.stats;
    const sound = audio?.replace(/\/audio$/, "");
    for (const link of document.querySelectorAll("#wave-card a[data-export]")) {
      link.ariaDisabled = String(!audio);
      if (audio) link.href = route(`${sound}/${link.dataset.export}`.replace("{language}", this.#sentences.language));
      else link.removeAttribute("href");
    }
  }

  /** The request of what is heard now, with its seed; before that, what Generate would ask. */
  get #request() {
    const { stats, request } = this.#player;
    const body = request ?? this.#asking.body();
    return stats.samples && stats.seed !== null ? { ...body, seed: Number(stats.seed) } : body;
  }

  async #copy(written, name) {
    const text = written(route("api/tts"), this.#request, this.#keyed);
    byId("more").open = false;
    byId("more").querySelector("summary").focus();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyOld(text); // plain http, or not allowed
    }
    this.#tell(this.#sentences.say(this.#keyed ? "export.copied.key" : "export.copied", { name }));
  }
}

/** Whether a stranger is sent to the door: asked of a small file, without the cookie that let this page in. */
async function keyed() {
  try {
    const stranger = { credentials: "omit", redirect: "manual", headers: { Accept: "text/html" } };
    return (await fetch(route("studio/icons/icon.svg"), stranger)).type === "opaqueredirect";
  } catch {
    return false;
  }
}

function copyOld(text) {
  const area = make("textarea", { value: text, ariaHidden: "true" });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
