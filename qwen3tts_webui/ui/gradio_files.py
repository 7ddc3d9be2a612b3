"""The files of Gradio's frontend that the page loads, listed in assets/gradio_files.txt.

Their names contain a hash, so they are kept by browsers. Another version of Gradio has other names: those that it does
not have are left out, and it loads its own when it needs them, as it does everywhere.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from qwen3tts_webui.config import asset
from qwen3tts_webui.ui.web_files import WebFile

_FOLDER = Path(gr.__file__).parent / "templates" / "frontend" / "assets"


def gradio_files() -> dict[str, WebFile]:
    """Return the files by their name below /assets."""
    names = asset("gradio_files.txt").read_text(encoding="utf-8").split()
    paths = [_FOLDER / name for name in names]
    return {path.name: WebFile.of(path.name, path.read_bytes()) for path in paths if path.is_file()}
