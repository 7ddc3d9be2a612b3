// One row of the history. In: an entry of /api/history. Out: a list item; what is pressed in it goes to `acts`. Texts of people enter
// as textContent only.

import { clock, make } from "./dom.js";
import { RATE } from "./player.js";
import { askFirst } from "./sheet.js";

export function entryRow(entry, sentences, acts) {
  const say = (key, params) => sentences.say(key, params);
  const button = (key, className, onclick) => make("button", { type: "button", className, onclick }, say(key));
  const text = make("p", { className: "said", dir: "auto" }, entry.text);
  const voice = make("p", { className: "voice", dir: "auto" }, entry.speaker ?? entry.description);
  const facts = make("p", { className: "facts" }, describe(entry, sentences));
  const star = make("button", { type: "button", className: "star" }, "★");
  const shine = (row) => {
    star.ariaPressed = String(row.starred);
    star.title = star.ariaLabel = say(row.starred ? "history.unstar" : "history.star");
  };
  star.onclick = async () => {
    try {
      entry = await acts.star(entry);
      shine(entry);
    } catch (error) {
      acts.failed(error);
    }
  };
  shine(entry);
  const remove = make("button", { type: "button", className: "ghost small" }, say("history.delete"));
  askFirst(remove, () => say("sure.really"), () => acts.remove(entry));
  const bar = make("div", { className: "bar" }, button("history.play", "ghost small", () => acts.play(entry)), button("history.restore", "ghost small", () => acts.restore(entry)), remove);
  return make("li", { className: "entry", dataset: { id: entry.id } }, star, text, ...(voice.textContent ? [voice] : []), facts, bar);
}

/** When, how long, in which language, with which seed, how fast, by whom. */
function describe({ created, num_samples, language, seed, first_pcm_ms, label, preview, failed, stopped, speed }, sentences) {
  const when = new Intl.DateTimeFormat(sentences.language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(1000 * created));
  const facts = [when, num_samples === null ? null : clock(num_samples / RATE), language === "auto" ? null : language];
  if (speed && speed !== 1) facts.push(`${speed}×`);
  if (seed !== null) facts.push(sentences.say("seed.kept", { seed }));
  if (first_pcm_ms !== null) facts.push(`${Math.round(first_pcm_ms)} ms`);
  facts.push(preview ? sentences.say("engine.preview") : label);
  if (failed || stopped === "cancelled") facts.push(sentences.say("history.failed"));
  return facts.filter(Boolean).join(" · ");
}
