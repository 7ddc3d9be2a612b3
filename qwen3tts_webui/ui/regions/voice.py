"""The voice: language, preset and saved voices as cards, and the description with its helpers.

The cards and the checklist are drawn by assets/web/regions/voice/.
"""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.text import AUTO, LANGUAGES
from qwen3tts_webui.ui.html import html

_TABS = """
<div id="tabs" role="group" data-i18n-group="voice.tabs">
 <button type="button" id="tab-library" aria-pressed="true" data-i18n="voice.library"></button>
 <button type="button" id="tab-mine" aria-pressed="false"></button>
 <button type="button" id="tab-recording" aria-pressed="false" data-i18n="recording.tab"></button>
</div>"""

_IDEAS = """
<div class="chips">
 <button type="button" id="surprise" class="chip" data-i18n="traits.surprise"></button>
 <button type="button" id="examples-open" class="chip" data-i18n="examples.open"></button>
</div>"""

_CHECKLIST = """
<div id="checklist" class="chips" role="group" data-i18n-group="traits.title"></div>
<div class="card-footer"><span id="description-hint" role="status"></span><span id="description-count"></span></div>"""


class VoiceRegion(NamedTuple):
    """The components that events use."""

    language: gr.Dropdown
    description: gr.Textbox


def voice_region(t: Catalog) -> VoiceRegion:
    """Draw the language, the voices and the description."""
    choices = [("自动 · Auto", AUTO), *((language.native, language.code) for language in LANGUAGES)]
    with gr.Column(elem_id="voice-card", elem_classes="card"):
        language = gr.Dropdown(choices, value=AUTO, label=t("language.label"), elem_id="language", filterable=False)
        html(_TABS, elem_id="tabs-block")
        html('<div id="presets" role="group" data-i18n-group="voice.presets"></div>', elem_id="presets-block")
        html(_IDEAS, elem_id="ideas")
        description = gr.Textbox(
            label=t("description.label"),
            placeholder=t("description.placeholder"),
            lines=2,
            max_lines=12,
            elem_id="description",
        )
        html(_CHECKLIST, elem_id="description-foot")
    return VoiceRegion(language, description)
