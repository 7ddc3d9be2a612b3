// Joins the page's parts. Everything that Gradio's events and the tests reach is `window.qwen3tts`.

import { Api } from "./api.js";
import { Asking } from "./asking.js";
import { Controls } from "./controls.js";
import { Description } from "./description.js";
import { appeared, byId } from "./dom.js";
import { showEngine } from "./engine.js";
import { Exports } from "./exports.js";
import { Fields } from "./fields.js";
import { Header } from "./header.js";
import { Sentences } from "./i18n.js";
import { Keep } from "./keep.js";
import { Mine } from "./mine.js";
import { showModels } from "./model.js";
import { Player, route } from "./player.js";
import { Settings } from "./settings.js";
import { Take } from "./take.js";
import { Takes } from "./takes.js";
import { joinText } from "./textregion.js";
import { Theme } from "./theme.js";
import { TraitReader } from "./traits.js";
import { Voices } from "./voices.js";
import { Waveform } from "./waveform.js";
import { Writing } from "./writing.js";

const LAST = "#generate"; // the last thing that Gradio draws
const clicked = { at: 0 };
for (const gesture of ["keydown", "click"]) {
  document.addEventListener(gesture, (event) => event.isTrusted && (clicked.at = event.timeStamp), { capture: true });
}

const player = new Player(); // makes the AudioContext: as early as can be
window.qwen3tts = { stats: player.stats, ready: false, generate() {}, chose() {}, taken() {} };

const [boot] = await Promise.all([fetch(route("studio/boot.json")).then((answer) => answer.json()), appeared(LAST), appeared("#text textarea"), appeared("#description textarea"), appeared("#wave"), appeared("#metric-gpu"), appeared("#tab-mine"), appeared("#presets"), appeared("#description-hint"), appeared("#three"), appeared("#error-details")]);
const sentences = new Sentences(boot.sentences, boot.page_language);
sentences.apply();
const theme = new Theme();

const fields = new Fields();
const asking = new Asking(fields);
const settings = new Settings();
asking.settings = () => settings.body;
const api = new Api(sentences);
const writing = new Writing(boot.writing);
const take = new Take(player, api);
const samples = boot.presets.map((preset) => preset.sample).concat(Object.values(boot.sentences).map((all) => all["text.sample"]));
let spoken_s = 0;
const expected_s = () => spoken_s;
const wave = new Waveform(byId("wave"), player, expected_s);
player.addEventListener("change", () => wave.draw());
new Header(player, sentences);
const controls = new Controls(player, sentences, expected_s);
const tell = (words) => controls.tell(words);
const mine = new Mine(api, asking, fields, sentences, tell);
const voices = new Voices(boot.presets, fields, asking, sentences, mine);
new Description({ fields, sentences, writing, reader: new TraitReader(boot.writing), boot, api });
new Takes({ player, take, asking, api, sentences, tell });
const keep = new Keep({ take, mine, asking, fields, sentences, presets: boot.presets, tell, kept: () => voices.show("mine") });
new Exports(player, asking, sentences, tell);
joinText({ fields, take, asking, sentences, writing, limit: boot.limits.text, speak, tell });
showEngine(sentences, (info) => {
  settings.know(info);
  for (const part of [take, mine, voices, keep]) part.meet(info);
});
showModels(sentences);

/** Drawn when it is first opened; what stands in the first line of need comes first. */
const later = (load) => {
  let made = null;
  return async () => (await (made ??= load())).open();
};
byId("settings-open").onclick = later(async () => new (await import("./drawer.js")).Drawer(settings, asking, sentences, theme, player));
byId("history-open").onclick = later(async () => {
  const history = new (await import("./history.js")).History(api, sentences);
  history.addEventListener("play", ({ detail }) => take.recall(detail));
  history.addEventListener("restore", ({ detail }) => restore(detail, history));
  return history;
});
byId("present").onclick = later(async () => new (await import("./presenter.js")).Presenter(player, fields, sentences));

byId("page-language").onclick = () => {
  const others = sentences.languages.filter((language) => language !== sentences.language);
  sentences.use(others[0]);
  suggest();
};

/** Send a request: all that is set on the page, and `changes`. */
function speak(changes) {
  const body = asking.body(changes);
  player.speak(body, sentences.language, clicked.at || undefined); // before all that could wait
  spoken_s = writing.seconds(body.text, body.language);
  byId("wave-card").scrollIntoView({ block: "nearest" });
}

/** Bring an entry of the history back: its text, its voice, its seed and its sound. */
function restore(entry, history) {
  const { text, language, description, speaker, seed, sampling = {}, packet_frames = null, loudness = false } = entry;
  const voice = mine.find(entry.voice);
  asking.use({ seed, voice, speaker: voice ? null : (speaker ?? null) });
  settings.restore({ ...sampling, packet_frames, loudness });
  fields.put({ text, language, description });
  take.recall(entry, { play: false });
  history.close();
  tell(sentences.say("history.restored"));
}

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
    take.began(text);
    speak({ text, language });
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
