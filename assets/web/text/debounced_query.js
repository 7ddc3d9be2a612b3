// Sends a query once typing pauses. In: bodies, as they change. Out: the answer to the latest one.

const DEBOUNCE_MS = 150;
const CHARACTERS_PER_MS = 40; // 20,000 characters wait half a second longer: they take the server as long

export class DebouncedQuery {
  #send;
  #onAnswer;
  #timer = null;
  #serial = 0;
  #started = false;

  /** `send(body)` returns a promise; `onAnswer(answer, body)` receives the answer unless a later body was sent. */
  constructor(send, onAnswer) {
    this.#send = send;
    this.#onAnswer = onAnswer;
  }

  /** Send `body` after a pause, which grows with `length` characters; the very first one is sent at once. */
  update(body, length) {
    clearTimeout(this.#timer);
    const delay = DEBOUNCE_MS + length / CHARACTERS_PER_MS;
    this.#timer = setTimeout(() => this.#ask(body), this.#started ? delay : 0);
    this.#started = true;
  }

  async #ask(body) {
    const serial = ++this.#serial;
    try {
      const answer = await this.#send(body);
      if (serial === this.#serial) this.#onAnswer(answer, body);
    } catch {
      // the server cannot be reached: the last answer stays, and the next edit asks again
    }
  }
}
