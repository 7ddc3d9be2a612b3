// Joins the page's parts. Everything that Gradio's events and the tests reach is `window.qwen3tts`.

import { Asking } from "./asking.js";
import { Controls } from "./controls.js";
import { appeared, byId } from "./dom.js";
import { showEngine } from "./engine.js";
import { Fields } from "./fields.js";
import { Header } from "./header.js";
import { Sentences } from "./i18n.js";
import { Lines, estimate_s } from "./lines.js";
import { showModels } from "./model.js";
import { Player, route } from "./player.js";
import { followTheme } from "./theme.js";
import { Voices } from "./voices.js";
import { Waveform } from "./waveform.js";

const LAST = "#generate"; // the last thing that Gradio draws
const clicked = { at: 0 };
for (const gesture of ["keydown", "click"]) {
  document.addEventListener(gesture, (event) => event.isTrusted && (clicked.at = event.timeStamp), { capture: true });
}

const player = new Player(); // makes the AudioContext: as early as can be
window.qwen3tts = { stats: player.stats, ready: false, generate() {}, chose() {}, taken() {} };

const [boot] = await Promise.all([fetch(route("studio/boot.json")).then((answer) => answer.json()), appeared(LAST), appeared("#text textarea"), appeared("#description textarea"), appeared("#wave"), appeared("#metric-gpu"), appeared("#presets"), appeared("#error-details")]);
const sentences = new Sentences(boot.sentences, boot.page_language);
sentences.apply();
followTheme();

const fields = new Fields();
const asking = new Asking(fields);
const samples = boot.presets.map((preset) => preset.sample).concat(Object.values(boot.sentences).map((all) => all["text.sample"]));
let spoken_s = 0;
const expected_s = () => spoken_s;
const wave = new Waveform(byId("wave"), player, expected_s);
player.addEventListener("change", () => wave.draw());
new Lines(fields, player, sentences, boot.limits.text);
const voices = new Voices(boot, fields, sentences);
new Header(player, sentences);
new Controls(player, sentences, expected_s);
showEngine(sentences);
showModels(sentences);

byId("page-language").onclick = () => {
  const others = sentences.languages.filter((language) => language !== sentences.language);
  sentences.use(others[0]);
  suggest();
};

/** A sentence to start with, as long as the person has not typed their own. */
function suggest() {
  const text = fields.text.trim();
  const wanted = fields.language === "auto" ? sentences.say("text.sample") : voices.shown[0]?.sample;
  if (wanted && wanted !== text && (!text || samples.includes(text))) fields.put({ text: wanted });
}

Object.assign(window.qwen3tts, {
  ready: true,
  generate(text, language) {
    if (player.busy) return player.stop();
    spoken_s = estimate_s(text);
    byId("wave-card").scrollIntoView({ block: "nearest" });
    player.speak(asking.body({ text, language }), sentences.language, clicked.at || undefined);
  },
  chose(language) {
    fields.chose(language);
    suggest();
  },
  taken: () => fields.taken(),
});

const draft = fields.draft;
fields.put({ ...draft, text: draft.text?.trim() ? draft.text : sentences.say("text.sample") });
document.documentElement.dataset.studio = "ready";
console.debug("studio ready");
