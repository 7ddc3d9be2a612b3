// The settings drawer, drawn when it is first opened. In: `Settings`, the page's language and theme, the seed. Out: their changes, and
// a PATCH for another precision. What the active engine would ignore is disabled, with the reason. Each row is kept until something
// it shows changes, so that an open menu or a click in progress survives an update elsewhere.

import { h, setChildren } from "../../components/dom.js";
import { CONTROLS } from "../../state/settings.js";
import { THEMES } from "../../state/theme.js";

const PRECISION = "api/settings/precision";
const FRAME_MS = 80;
const SAMPLING = ["temperature", "top_k", "top_p", "repetition_penalty"];

export class SettingsDrawer {
  #settings;
  #requestState;
  #i18n;
  #theme;
  #player;
  #api;
  #openLexicon;
  #dialog = h("dialog", { id: "settings", className: "drawer" });
  #advanced = h("details");
  #sections = { speech: h("section"), text: h("section"), page: h("section") };
  #precision = { precision: null, choices: [], memory_bytes: null };
  #status = ""; // of the last change of precision
  #changing = false;
  #rows = new Map(); // name -> {key, element}

  /** `openLexicon()` opens the editor of the user's pronunciations. */
  constructor({ settings, requestState, i18n, theme, player, api, openLexicon }) {
    this.#openLexicon = openLexicon;
    this.#settings = settings;
    this.#requestState = requestState;
    this.#i18n = i18n;
    this.#theme = theme;
    this.#player = player;
    this.#api = api;
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close()); // outside
    document.querySelector(".gradio-container").append(this.#dialog);
    for (const source of [settings, requestState, i18n, theme]) source.addEventListener("change", () => this.#draw());
  }

  open() {
    this.#draw();
    this.#dialog.showModal();
    this.#fetchPrecision();
  }

  #t = (key, params) => this.#i18n.t(`settings.${key}`, params);

  async #fetchPrecision() {
    try {
      this.#precision = await this.#api.get(PRECISION);
    } catch (error) {
      this.#status = error.message;
    }
    this.#draw();
    this.#dialog.dataset.asked = "true";
  }

  #draw() {
    const speech = [this.#speedRow(), this.#precisionRow(), this.#packetRow(), this.#seedRow()];
    const text = [this.#normalizeRow(), this.#switchRow("read_blocks"), this.#lexiconRow()];
    const sampling = [this.#samplingReason(), ...SAMPLING.map((name) => this.#numberRow(name))];
    const summary = this.#keep("advanced", [], () => h("summary", {}, this.#t("advanced")));
    setChildren(this.#advanced, [summary, ...sampling]);
    const sections = [
      this.#section("speech", [...speech, this.#switchRow("loudness"), this.#advanced]),
      this.#section("text", text),
      this.#section("page", [this.#languageRow(), this.#themeRow()]),
    ];
    this.#dialog.setAttribute("aria-labelledby", "settings-title");
    setChildren(this.#dialog, [this.#header(), ...sections]);
  }

  #header() {
    return this.#keep("title", [], () => {
      const close = h("button", { type: "button", className: "round", ariaLabel: this.#t("close") }, "✕");
      close.onclick = () => this.#dialog.close();
      return h("header", {}, h("h2", { id: "settings-title" }, this.#t("title")), close);
    });
  }

  #section(name, rows) {
    const section = this.#sections[name];
    setChildren(section, [this.#keep(name, [], () => h("h3", {}, this.#t(name))), ...rows]);
    return section;
  }

  /** The element `name`, created again only when `inputs` or the language changed; focus moves to the new one. */
  #keep(name, inputs, create) {
    const key = JSON.stringify([inputs, this.#i18n.language]);
    const old = this.#rows.get(name);
    if (old?.key === key) return old.element;
    const element = create();
    const focused = old?.element.querySelector(":focus")?.id;
    if (focused) {
      old.element.replaceWith(element);
      document.getElementById(focused)?.focus();
    }
    this.#rows.set(name, { key, element });
    return element;
  }

  /** A label, a control and a line of help. */
  #row(name, control, help, ...more) {
    control.id = `setting-${name}`;
    const note = h("p", { id: `${control.id}-help`, className: "help" }, help);
    control.setAttribute("aria-describedby", note.id);
    return h(
      "div",
      { className: "setting" },
      h("label", { htmlFor: control.id }, this.#t(name)),
      control,
      note,
      ...more,
    );
  }

  #selectRow(name, { options, value, help, disabled = false, onchange, status }) {
    return this.#keep(name, [options, value, help, disabled, status], () => {
      const choices = options.map(([key, text]) => h("option", { value: String(key) }, text));
      const select = h("select", { disabled }, ...choices);
      select.value = String(value);
      select.onchange = () => onchange(select.value);
      const more = status === undefined ? [] : [h("p", { className: "status", role: "status" }, status)];
      return this.#row(name, select, help, ...more);
    });
  }

  /** Why the engine would ignore `name`; "" if it does not. */
  #ignoredReason(name) {
    return this.#settings.isSupported(name) ? "" : this.#ignored;
  }

  get #ignored() {
    const { info } = this.#settings;
    const engine = info?.preview === false ? info.label : this.#i18n.t("engine.preview");
    return this.#t("ignored", { engine });
  }

  #samplingReason() {
    const text = this.#ignoredReason("temperature") || this.#t("sampling.help");
    return this.#keep("sampling", [text], () => h("p", { className: "help" }, text));
  }

  #precisionRow() {
    const { choices, precision, memory_bytes } = this.#precision;
    const available = choices.length > 0;
    const options = available
      ? choices.map((name) => [name, this.#t(`precision.${name}`)])
      : [[precision, precision ?? "–"]];
    const now = memory_bytes ? this.#t("precision.now", { precision, gib: formatGib(memory_bytes) }) : "";
    return this.#selectRow("precision", {
      options,
      value: choices.includes(precision) ? precision : options[0][0],
      help: available ? `${this.#t("precision.help")} ${now}` : this.#ignored,
      disabled: !available || this.#changing,
      onchange: (choice) => this.#changePrecision(choice),
      status: this.#status,
    });
  }

  async #changePrecision(precision) {
    this.#changing = true;
    this.#status = this.#t("precision.changing");
    this.#draw();
    try {
      const { before, after, bytes_before, bytes_after, seconds } = await this.#api.patch(PRECISION, { precision });
      const sizes = { gib_before: formatGib(bytes_before), gib_after: formatGib(bytes_after) };
      this.#status = this.#t("precision.changed", { before, after, ...sizes, seconds: seconds.toFixed(1) });
    } catch (error) {
      this.#status = error.message;
    }
    this.#changing = false;
    await this.#fetchPrecision();
  }

  #speedRow() {
    return this.#selectRow("speed", {
      options: [["", this.#t("speed.normal")], ...CONTROLS.speed.choices.map((factor) => [factor, `${factor}×`])],
      value: this.#settings.get("speed") ?? "",
      help: this.#t("speed.help"),
      onchange: (value) => this.#settings.set("speed", value ? Number(value) : null),
    });
  }

  #packetRow() {
    const name = "frames_per_packet";
    const sizes = CONTROLS[name].choices.map((frames) => [frames, `${frames * FRAME_MS} ms`]);
    return this.#selectRow(name, {
      options: [["", this.#t(`${name}.auto`)], ...sizes],
      value: this.#settings.get(name) ?? "",
      help: this.#ignoredReason(name) || this.#t(`${name}.help`),
      disabled: !this.#settings.isSupported(name),
      onchange: (value) => this.#settings.set(name, value ? Number(value) : null),
    });
  }

  /** Locked: the same text sounds the same again. Locking takes the seed of the last speech. */
  #seedRow() {
    const { seed } = this.#requestState;
    return this.#keep("seed", [seed], () => {
      const lock = switchInput(seed !== null, (locked) => {
        this.#requestState.update({ seed: locked ? Number(this.#player.stats.seed ?? 0) : null });
      });
      const range = { min: 0, max: Number.MAX_SAFE_INTEGER, step: 1 };
      const state = { value: seed ?? "", disabled: seed === null, ariaLabel: this.#t("seed.number") };
      const number = h("input", { type: "number", id: "setting-seed-number", ...range, ...state });
      number.onchange = () => {
        const value = number.valueAsNumber;
        if (Number.isSafeInteger(value) && value >= 0) this.#requestState.update({ seed: value });
        else number.value = this.#requestState.seed;
      };
      return this.#row("seed", lock, this.#t("seed.help"), number);
    });
  }

  #switchRow(name) {
    const value = Boolean(this.#settings.get(name));
    return this.#keep(name, [value], () => {
      const control = switchInput(value, (checked) => this.#settings.set(name, checked));
      return this.#row(name, control, this.#t(`${name}.help`));
    });
  }

  #normalizeRow() {
    const isPreview = this.#settings.info?.preview === true;
    const names = CONTROLS.normalize.choices;
    return this.#selectRow("normalize", {
      options: names.map((name) => [name, this.#t(`normalize.${name}`)]),
      value: isPreview ? "on" : (this.#settings.get("normalize") ?? names[0]),
      help: isPreview ? this.#t("normalize.preview") : this.#t("normalize.help"),
      disabled: isPreview,
      onchange: (name) => this.#settings.set("normalize", name === names[0] ? null : name),
    });
  }

  #lexiconRow() {
    return this.#keep("lexicon", [], () => {
      const edit = h("button", { type: "button", className: "button-outline", onclick: this.#openLexicon });
      edit.textContent = this.#t("lexicon.edit");
      return this.#row("lexicon", edit, this.#t("lexicon.help"));
    });
  }

  #numberRow(name) {
    const { min, max, step, default: standard } = CONTROLS[name];
    const value = this.#settings.get(name) ?? "";
    const disabled = !this.#settings.isSupported(name);
    return this.#keep(name, [value, disabled], () => {
      const display = { inputMode: "decimal", placeholder: String(standard), value, disabled };
      const control = h("input", { type: "number", min, max, step: step === 1 ? "1" : "any", ...display });
      control.onchange = () => {
        const isEmpty = control.value === "" && !control.validity.badInput;
        const isSet = this.#settings.set(name, isEmpty ? null : control.valueAsNumber);
        if (!isSet) control.value = this.#settings.get(name) ?? "";
      };
      return this.#row(name, control, this.#t("number.help", { min, max, default: standard }));
    });
  }

  #languageRow() {
    const languages = this.#i18n.languages.map((code) => [code, this.#t(`language.${code}`)]);
    return this.#selectRow("page_language", {
      options: [["", this.#t("auto")], ...languages],
      value: this.#i18n.choice ?? "",
      help: this.#t("page_language.help"),
      onchange: (code) => this.#i18n.setLanguage(code || null),
    });
  }

  #themeRow() {
    return this.#selectRow("theme", {
      options: THEMES.map((theme) => [theme, this.#t(theme === "auto" ? "auto" : `theme.${theme}`)]),
      value: this.#theme.choice,
      help: this.#t("theme.help"),
      onchange: (theme) => this.#theme.set(theme),
    });
  }
}

function switchInput(checked, onchange) {
  const input = h("input", { type: "checkbox", checked });
  input.setAttribute("role", "switch");
  input.onchange = () => onchange(input.checked);
  return input;
}

const formatGib = (bytes) => (bytes / 2 ** 30).toFixed(bytes < 2 ** 30 ? 2 : 1);
