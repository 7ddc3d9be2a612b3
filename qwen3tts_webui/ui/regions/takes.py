"""Below the status: three takes side by side, whether all lines share one voice, and saving it.

Filled by take_comparison.js and save_voice.js in assets/web/regions/playback/.
"""

from __future__ import annotations

from qwen3tts_webui.ui.html import html

_TAKES = """
<div id="takes" hidden>
 <div class="takes-head"><b data-i18n="takes.title"></b>
  <label><input type="checkbox" id="blind"><span data-i18n="takes.blind"></span></label></div>
 <div id="takes-row" role="group" data-i18n-group="takes.title"></div>
 <p id="takes-hint" class="muted" role="status"></p>
</div>
<div class="bar">
 <button type="button" id="keep" class="button-outline" disabled data-i18n="save_voice.go"></button>
 <button type="button" id="compare-takes" class="button-outline" data-i18n="takes.three"></button>
 <button type="button" id="seed" class="chip" hidden></button>
 <p id="voice-continuity" hidden></p>
</div>"""


def takes_region() -> None:
    """Draw the block. No Gradio event uses its components."""
    html(_TAKES, elem_id="takes-block")
