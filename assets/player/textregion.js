// Joins the parts of the text region: the lines, what each offers, the panel of one line.

import { drawSeed } from "./asking.js";
import { byId } from "./dom.js";
import { Lines } from "./lines.js";
import { LineSheet } from "./linesheet.js";
import { LineTools } from "./linetools.js";

/** `speak(changes)` sends a request; `say(words)` tells the person something. */
export function joinText({ fields, take, asking, sentences, writing, limit, speak, tell }) {
  const lines = new Lines(fields, take, sentences, writing, limit);
  const act = {
    canRetake: () => take.whole,
    replay: (row) => take.replay(row.line),
    retake(row) {
      const locked = asking.seed !== null && !row.edited;
      if (locked && !take.continues) return tell(sentences.say("line.same"));
      const seed = locked ? { seed: drawSeed() } : {}; // another reading is wanted, and the line before keeps the voice
      const whose = (source) => source && { continue_from: source, voice: null, voice_desc: null, speaker: null };
      take.retake(row.line, (source) => speak({ text: row.text, ...seed, ...whose(source) })).catch((error) => tell(error.message));
    },
  };
  const sheet = new LineSheet(lines, sentences, act);
  new LineTools(lines, take, sentences, sheet, act);
  take.addEventListener("replaced", ({ detail }) => tell(sentences.say("line.replaced", { line: detail.line + 1 })));
  byId("text-count").dataset.ready = "true";
  return lines;
}
