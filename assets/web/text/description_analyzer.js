// What the server reads in a voice description: its language, the traits it names, and which of them the active engine follows. In: the
// description as it is typed, and the language to speak. Out: the answers of POST /api/analyze-description, and a "change" event for
// each. The last answer stays until the next one arrives.

import { DebouncedQuery } from "./debounced_query.js";

export class DescriptionAnalyzer extends EventTarget {
  /** The code of the language; null before the first answer and for an empty description. */
  language = null;
  /** The dimensions that the description does not mention; null before the first answer. */
  missing = null;
  /** {dimension, id, words, followed}, in the order of the dimensions. */
  mentions = [];
  #query;

  /** `request(body)` posts to /api/analyze-description and returns the answer. */
  constructor(request) {
    super();
    this.#query = new DebouncedQuery(request, ({ language, missing, mentions }, { description }) => {
      this.language = description.trim() ? language : null;
      Object.assign(this, { missing, mentions });
      this.dispatchEvent(new Event("change"));
    });
  }

  /** Analyze `description`, to be spoken in `language`, once typing pauses. */
  update(description, language) {
    this.#query.update({ description, language }, description.length);
  }
}
