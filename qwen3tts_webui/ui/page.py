"""The page as a whole: four cards under a header. Read this first, then one region."""

from __future__ import annotations

import gradio as gr

from qwen3tts_webui.config import Settings
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.ui.events import bind_events
from qwen3tts_webui.ui.regions.header import header
from qwen3tts_webui.ui.regions.model import model_region
from qwen3tts_webui.ui.regions.player import player_region
from qwen3tts_webui.ui.regions.text import text_region
from qwen3tts_webui.ui.regions.voice import voice_region


def build_page(settings: Settings) -> gr.Blocks:
    """The page without audio: labels are in `settings.page_language` until the browser says which one is read."""
    say = Catalog("zh" if settings.page_language == "zh" else "en")
    page = gr.Blocks(title=say("page.title"), analytics_enabled=False, fill_width=True)
    with page:
        header()
        with gr.Column(elem_id="studio"):
            text = text_region(say)
            voice = voice_region(say)
            player = player_region(say)
        model_region()
        bind_events(text, voice, player)
    return page
