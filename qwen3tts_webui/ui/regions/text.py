"""The text: one line is one segment. Line numbers and the character count are drawn by assets/web/regions/text/."""

from __future__ import annotations

from typing import NamedTuple

import gradio as gr

from qwen3tts_webui.i18n import Catalog
from qwen3tts_webui.ui.html import html

_FOOTER = """
<div class="card-footer">
 <span id="text-count"></span>
 <span id="text-notice" role="status"></span>
 <span><span id="text-hint" data-i18n="text.hint"></span>
 <button type="button" class="tool" id="open-file" data-i18n-label="text.open"><svg class="icon" viewBox="0 0 16 16"
  aria-hidden="true"><path d="M1.8 12.5v-9h4l1.6 2h6.8v7z"/></svg></button>
 <button type="button" class="tool" id="undo" disabled data-i18n-label="edit.undo">↶</button>
 <button type="button" class="tool" id="redo" disabled data-i18n-label="edit.redo">↷</button></span>
</div>"""


class TextRegion(NamedTuple):
    """The components that events use."""

    text: gr.Textbox


def text_region(t: Catalog) -> TextRegion:
    """Draw the text field."""
    with gr.Column(elem_id="text-card", elem_classes="card"):
        text = gr.Textbox(
            label=t("text.label"),
            placeholder=t("text.placeholder"),
            lines=9,
            max_lines=9,
            elem_id="text",
        )
        html(_FOOTER, elem_id="text-foot")
    return TextRegion(text)
