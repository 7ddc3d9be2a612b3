"""The header: the active engine, three metrics, and the buttons. Filled by assets/web/regions/header/."""

from __future__ import annotations

from qwen3tts_webui.ui.html import html

_METRIC = """
<div class="metric" id="metric-{name}" tabindex="0" role="group" data-i18n-group="header.{name}"
 aria-describedby="split-{name}">
 <dl><dt data-i18n="header.{name}"></dt><dd>–</dd></dl><div class="split" id="split-{name}" role="tooltip"></div>
</div>"""

_HEADER = """
<header class="page-header">
 <h1 data-i18n="page.title"></h1>
 <div id="engine" data-kind="away">
  <button type="button" id="engine-open" aria-haspopup="dialog"><span id="engine-label" data-i18n="engine.away"></span>
   <b id="engine-next"></b></button>
 </div>
 <div class="metrics">{metrics}</div>
 <div class="icons">
  <button type="button" id="history-open" data-i18n-label="history.open"><svg viewBox="0 0 16 16" aria-hidden="true">
   <circle cx="8" cy="8" r="6.2"/><path d="M8 4.4V8l2.4 1.6"/></svg></button>
  <button type="button" id="page-language" data-i18n="page.other" data-i18n-label="page.switch"></button>
  <button type="button" id="theme" data-i18n-label="page.theme"><svg viewBox="0 0 16 16" aria-hidden="true">
   <circle cx="8" cy="8" r="6.2"/><path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z"/></svg></button>
  <button type="button" id="settings-open" data-i18n-label="settings.open"><svg viewBox="0 0 16 16" aria-hidden="true">
   <path d="M2 4.5h7m3 0h2M2 11.5h2m3 0h7"/><circle cx="10.5" cy="4.5" r="1.8"/>
   <circle cx="5.5" cy="11.5" r="1.8"/></svg></button>
 </div>
</header>"""


def header() -> None:
    """Draw the header. No Gradio event uses its components."""
    metrics = "".join(_METRIC.format(name=name) for name in ("latency", "total", "gpu"))
    html(_HEADER.format(metrics=metrics), elem_id="header")
