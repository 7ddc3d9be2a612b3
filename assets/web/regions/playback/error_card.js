// The error card. In: an error, {code, message, status, field, line, model}. Out: a plain sentence, the likely cause and one action; code and ids are
// behind a disclosure. What was typed is never touched.

import { byId, setText } from "../../components/dom.js";
import { selectLine } from "../../text/select_line.js";

const CLIENT_ERRORS = ["network", "insecure", "sound", "refused"]; // errors without a message from the server

/** What helps, by error code; "retry" for all others. */
const ACTION_BY_CODE = {
  empty_text: "text",
  text_too_long: "text",
  body_too_large: "text",
  out_of_memory: "text",
  description_too_long: "description",
  unknown_language: "language",
  unknown_voice: "voice",
  unknown_speaker: "voice",
  unsupported: "settings",
  invalid_value: "settings",
  numerical: "settings",
  insecure: "reload",
  sound: "reload",
  unauthorized: "reload",
};

/** What helps, by the field at fault, whatever the code. */
const ACTION_BY_FIELD = {
  text: "text",
  voice_desc: "description",
  language: "language",
  voice: "voice",
  speaker: "voice",
};

const ACTION_HANDLERS = {
  retry: () => byId("generate").click(),
  text: () => document.querySelector("#text textarea").focus(),
  line: ({ line }) => selectLine(document.querySelector("#text textarea"), line),
  description: () => document.querySelector("#description textarea").focus(),
  language: () => document.querySelector("#language input").focus(),
  voice: () => document.querySelector("#presets button")?.focus(),
  settings: () => byId("settings-open").click(),
  model: ({ model }) => document.dispatchEvent(new CustomEvent("studio-model", { detail: model })),
  reload: () => location.reload(), // the draft is restored
};

/** "retry", "text", "line", "description", "language", "voice", "settings", "model" or "reload". */
export function actionOf({ code, field, line, model }) {
  if (model) return "model";
  const action = ACTION_BY_FIELD[field] ?? ACTION_BY_CODE[code] ?? "retry";
  return action === "text" && Number.isInteger(line) ? "line" : action;
}

/** The message key of the likely cause. */
function causeKey({ code }, action, i18n) {
  if (action === "model") return "error.cause.model";
  if (action === "line") return "error.cause.line";
  const key = `error.cause.${code}`;
  return i18n.has(key) ? key : "error.cause.internal";
}

/** Show `error`; null hides the card. */
export function showError(error, requestId, i18n) {
  const wasHidden = byId("error").hidden;
  byId("error").hidden = !error;
  if (!error) return;
  const isOwn = CLIENT_ERRORS.includes(error.code);
  const useOwnMessage = isOwn || !error.message;
  const message = useOwnMessage ? i18n.t(`error.page.${isOwn ? error.code : "refused"}`) : error.message;
  const action = actionOf(error);
  setText(byId("error-sentence"), message);
  setText(byId("error-cause"), i18n.t(causeKey(error, action, i18n)));
  setText(
    byId("retry"),
    i18n.t(`error.action.${action}`, { line: (error.line ?? 0) + 1, model: error.model?.split("/").pop() }),
  );
  byId("retry").onclick = () => ACTION_HANDLERS[action](error);
  const details = [error.code, error.status && `HTTP ${error.status}`, requestId, useOwnMessage ? error.message : null];
  setText(byId("error-details"), details.filter(Boolean).join(" · "));
  if (wasHidden) byId("error").scrollIntoView({ block: "nearest" }); // on a phone it is far below the pressed button
}
