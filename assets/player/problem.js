// The error card. In: what went wrong, {code, message, status}. Out: a plain sentence, the likely cause, one action; codes and ids
// wait behind a disclosure. What the person typed is never touched.

import { byId } from "./dom.js";

const OURS = ["network", "insecure", "sound", "refused"]; // errors that the server did not put into words

/** What helps with an error, by its code; trying again helps with all others. */
const ACTIONS = {
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
  forbidden: "reload",
};

const DOES = {
  retry: () => byId("generate").click(),
  text: () => document.querySelector("#text textarea").focus(),
  description: () => document.querySelector("#description textarea").focus(),
  language: () => document.querySelector("#language input").focus(),
  voice: () => document.querySelector("#presets button")?.focus(),
  settings: () => byId("settings-open").click(),
  reload: () => location.reload(), // the draft comes back
};

/** "retry", "text", "description", "language", "voice", "settings" or "reload". */
export function actionOf(code) {
  return ACTIONS[code] ?? "retry";
}

/** The likely cause's key for `code`: a failure without one of its own is like any other. */
function causeOf(code, sentences) {
  const key = `error.cause.${code}`;
  return sentences.has(key) ? key : "error.cause.internal";
}

/** Show `error`, or take the card away for null. */
export function showProblem(error, request_id, sentences) {
  const fresh = byId("error").hidden;
  byId("error").hidden = !error;
  if (!error) return;
  const ours = OURS.includes(error.code) || !error.message;
  const sentence = ours ? sentences.say(`error.page.${OURS.includes(error.code) ? error.code : "refused"}`) : error.message;
  const action = actionOf(error.code);
  tell("error-sentence", sentence);
  tell("error-cause", sentences.say(causeOf(error.code, sentences)));
  tell("retry", sentences.say(`error.action.${action}`));
  byId("retry").onclick = DOES[action];
  const details = [error.code, error.status && `HTTP ${error.status}`, request_id, ours ? error.message : null];
  tell("error-details", details.filter(Boolean).join(" · "));
  if (fresh) byId("error").scrollIntoView({ block: "nearest" }); // on a phone it is far below what was pressed
}

/** The same words again are not announced again. */
function tell(id, words) {
  if (byId(id).textContent !== words) byId(id).textContent = words;
}
