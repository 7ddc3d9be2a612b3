// The findings of the diagnostics as list items: those of the server, and what only the browser knows.

import { h } from "../../components/dom.js";

/** `report` is the answer of /api/doctor, or null. */
export function diagnosticLines(report, i18n) {
  const findings = [...(report?.lines ?? []), browserFinding(i18n)];
  return findings.map(({ level, text, action }) => {
    return h("li", { dataset: { level } }, text, ...(action ? [h("small", {}, action)] : []));
  });
}

/** Whether this browser may play live audio here. */
function browserFinding(i18n) {
  const canPlay = window.isSecureContext && "AudioWorkletNode" in window;
  if (canPlay) return { level: "ok", text: i18n.t("diagnostics.sound") };
  return { level: "problem", text: i18n.t("diagnostics.silent"), action: i18n.t("diagnostics.silent.action") };
}
