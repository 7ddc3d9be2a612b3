"""The waveform with its controls, and the card with status, error and Generate.

Drawn by assets/web/regions/playback/. `apply_values` is hidden: the page's own code clicks it to write values into
text, language and description (a restored draft, a chosen preset).
"""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.ui.html import html
from qwen3tts_webui.ui.regions.takes import takes_buttons, takes_strip

_WAVE = """
<div class="wave-head"><h2 data-i18n="wave.title"></h2><span id="takes-hint" role="status"></span></div>
<canvas id="wave" tabindex="0" role="slider" aria-valuemin="0" aria-valuemax="0" aria-valuenow="0"
 data-i18n-label="wave.label"></canvas>
<div class="times"><span id="time-now"></span><span id="first-audio"></span><span id="time-all"></span></div>
<div class="bar">
 <button type="button" id="play" class="button-outline" disabled></button>
 <a id="download" class="button-outline" role="link" data-export="audio?format=wav" download
  data-i18n="player.download"></a>
 <details id="export-menu" class="menu">
  <summary class="button-outline" data-i18n="export.more"></summary>
  <div class="sheet">
   {links}
   <hr>
   <button type="button" id="copy-curl" data-i18n="export.curl"></button>
   <button type="button" id="copy-python" data-i18n="export.python"></button>
   <a href="docs" target="_blank" rel="noopener" data-i18n="export.api"></a>
  </div>
 </details>
 <button type="button" id="open-presenter" class="button-outline" data-i18n="presenter.open"></button>
</div>"""

_LINK = '<a role="link" data-export="{route}" download data-i18n="export.{name}"></a>'
_EXPORTS = {  # i18n key -> path below the URL of the request or history entry
    "flac": "audio?format=flac",
    "mp3": "audio?format=mp3",
    "opus": "audio?format=opus",
    "zip": "segments.zip",
    "srt": "subtitles?format=srt",
    "vtt": "subtitles?format=vtt",
    "picture": "picture.png?language={language}",
}

_STATE = """
<h2 data-i18n="status.title"></h2>
<p id="status" role="status" aria-live="polite"></p>
<button type="button" id="go-on" class="button-outline" hidden></button>
<div id="error" role="alert" hidden>
 <p id="error-sentence"></p>
 <p id="error-cause"></p>
 <button type="button" id="retry" class="button-outline"></button>
 <details><summary data-i18n="error.page.details"></summary><code id="error-details"></code></details>
</div>"""


class PlayerRegion(NamedTuple):
    """The components that events use."""

    generate: gr.Button
    apply_values: gr.Button


def player_region(t: Catalog) -> PlayerRegion:
    """Draw the waveform, and the card with status and Generate."""
    with gr.Column(elem_id="wave-card", elem_classes="card"):
        links = "\n".join(_LINK.format(name=name, route=route) for name, route in _EXPORTS.items())
        html(_WAVE.format(links=links), elem_id="wave-block")
        takes_strip()
    with gr.Column(elem_id="generate-card", elem_classes="card"):
        html(_STATE, elem_id="state-block")
        takes_buttons()
        apply_values = gr.Button(visible="hidden", elem_id="apply-values")
        generate = gr.Button(t("generate.go"), variant="primary", elem_id="generate")
    return PlayerRegion(generate, apply_values)
