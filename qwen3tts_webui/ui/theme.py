"""Gradio's theme: its base theme with system fonts. Colors are in assets/web/theme.css."""

from __future__ import annotations

import gradio as gr

_TEXT = ("system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "sans-serif")
_CODE = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")


def theme() -> gr.themes.Base:
    """Return the theme."""
    return gr.themes.Base(primary_hue="green", neutral_hue="stone", font=_TEXT, font_mono=_CODE)
