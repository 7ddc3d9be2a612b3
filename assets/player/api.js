// Our JSON routes. In: a path and what to send. Out: the answer's JSON, or a `Refusal` with the server's own sentence.

import { route } from "./player.js";

export class Refusal extends Error {
  constructor(code, message, status) {
    super(message ?? code);
    Object.assign(this, { code, status });
  }
}

export class Api {
  #sentences;

  constructor(sentences) {
    this.#sentences = sentences;
  }

  get = (path) => this.#ask("GET", path);
  post = (path, body) => this.#ask("POST", path, body);
  patch = (path, body) => this.#ask("PATCH", path, body);
  remove = (path) => this.#ask("DELETE", path);

  /** Any request; refused answers throw. */
  async fetch(path, options = {}) {
    const headers = { "Accept-Language": this.#sentences.language, ...options.headers };
    let answer;
    try {
      answer = await fetch(route(path), { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal("network", this.#sentences.say("error.page.network"), null);
    }
    if (!answer.ok) throw await refusal(answer, this.#sentences);
    return answer;
  }

  async #ask(method, path, body) {
    const options = { method };
    if (body !== undefined) Object.assign(options, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    const answer = await this.fetch(path, options);
    return answer.status === 204 ? null : answer.json();
  }
}

async function refusal(answer, sentences) {
  try {
    const { code, message } = (await answer.json()).error;
    return new Refusal(code, message, answer.status);
  } catch {
    return new Refusal("refused", sentences.say("error.page.refused"), answer.status);
  }
}
