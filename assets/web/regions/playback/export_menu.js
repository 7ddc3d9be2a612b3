// The finished audio in other forms: four file formats, one file per line, subtitles, a picture; and the request as a command. In: the
// player's finished audio. Out: download links, disabled until there is audio.

import { resolveUrl } from "../../audio/urls.js";
import { byId, h } from "../../components/dom.js";
import { moveNextTo } from "../../components/popover.js";
import { curlSnippet, pythonSnippet } from "./code_snippets.js";

export class ExportMenu {
  #player;
  #requestState;
  #i18n;
  #showStatus;
  #needsKey = false;

  /** `showStatus(message)` confirms a copy. */
  constructor(player, requestState, i18n, showStatus) {
    this.#player = player;
    this.#requestState = requestState;
    this.#i18n = i18n;
    this.#showStatus = showStatus;
    player.addEventListener("change", ({ detail }) => detail !== "progress" && detail !== "peaks" && this.#draw());
    i18n.addEventListener("change", () => this.#draw());
    byId("copy-curl").onclick = () => this.#copy(curlSnippet, "curl");
    byId("copy-python").onclick = () => this.#copy(pythonSnippet, "Python");
    const menu = byId("export-menu");
    document.addEventListener("pointerdown", ({ target }) => menu.contains(target) || (menu.open = false));
    menu.addEventListener("toggle", async () => (this.#needsKey = await serverNeedsKey()));
    menu.addEventListener("toggle", () => this.#place(menu));
    for (const change of ["scroll", "resize"]) window.addEventListener(change, () => this.#place(menu));
    menu.addEventListener("keydown", (event) => this.#onKey(event, menu));
    this.#draw();
  }

  #place(menu) {
    if (menu.open) moveNextTo(menu.querySelector(".sheet"), menu.querySelector("summary"));
  }

  #onKey(event, menu) {
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
    const base = audio?.replace(/\/audio$/, "");
    for (const link of document.querySelectorAll("#wave-card a[data-export]")) {
      link.ariaDisabled = String(!audio);
      const path = `${base}/${link.dataset.export}`.replace("{language}", this.#i18n.language);
      if (audio) link.href = resolveUrl(path);
      else link.removeAttribute("href");
    }
  }

  /** The request of the current audio, with its seed; before that, what Generate would send. */
  get #request() {
    const { stats, request } = this.#player;
    const body = request ?? this.#requestState.toRequestBody();
    return stats.samples && stats.seed !== null ? { ...body, seed: Number(stats.seed) } : body;
  }

  async #copy(toSnippet, name) {
    const text = toSnippet(resolveUrl("api/tts"), this.#request, this.#needsKey);
    byId("export-menu").open = false;
    byId("export-menu").querySelector("summary").focus();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyWithSelection(text); // plain http, or no permission
    }
    this.#showStatus(this.#i18n.t(this.#needsKey ? "export.copied.key" : "export.copied", { name }));
  }
}

/** Whether a request without the page's cookie is redirected to the sign-in page; tried with a small file. */
async function serverNeedsKey() {
  try {
    const options = { credentials: "omit", redirect: "manual", headers: { Accept: "text/html" } };
    return (await fetch(resolveUrl("studio/icons/icon.svg"), options)).type === "opaqueredirect";
  } catch {
    return false;
  }
}

function copyWithSelection(text) {
  const area = h("textarea", { value: text, ariaHidden: "true" });
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
