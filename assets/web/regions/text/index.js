// The text region: the line gutter, the toolbar of each line, and the popover of one line.

import { byId } from "../../components/dom.js";
import { randomSeed } from "../../state/request_state.js";
import { mountFileDrop } from "./file_drop.js";
import { LineGutter } from "./line_gutter.js";
import { LinePopover } from "./line_popover.js";
import { LineToolbar } from "./line_toolbar.js";
import { SpokenForm } from "./spoken_form.js";
import { TextNotices } from "./text_notices.js";
import { mountWordHighlight } from "./word_highlight.js";

/** `normalize(body)` asks for a spoken form, `speak(changes)` sends a request, `showStatus(message)` shows a message. */
export function mountTextRegion(parts) {
  const { fields, take, lineVersions, settings, i18n, analyzer, limits, normalize, speak, showStatus } = parts;
  const gutter = new LineGutter(fields, take, i18n, analyzer, limits.text);
  mountWordHighlight(gutter, take);
  const actions = {
    canRetake: () => take.isComplete,
    otherTake: (row) => lineVersions.other(row.line),
    async flip(row) {
      const params = { line: row.line + 1, letter: lineVersions.other(row.line)?.letter };
      try {
        if (await lineVersions.flip(row.line)) showStatus(i18n.t("line.flipped", params));
      } catch (error) {
        showStatus(error.status === 404 ? i18n.t("takes.gone", params) : error.message);
      }
    },
    replay: (row) => take.replay(row.line),
    replayFrom: (row) => take.replayFrom(row.line),
    retake(row) {
      const seed = row.edited ? {} : { seed: randomSeed() }; // another reading; the previous line keeps the voice
      const continued = (source) => source && { continue_from: source, voice: null, voice_desc: null, speaker: null };
      const send = (source) => speak({ text: row.text, ...seed, ...continued(source) });
      take.retake(row.line, send).catch((error) => showStatus(error.message));
    },
  };
  const spoken = new SpokenForm({ fields, settings, i18n, request: normalize });
  const popover = new LinePopover({ gutter, i18n, analyzer, limits, actions, spoken });
  mountFileDrop({ fields, i18n, showStatus });
  new TextNotices({ fields, i18n, analyzer, showStatus });
  new LineToolbar(gutter, take, i18n, popover, actions);
  take.addEventListener("replaced", ({ detail: { line, toEnd, entry } }) => {
    const isWhole = entry.finish_reason !== "cancelled";
    const key = !toEnd ? "replaced" : isWhole ? "continued" : "extended";
    showStatus(i18n.t(`line.${key}`, { line: line + 1 }));
  });
  const goOn = byId("go-on");
  const draw = () => {
    const line = take.stoppedLine;
    goOn.hidden = line === null;
    goOn.textContent = i18n.t("line.go_on", { line: line + 1 });
  };
  for (const source of [take, i18n]) source.addEventListener("change", draw);
  goOn.onclick = () => take.goOn(speak).catch((error) => showStatus(error.message));
  byId("text-count").dataset.ready = "true";
}
