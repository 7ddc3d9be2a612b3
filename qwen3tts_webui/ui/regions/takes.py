"""The strip of the last takes under the waveform, and below the status the buttons that make takes and save a voice.

Filled by take_strip.js and save_voice.js in assets/web/regions/playback/.
"""

from __future__ import annotations

from qwen3tts_webui.ui.html import html

_STRIP = """
<section id="takes" hidden data-i18n-group="takes.title">
 <div id="takes-row"></div>
 <label><input type="checkbox" id="match-level" data-i18n-label="takes.level.why">
  <span data-i18n="takes.level"></span></label>
 <label><input type="checkbox" id="blind"><span data-i18n="takes.blind"></span></label>
</section>"""

_BUTTONS = """
<div class="bar">
 <button type="button" id="new-reading" class="button-outline"><svg viewBox="0 0 16 16" aria-hidden="true">
  <rect x="2" y="2" width="12" height="12" rx="3"/><path d="M5.4 5.4h.01M10.6 10.6h.01M8 8h.01"/></svg>
  <span data-i18n="seed.new"></span> <span id="seed"></span></button>
 <button type="button" id="compare-takes" class="button-outline" data-i18n="takes.three"></button>
 <button type="button" id="keep" class="button-outline" disabled data-i18n="save_voice.go"></button>
 <p id="voice-continuity" hidden></p>
</div>"""


def takes_strip() -> None:
    """Draw the strip. No Gradio event uses its components."""
    html(_STRIP, elem_id="strip-block")


def takes_buttons() -> None:
    """Draw the buttons. No Gradio event uses them."""
    html(_BUTTONS, elem_id="takes-block")
