// The notice in the text's footer, on the line of the hint: what no voice reads, and the offer to join the lines of a text that was
// pasted with hard line breaks.

import { byId, h, setChildren } from "../../components/dom.js";

export class TextNotices {
  #fields;
  #i18n;
  #analyzer;
  #showStatus;

  constructor({ fields, i18n, analyzer, showStatus }) {
    this.#fields = fields;
    this.#i18n = i18n;
    this.#analyzer = analyzer;
    this.#showStatus = showStatus;
    for (const source of [fields, i18n, analyzer]) source.addEventListener("change", () => this.#draw());
    this.#draw();
  }

  #draw() {
    const { warnings, joined } = this.#analyzer.notices(this.#fields.text);
    const parts = [];
    if (warnings.length) {
      const more = warnings.length > 1 ? ` ${this.#i18n.t("text.warnings.more", { count: warnings.length - 1 })}` : "";
      const title = warnings.map(({ message }) => message).join("\n");
      parts.push(h("span", { className: "warn", title }, warnings[0].message + more));
    }
    if (joined !== null) {
      const onclick = () => this.#join(joined);
      const join = { type: "button", className: "link", title: this.#i18n.t("text.join.help"), onclick };
      parts.push(h("button", join, this.#i18n.t("text.join")));
    }
    const notice = byId("text-notice");
    const key = JSON.stringify([this.#i18n.language, parts.map((part) => part.textContent), joined?.length]);
    if (notice.dataset.key === key) return;
    notice.dataset.key = key;
    setChildren(notice, parts);
    byId("text-hint").hidden = parts.length > 0;
  }

  /** One step of its own: undo brings the lines back. The focus follows once the step is recorded. */
  #join(joined) {
    this.#fields.addEventListener("change", () => this.#fields.area("text").focus(), { once: true });
    this.#fields.setValues({ text: joined });
    this.#showStatus(this.#i18n.t("text.joined"));
  }
}
