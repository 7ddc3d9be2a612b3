"""The voice: language, the presets of that language as cards, and the description in words.

The cards are drawn by assets/player/voices.js from the presets that `mount_page` serves.
"""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from ..i18n import Catalog
from ..text.language import AUTO, LANGUAGES
from .markup import html


class VoiceRegion(NamedTuple):
    language: gr.Dropdown
    description: gr.Textbox


def voice_region(say: Catalog) -> VoiceRegion:
    choices = [("自动 · Auto", AUTO), *((language.native, language.code) for language in LANGUAGES)]
    with gr.Column(elem_id="voice-card", elem_classes="card"):
        language = gr.Dropdown(choices, value=AUTO, label=say("language.label"), elem_id="language", filterable=False)
        html('<div id="presets" role="group" data-i18n-group="voice.presets"></div>', elem_id="presets-block")
        description = gr.Textbox(
            label=say("description.label"),
            placeholder=say("description.placeholder"),
            lines=3,
            max_lines=6,
            elem_id="description",
        )
        html('<div class="foot"><span></span><span id="description-count"></span></div>', elem_id="description-foot")
    return VoiceRegion(language, description)
