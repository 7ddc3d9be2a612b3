// How a line will be read: the server's spoken form, with what differs from the typed line marked.

import { h } from "../../components/dom.js";

const MAX_CONTEXT = 4000; // characters: up to here all lines are sent, so that they agree on a language

export class SpokenForm {
  element = h("div", { className: "spoken-form", ariaLive: "polite" });
  #fields;
  #settings;
  #i18n;
  #request;
  #serial = 0;

  /** `request(body)` posts to /api/normalize and returns the answer. */
  constructor({ fields, settings, i18n, request }) {
    this.#fields = fields;
    this.#settings = settings;
    this.#i18n = i18n;
    this.#request = request;
  }

  /** Show how `row` will be read. */
  async show(row) {
    const serial = ++this.#serial;
    const { text, language } = this.#fields;
    const inContext = text.length <= MAX_CONTEXT;
    const body = { text: inContext ? text : row.text, language, ...this.#settings.normalizeOptions };
    let parts;
    try {
      const { lines } = await this.#request(body);
      parts = this.#parts(lines[inContext ? row.number : 0]);
    } catch (error) {
      parts = [h("p", { className: "problem" }, error.message)];
    }
    if (serial === this.#serial) this.element.replaceChildren(...parts);
  }

  #parts(line) {
    const label = (key) => h("p", { className: "muted" }, this.#i18n.t(key));
    if (!line?.spoken) return [label("line.spoken.nothing")];
    if (!line.spans.length) return [label("line.spoken.same")];
    const spoken = h("p", { className: "spoken-text", lang: line.language }, ...marked(line));
    return [label("line.spoken"), spoken];
  }
}

/** The spoken text, with a <mark> for each changed range; its tooltip is what was typed. Positions count code points. */
function marked({ text, spoken, spans }) {
  const [typed, said] = [Array.from(text), Array.from(spoken)];
  const parts = [];
  let end = 0;
  for (const [start, stop, spokenStart, spokenEnd] of spans) {
    parts.push(said.slice(end, spokenStart).join(""));
    const title = typed.slice(start, stop).join("");
    if (spokenEnd > spokenStart) parts.push(h("mark", { title }, said.slice(spokenStart, spokenEnd).join("")));
    end = spokenEnd;
  }
  return [...parts, said.slice(end).join("")];
}
