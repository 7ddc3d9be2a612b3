// What the server reads in a voice description: its language and the traits it names. In: the description as it is typed. Out: the
// answers of POST /api/analyze-description, and a "change" event for each. The last answer stays until the next one arrives.

import { DebouncedQuery } from "./debounced_query.js";

export class DescriptionAnalyzer extends EventTarget {
  /** The code of the language; null before the first answer and for an empty description. */
  language = null;
  /** The dimensions that the description does not mention; null before the first answer. */
  missing = null;
  #query;

  /** `request(body)` posts to /api/analyze-description and returns the answer. */
  constructor(request) {
    super();
    this.#query = new DebouncedQuery(request, ({ language, missing }, { description }) => {
      this.language = description.trim() ? language : null;
      this.missing = missing;
      this.dispatchEvent(new Event("change"));
    });
  }

  /** Analyze `description` once typing pauses. */
  update(description) {
    this.#query.update({ description }, description.length);
  }
}
