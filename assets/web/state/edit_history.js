// One undo and redo for text, description and language, also for what cards, examples, chips and "Bring back" change, which the
// browser's own undo does not know. In: "change" events of the form. Out: earlier values, written to the form.

const TYPING_PAUSE_MS = 800; // edits of one field with shorter pauses are one step
const MAX_STEPS = 200;
const NAMES = ["text", "language", "description"];

export class EditHistory extends EventTarget {
  #fields;
  #steps; // snapshots of the form
  #position = 0; // of the snapshot that the form shows
  #lastEdit = { name: null, at: -Infinity };

  constructor(fields) {
    super();
    this.#fields = fields;
    this.#steps = [this.#snapshot()];
    fields.addEventListener("change", () => this.#onChange());
    for (const id of ["text", "description"]) {
      fields.area(id).addEventListener("keydown", (event) => this.#onKey(event));
      fields.area(id).addEventListener("beforeinput", (event) => this.#onHistoryInput(event));
    }
  }

  get canUndo() {
    return this.#position > 0;
  }

  get canRedo() {
    return this.#position < this.#steps.length - 1;
  }

  undo() {
    if (this.canUndo) this.#show(this.#position - 1);
  }

  redo() {
    if (this.canRedo) this.#show(this.#position + 1);
  }

  #snapshot() {
    return Object.fromEntries(NAMES.map((name) => [name, this.#fields[name]]));
  }

  #show(position) {
    this.#position = position;
    this.#lastEdit.name = null;
    this.#fields.setValues(this.#steps[position]);
    this.dispatchEvent(new Event("change"));
  }

  #onChange() {
    const [before, now] = [this.#steps[this.#position], this.#snapshot()];
    const changed = NAMES.filter((name) => before[name] !== now[name]);
    if (!changed.length) return;
    const isTyping = document.activeElement === this.#fields.area(changed[0]);
    const name = changed.length === 1 && isTyping ? changed[0] : null;
    const at = performance.now();
    const continues = name !== null && name === this.#lastEdit.name && at - this.#lastEdit.at < TYPING_PAUSE_MS;
    this.#steps.length = this.#position + 1; // what was undone is gone
    if (continues) this.#steps[this.#position] = now;
    else this.#steps.push(now);
    if (this.#steps.length > MAX_STEPS) this.#steps.shift();
    this.#position = this.#steps.length - 1;
    this.#lastEdit = { name, at };
    this.dispatchEvent(new Event("change"));
  }

  #onKey(event) {
    const isRedo = event.code === "KeyY" || (event.code === "KeyZ" && event.shiftKey);
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !(isRedo || event.code === "KeyZ")) return;
    event.preventDefault();
    if (isRedo) this.redo();
    else this.undo();
  }

  /** Undo from the browser's menu or a gesture. */
  #onHistoryInput(event) {
    const action = { historyUndo: () => this.undo(), historyRedo: () => this.redo() }[event.inputType];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
