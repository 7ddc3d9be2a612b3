// Creates the parts of the page and connects them. Gradio's events and the tests reach `window.qwen3tts` only.

import { Player } from "./audio/player.js";
import { resolveUrl } from "./audio/urls.js";
import { byId, waitForElements } from "./components/dom.js";
import { showEngineBadge } from "./regions/header/engine_badge.js";
import { Header } from "./regions/header/header.js";
import { Deletions } from "./regions/history/deletions.js";
import { History } from "./regions/history/history.js";
import { showModels } from "./regions/models/models.js";
import { Controls } from "./regions/playback/controls.js";
import { ExportMenu } from "./regions/playback/export_menu.js";
import { Presenter } from "./regions/playback/presenter.js";
import { SaveVoice } from "./regions/playback/save_voice.js";
import { TakeStrip } from "./regions/playback/take_strip.js";
import { Waveform } from "./regions/playback/waveform.js";
import { LexiconEditor } from "./regions/settings/lexicon_editor.js";
import { SettingsDrawer } from "./regions/settings/settings_drawer.js";
import { mountTextRegion } from "./regions/text/index.js";
import { Description } from "./regions/voice/description.js";
import { RecordingTab } from "./regions/voice/recording_tab.js";
import { SavedVoices } from "./regions/voice/saved_voices.js";
import { VoiceLibrary } from "./regions/voice/voice_library.js";
import { VoiceSamples } from "./regions/voice/voice_samples.js";
import { ApiClient } from "./state/api_client.js";
import { CurrentTake } from "./state/current_take.js";
import { EditHistory } from "./state/edit_history.js";
import { FormFields } from "./state/form_fields.js";
import { I18n } from "./state/i18n.js";
import { LineVersions } from "./state/line_versions.js";
import { RequestState, randomSeed } from "./state/request_state.js";
import { Settings } from "./state/settings.js";
import { Takes } from "./state/takes.js";
import { Theme } from "./state/theme.js";
import { DescriptionAnalyzer } from "./text/description_analyzer.js";
import { TextAnalyzer } from "./text/text_analyzer.js";

const ELEMENTS = [
  "#generate", // the last element that Gradio draws
  "#text textarea",
  "#description textarea",
  "#wave",
  "#metric-gpu",
  "#tab-mine",
  "#presets",
  "#description-hint",
  "#compare-takes",
  "#error-details",
];

let clickedAt = 0; // the timeStamp of the last gesture
for (const gesture of ["keydown", "click"]) {
  document.addEventListener(gesture, (event) => event.isTrusted && (clickedAt = event.timeStamp), { capture: true });
}

const player = new Player(); // creates the AudioContext: as early as possible
window.qwen3tts = {
  stats: player.stats,
  ready: false,
  generate() {},
  onLanguageChange() {},
  takePendingValues() {},
};

const [bootstrap] = await Promise.all([
  fetch(resolveUrl("studio/bootstrap.json")).then((response) => response.json()),
  waitForElements(ELEMENTS),
]);
const i18n = new I18n(bootstrap.messages, bootstrap.page_language);
i18n.apply();
const theme = new Theme();

const api = new ApiClient(i18n);
const fields = new FormFields();
const settings = new Settings();
const requestState = new RequestState(fields, settings);
const textAnalyzer = new TextAnalyzer((body) => api.post("api/analyze-text", body));
const descriptionAnalyzer = new DescriptionAnalyzer((body) => api.post("api/analyze-description", body));
const take = new CurrentTake(player, api, (text) => textAnalyzer.spokenLines(text));
const { presets, limits } = bootstrap;
let expected = 0; // seconds, of the current speech
const expectedSeconds = () => expected;
player.expectedSeconds = expectedSeconds;

const wave = new Waveform(byId("wave"), player, expectedSeconds);
player.addEventListener("change", () => wave.draw());
new Header(player, i18n);
const controls = new Controls(player, i18n, expectedSeconds);
const showStatus = (message) => controls.showStatus(message);
const samples = new VoiceSamples(player, i18n, () => showStatus(i18n.t("voice.hear.failed")));
const savedVoices = new SavedVoices({ api, requestState, fields, i18n, showStatus, samples });
const recording = new RecordingTab({ api, i18n, fields, onSaved: onRecordingSaved });
const library = new VoiceLibrary({ presets, fields, requestState, i18n, savedVoices, recording, samples, showStatus });
const description = new Description({ fields, i18n, analyzer: descriptionAnalyzer, bootstrap, api });
const takes = new Takes();
const lineVersions = new LineVersions(player, take, takes, api);
const strip = new TakeStrip({
  player,
  take,
  takes,
  lineVersions,
  fields,
  requestState,
  savedVoices,
  presets,
  api,
  i18n,
  showStatus,
  restore,
});
const onSaved = (voice) => {
  library.showTab("mine");
  savedVoices.choose(voice);
};
const saveVoice = new SaveVoice({ take, savedVoices, requestState, fields, i18n, presets, showStatus, onSaved });
new ExportMenu(player, requestState, i18n, showStatus);
mountTextRegion({
  fields,
  take,
  lineVersions,
  settings,
  i18n,
  analyzer: textAnalyzer,
  limits,
  normalize: (body) => api.post("api/normalize", body),
  speak,
  showStatus,
});
showEngineBadge(i18n, (info) => {
  player.smoothStart.setEngines(info.engines);
  for (const part of [settings, take, savedVoices, library, recording, saveVoice, description, controls])
    part.setEngine(info);
});
showModels(api, i18n, showStatus);

/** Show and choose the voice of a recording that was just saved. */
async function onRecordingSaved(voice) {
  await savedVoices.refresh();
  onSaved(voice);
  showStatus(i18n.t("recording.saved", voice));
}

/** Open what `create` returns when it is first needed. */
function lazy(create) {
  let part = null;
  return () => (part ??= create()).open();
}

const deletions = new Deletions(api, i18n);
const languages = [...new Set(presets.map(({ language }) => language))];
const openLexicon = lazy(() => new LexiconEditor({ api, i18n, languages }));
byId("settings-open").onclick = lazy(
  () => new SettingsDrawer({ settings, requestState, i18n, theme, player, api, openLexicon }),
);
byId("history-open").onclick = lazy(() => {
  const history = new History(api, i18n, deletions);
  history.addEventListener("play", ({ detail }) => take.recall(detail));
  history.addEventListener("restore", ({ detail }) => {
    restore(detail);
    history.close();
  });
  return history;
});
byId("open-presenter").onclick = lazy(() => new Presenter(player, fields, i18n));
byId("new-reading").onclick = () => {
  requestState.update({ seed: randomSeed() });
  generate();
};
i18n.addEventListener("change", () => {
  suggestText();
  fields.setValues({}); // "Auto" in the page's language
});
byId("theme").onclick = () => theme.toggle();
byId("page-language").onclick = () => {
  i18n.setLanguage(i18n.languages.find((language) => language !== i18n.language));
};

/** Undo and redo begin with the draft. */
function mountUndo() {
  const edits = new EditHistory(fields);
  edits.addEventListener("change", () => {
    byId("undo").disabled = !edits.canUndo;
    byId("redo").disabled = !edits.canRedo;
  });
  byId("undo").onclick = () => edits.undo();
  byId("redo").onclick = () => edits.redo();
}

/** Send a request: what is set on the page, with `changes`. */
function speak(changes) {
  const body = requestState.toRequestBody(changes);
  player.speak(body, i18n.language, clickedAt || undefined); // first: nothing delays the request
  estimate(body);
  byId("wave-card").scrollIntoView({ block: "nearest" });
}

/** Speak the whole text; it becomes a take. */
function generate({ text, language } = fields) {
  take.begin(text);
  speak({ text, language });
  strip.follow();
}

/** Set the expected duration, from the server if it is not known yet. */
async function estimate({ text, language, speed = 1 }) {
  const { run } = player.stats;
  expected = (textAnalyzer.seconds(text, language) ?? 0) / speed;
  if (expected) return;
  const seconds = await textAnalyzer.estimate(text, language).catch(() => 0);
  if (run === player.stats.run) expected = seconds / speed;
}

/** Restore a history entry: its text, voice, options, seed and audio. */
function restore(entry) {
  const {
    text,
    language,
    description,
    speaker,
    seed,
    speed = 1,
    sampling = {},
    frames_per_packet = null,
    loudness = false,
    normalize = null,
    skip_code = true,
  } = entry;
  const voice = savedVoices.find(entry.voice);
  requestState.update({ seed, voice, speaker: voice ? null : (speaker ?? null) });
  settings.restore({ speed, ...sampling, frames_per_packet, loudness, normalize, read_blocks: !skip_code });
  fields.setValues({ text, language, description });
  take.recall(entry, { play: false });
  showStatus(i18n.t("history.restored"));
}

/** Fill in a sample text, unless something else was typed. */
function suggestText() {
  const messages = Object.values(bootstrap.messages);
  const samples = [...presets.map((preset) => preset.sample), ...messages.map((all) => all["text.sample"])];
  const text = fields.text.trim();
  const sample = fields.language === "auto" ? i18n.t("text.sample") : library.presets[0]?.sample;
  if (sample && sample !== text && (!text || samples.includes(text))) fields.setValues({ text: sample });
}

Object.assign(window.qwen3tts, {
  ready: true,
  generate(text, language) {
    if (player.busy) return player.stop();
    generate({ text, language });
  },
  onLanguageChange(language) {
    fields.onLanguageChange(language);
    suggestText();
  },
  takePendingValues() {
    const [text, value, description] = fields.takePendingValues();
    const choices = [[i18n.t("language.auto"), "auto"], ...bootstrap.languages];
    return [text, { __type__: "update", value, choices }, description];
  },
});

const { draft } = fields;
fields.addEventListener("change", mountUndo, { once: true });
fields.setValues({ ...draft, text: draft.text?.trim() ? draft.text : i18n.t("text.sample") });
document.documentElement.dataset.studio = "ready";
console.debug("studio ready");
