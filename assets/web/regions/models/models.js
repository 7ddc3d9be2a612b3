// The models and this machine: /api/models and /api/doctor as a panel. Out: what is on disk, what can be downloaded and how far that
// is, and requests to download, stop or use a model. Polls often only while something is in progress; rows are updated in place.

import { byId, h, setChildren, setText, waitForElements } from "../../components/dom.js";
import { closeOnEscape, moveNextTo, openAnchored } from "../../components/popover.js";
import { diagnosticLines } from "./diagnostics.js";
import {
  isRunning,
  modelFacts,
  modelName,
  plainName,
  panelSummary,
  problemText,
  progressRatio,
  progressText,
} from "./model_texts.js";

const BUSY_MS = 1000;
const IDLE_MS = 10000;
const FOLDER_KEY = "qwen3tts.model_folder";
const MIRROR_NAMES = { hf: "Hugging Face", modelscope: "ModelScope" };

/** Fill the dialog of the engine's label and keep it up to date; without models it has the engine and the diagnostics. */
export async function showModels(api, i18n, showStatus) {
  await waitForElements(["#rerun-checks"]);
  i18n.apply();
  await new ModelsPanel(api, i18n, showStatus).run();
}

class ModelsPanel {
  #api;
  #i18n;
  #showStatus;
  #panel = byId("machine");
  #latest = null; // the last answer of /api/models
  #rejected = null; // the error of the last click, which had no effect
  #rows = new Map(); // model id -> {element, update(model)}
  #wake = () => {};

  constructor(api, i18n, showStatus) {
    this.#showStatus = showStatus;
    this.#api = api;
    this.#i18n = i18n;
    i18n.addEventListener("change", () => this.#refresh());
    window.addEventListener("online", () => this.#wake());
    document.addEventListener("studio-model", ({ detail }) => this.#show(detail));
    closeOnEscape(this.#panel);
    byId("engine-open").onclick = () => this.#open();
    byId("rerun-checks").onclick = () => this.#runChecks();
    byId("model-folder-path").value = localStorage.getItem(FOLDER_KEY) ?? "";
    byId("model-folder").onsubmit = (event) => {
      event.preventDefault();
      this.#useFolder(byId("model-folder-path").value);
    };
  }

  async #useFolder(folder) {
    await this.#send(async () => {
      await this.#api.post("api/models/folder", { folder });
      localStorage.setItem(FOLDER_KEY, folder);
    });
  }

  #refresh() {
    this.#draw();
    this.#wake();
    if (this.#isOpen) this.#runChecks().then(() => this.#isOpen && moveNextTo(this.#panel, byId("engine-open")));
  }

  #open() {
    if (!this.#isOpen) openAnchored(this.#panel, byId("engine-open"));
    this.#refresh();
  }

  get #isOpen() {
    return this.#panel.matches(":popover-open");
  }

  /** Open the panel at the row of `model`, "owner/name" or a name. */
  #show(model) {
    this.#open();
    const ids = [...this.#rows.keys()];
    const row = this.#rows.get(ids.find((id) => id === model || modelName(id) === model));
    row?.element.scrollIntoView({ block: "center" });
    row?.element.querySelector("button:enabled")?.focus();
  }

  async run() {
    for (;;) {
      const answer = await this.#fetchOrNull("api/models");
      if (answer?.models.length === 0) return void (byId("machine-choice").hidden = true);
      if (answer) this.#onAnswer(answer);
      this.#draw();
      const interval = this.#latest && isBusy(this.#latest) ? BUSY_MS : IDLE_MS;
      const elapsed = new Promise((resolve) => setTimeout(resolve, interval)).then(pageVisible);
      await Promise.race([new Promise((resolve) => (this.#wake = resolve)), elapsed]);
    }
  }

  #onAnswer(answer) {
    const previous = this.#latest;
    this.#latest = answer;
    if (this.#rejected?.code === "network") this.#rejected = null; // the server is back
    if (!previous) showMirrors(answer, this.#i18n.language);
    else if (loadedModels(previous) !== loadedModels(answer))
      this.#onSwitch(activeModel(previous), activeModel(answer));
  }

  #onSwitch(before, model) {
    document.dispatchEvent(new Event("studio-engine"));
    if (model && model !== before) this.#showStatus(this.#i18n.t("models.switched", { model: plainName(model) }));
  }

  #draw() {
    if (!this.#latest) return;
    const { models, download, folders } = this.#latest;
    const t = (key, params) => this.#i18n.t(`models.${key}`, params);
    const running = isRunning(download);
    setText(byId("model-summary"), panelSummary(this.#latest, t));
    setChildren(
      byId("machine-models"),
      models.map((model) => this.#row(model, t)),
    );
    byId("machine-download").hidden = !running;
    byId("model-folder").hidden = !folders; // only for a browser on the server's machine
    byId("model-folder-command").hidden = folders;
    byId("model-folder").querySelector("button").disabled = isBusy(this.#latest);
    byId("machine-bar").value = progressRatio(download);
    setText(byId("download-progress"), running ? progressText(download, t) : "");
    this.#showProblem(this.#rejected?.message ?? problemText(this.#latest, t));
    const next = activeModel(this.#latest) ? "" : t("go");
    setText(byId("engine-next"), running ? `${Math.floor(100 * progressRatio(download))} %` : next);
  }

  #row(model, t) {
    if (!this.#rows.has(model.id)) this.#rows.set(model.id, this.#createRow(model.id));
    const row = this.#rows.get(model.id);
    row.update(model, t);
    return row.element;
  }

  #createRow(id) {
    const [button, second, measure] = Array.from({ length: 3 }, () => h("button", { type: "button" }));
    const [facts, badge] = [h("small"), h("em")];
    measure.onclick = () => this.#send(() => this.#api.post("api/models/speed", { model: id }));
    const update = (model, t) => {
      const { download, measuring } = this.#latest;
      element.dataset.recommended = String(model.default);
      setText(badge, model.default ? t("recommended") : "");
      measure.hidden = !model.default || model.speed !== null || !model.fits;
      measure.disabled = isBusy(this.#latest);
      setText(measure, t(measuring ? "measuring" : "measure"));
      const isDownloading = download?.model === id && isRunning(download);
      button.disabled = model.active || (isBusy(this.#latest) && !isDownloading);
      const start = () => this.#request("POST", { model: id, mirror: byId("machine-mirror").value });
      button.onclick = () => (isDownloading ? this.#request("DELETE") : start());
      setText(button, t(buttonKey(model, isDownloading)));
      const isExtra = model.loaded && !model.active;
      second.hidden = !isExtra && !(model.installed && !model.loaded && model.fits && activeModel(this.#latest));
      second.disabled = isBusy(this.#latest);
      setText(second, t(isExtra ? "unload" : "also"));
      second.onclick = () => (isExtra ? this.#unload(id) : this.#request("POST", { model: id, also: true }));
      setText(facts, modelFacts(model, t));
      facts.className = model.fits ? "" : "tight";
    };
    const actions = h("div", { className: "actions" }, button, second, measure);
    const element = h("div", { className: "model-row" }, h("b", {}, plainName(id), " ", badge), actions, facts);
    return { element, update };
  }

  #request(method, body) {
    return this.#send(() => (method === "POST" ? this.#api.post : this.#api.delete)("api/models/download", body));
  }

  async #unload(model) {
    await this.#send(() => this.#api.post("api/models/unload", { model }));
    document.dispatchEvent(new Event("studio-engine"));
  }

  async #send(request) {
    this.#rejected = await request().then(
      () => null,
      (error) => error,
    );
    this.#draw();
    if (this.#rejected) byId("machine-problem").scrollIntoView({ block: "nearest" });
    this.#wake();
  }

  #showProblem(message) {
    byId("machine-problem").hidden = !message;
    setText(byId("machine-problem"), message ?? "");
  }

  async #runChecks() {
    const report = await this.#fetchOrNull("api/doctor");
    byId("machine-lines").replaceChildren(...diagnosticLines(report, this.#i18n));
  }

  async #fetchOrNull(path) {
    try {
      return await this.#api.get(path);
    } catch {
      return null; // the server cannot be reached
    }
  }
}

const isBusy = ({ download, loading, measuring }) => isRunning(download) || loading?.state === "loading" || measuring;

/** The id of the active model, or its name if it is none of the released ones. */
const activeModel = ({ models, active }) => models.find((model) => model.active)?.id ?? active;

/** The models of all engines, the active one first: changes with each of them. */
const loadedModels = (answer) =>
  [activeModel(answer), ...answer.models.filter(({ loaded }) => loaded).map(({ id }) => id)].join();

function buttonKey(model, isDownloading) {
  if (isDownloading) return "stop";
  if (model.active) return "speaks";
  if (model.installed) return "use";
  return model.partial_bytes ? "resume" : "download";
}

/** Resolves once the page is in view. */
async function pageVisible() {
  if (document.visibilityState === "visible") return;
  await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}

/** The mirrors to choose from: the configured one first, by its address if it has no name; in Chinese ModelScope before Hugging Face. */
function showMirrors({ mirror: configuredMirror, mirrors }, language) {
  const mirror = configuredMirror === "hf" && language === "zh" ? "modelscope" : configuredMirror;
  const names = mirrors.map((name) => [name, MIRROR_NAMES[name] ?? name]);
  const configured = names.filter(([name]) => name === mirror);
  const others = names.filter(([name]) => name !== mirror);
  const choices = [...(configured.length ? configured : [["", mirror]]), ...others];
  byId("machine-mirror").replaceChildren(...choices.map(([value, text]) => h("option", { value }, text)));
}
