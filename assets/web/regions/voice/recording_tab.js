// The third tab of the voice card: a voice from a recording. A file or ten seconds of the microphone, played back, assessed by the
// server, and saved as a voice once the user has confirmed consent. Where the server recognizes speech, what is said is filled in
// for correction. Without an engine that clones it says what is needed.

import { Microphone, MicrophoneError } from "../../audio/microphone.js";
import { h, setChildren, setText } from "../../components/dom.js";
import { BASE_MODEL, cloningEngine } from "../../state/engines.js";

const SECONDS = 10;
const ACCEPT = "audio/*,.wav,.flac,.mp3,.aac,.ogg,.opus,.m4a,.webm";

export class RecordingTab {
  element = h("div", { id: "recording" });
  #api;
  #i18n;
  #fields;
  #onSaved;
  #info = { engines: [], label: "", recognizer: null };
  #microphone = new Microphone();
  #audio = new Audio();
  #clip = null; // a Blob
  #remaining = SECONDS;
  #busy = false;
  #recognized = ""; // the text that was filled in; any other was typed
  #status = () => this.#t("recording.empty"); // called again when the page's language changes

  #needs = h("p", { className: "none" });
  #form = h("form", { autocomplete: "off" });
  #record = h("button", { type: "button", id: "recording-record", className: "button-outline" });
  #choose = h("button", { type: "button", id: "recording-choose", className: "button-outline" });
  #play = h("button", { type: "button", id: "recording-play", className: "button-outline" });
  #file = h("input", { type: "file", accept: ACCEPT, hidden: true });
  #meter = h("span", { className: "meter", ariaHidden: "true" }, h("i"));
  #message = h("p", { id: "recording-status", role: "status" });
  #text = h("input", { type: "text", id: "recording-text", maxLength: 2000 });
  #name = h("input", { type: "text", id: "recording-name", maxLength: 80, required: true });
  #consent = h("input", { type: "checkbox", id: "recording-consent", required: true });
  #keep = h("input", { type: "checkbox", id: "recording-keep" });
  #consentLabel = h("span");
  #keepLabel = h("span");
  #save = h("button", { type: "submit", id: "recording-save", className: "button-outline main" });

  /** `onSaved(voice)` is called with each new voice. */
  constructor({ api, i18n, fields, onSaved }) {
    this.#api = api;
    this.#i18n = i18n;
    this.#fields = fields;
    this.#onSaved = onSaved;
    this.#form.append(
      h("div", { className: "bar" }, this.#record, this.#choose, this.#play, this.#meter, this.#file),
      this.#message,
      h("div", { className: "inputs" }, this.#text, this.#name),
      h("label", {}, this.#consent, this.#consentLabel),
      h("div", { className: "bar" }, h("label", {}, this.#keep, this.#keepLabel), this.#save),
    );
    this.#connect();
    this.draw();
  }

  setEngine(info) {
    this.#info = info;
    this.draw();
  }

  get #canClone() {
    return cloningEngine(this.#info.engines) !== undefined;
  }

  draw() {
    setChildren(this.element, [this.#canClone ? this.#form : this.#needs]);
    setText(this.#needs, this.#t("recording.needs", { model: BASE_MODEL, engine: this.#info.label }));
    const { recording } = this.#microphone;
    const again = this.#clip ? "recording.again" : "recording.record";
    setText(this.#record, this.#t(recording ? "recording.stop" : again, { seconds: this.#remaining }));
    setText(this.#choose, this.#t("recording.file"));
    setText(this.#play, this.#t(this.#audio.paused ? "recording.play" : "recording.pause"));
    setText(this.#message, this.#status());
    for (const [input, key] of [
      [this.#text, "recording.text"],
      [this.#name, "recording.name"],
    ]) {
      input.ariaLabel = input.placeholder = this.#t(key);
    }
    setText(this.#consentLabel, this.#t("recording.consent"));
    setText(this.#keepLabel, this.#t("recording.keep"));
    setText(this.#save, this.#t("recording.save"));
    this.#play.hidden = !this.#clip || recording;
    this.#meter.hidden = !recording;
    this.#choose.disabled = recording;
    this.#save.disabled = !this.#clip || recording || this.#busy;
  }

  #t(key, params) {
    return this.#i18n.t(key, params);
  }

  #connect() {
    this.#record.onclick = () => this.#toggleRecording();
    this.#choose.onclick = () => this.#file.click();
    this.#file.onchange = () => {
      if (this.#file.files[0]) this.#take(this.#file.files[0]);
      this.#file.value = ""; // the same file may be chosen again
    };
    this.#play.onclick = () => (this.#audio.paused ? this.#audio.play().catch(() => {}) : this.#audio.load());
    for (const event of ["play", "pause", "ended", "emptied"]) this.#audio.addEventListener(event, () => this.draw());
    this.#microphone.addEventListener("level", ({ detail }) => {
      this.#meter.firstChild.style.width = `${100 * detail.level}%`;
      if (detail.remaining === this.#remaining) return;
      this.#remaining = detail.remaining;
      this.draw();
    });
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    this.element.ondragover = (event) => event.preventDefault();
    this.element.ondrop = (event) => {
      event.preventDefault();
      const [file] = event.dataTransfer.files;
      if (file && this.#canClone) this.#take(file);
    };
    this.#i18n.addEventListener("change", () => this.draw());
  }

  async #toggleRecording() {
    if (this.#microphone.recording) return this.#microphone.stop();
    this.#audio.pause();
    this.#remaining = SECONDS;
    this.#show(() => this.#t("recording.speak"));
    try {
      await this.#take(await this.#microphone.record(SECONDS));
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      this.#show(() => this.#t(`recording.microphone.${error.reason}`));
    }
  }

  /** Play back and assess `clip`, the next one to save. */
  async #take(clip) {
    this.#clip = clip;
    URL.revokeObjectURL(this.#audio.src);
    this.#audio.src = URL.createObjectURL(clip);
    this.#show(() => this.#t("recording.checking"));
    try {
      const { seconds, warnings } = await this.#send("api/voices/check", {});
      if (clip !== this.#clip) return;
      const hints = warnings.map((hint) => `recording.hint.${hint.code}`);
      await this.#recognize(clip, () => [this.#t("recording.length", { seconds }), ...this.#hints(hints)].join(" "));
    } catch (error) {
      if (clip !== this.#clip) return;
      this.#clip = null;
      this.#show(() => error.message);
    }
  }

  /** Fill in what is said in `clip`, unless it was typed. `quality()` is the status so far. */
  async #recognize(clip, quality) {
    const { recognizer } = this.#info;
    const show = (key) => this.#show(() => this.#t(`recording.${key}`, { quality: quality(), recognizer }));
    if (this.#text.value && this.#text.value !== this.#recognized) return this.#show(quality);
    this.#text.value = this.#recognized = "";
    if (!recognizer) return show("no_recognizer");
    show("recognizing");
    try {
      const { text } = await this.#send("api/voices/transcribe", { language: this.#fields.language });
      if (clip !== this.#clip || this.#busy) return;
      if (this.#text.value) return this.#show(quality);
      this.#text.value = this.#recognized = text;
      show(text ? "recognized" : "nothing_recognized");
    } catch (error) {
      if (clip === this.#clip && !this.#busy) this.#show(() => `${quality()} ${error.message}`);
    }
  }

  #hints(keys) {
    return keys.length ? keys.map((key) => this.#t(key)) : [this.#t("recording.good")];
  }

  async #submit() {
    if (!this.#clip || this.#busy) return;
    this.#busy = true;
    this.#show(() => this.#t("recording.saving"));
    const text = this.#text.value.trim();
    try {
      const voice = await this.#send("api/voices", {
        name: this.#name.value,
        text,
        mode: text ? "icl" : "xvector",
        consent: String(this.#consent.checked),
        keep_audio: String(this.#keep.checked),
        language: this.#fields.language,
      });
      this.#reset();
      this.#onSaved(voice);
    } catch (error) {
      this.#show(() => error.message);
    } finally {
      this.#busy = false;
      this.draw();
    }
  }

  #reset() {
    this.#clip = null;
    this.#recognized = "";
    this.#form.reset();
    this.#audio.pause();
    this.#status = () => this.#t("recording.empty");
  }

  async #send(path, fields) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append("audio", this.#clip, "recording");
    return (await this.#api.fetch(path, { method: "POST", body })).json();
  }

  #show(status) {
    this.#status = status;
    this.draw();
  }
}
