"""The whole page: four cards below a header. Start reading here, then in regions/."""

from __future__ import annotations

import gradio as gr

from qwen3tts_webui.config import Settings
from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.ui.events import bind_events
from qwen3tts_webui.ui.regions import header, model_region, player_region, text_region, voice_region


def build_page(settings: Settings) -> gr.Blocks:
    """The page without audio: labels are in `settings.page_language` until the browser sets its own language."""
    t = Catalog("zh" if settings.page_language == "zh" else "en")
    page = gr.Blocks(title=t("page.title"), analytics_enabled=False, fill_width=True)
    with page:
        header()
        with gr.Column(elem_id="studio"):
            text = text_region(t)
            voice = voice_region(t)
            player = player_region(t)
        model_region()
        bind_events(text, voice, player)
    return page
