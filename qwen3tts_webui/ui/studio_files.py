"""The page's own files: what is in assets/web, its scripts joined to page.js and its stylesheets to styles.css."""

from __future__ import annotations

from collections.abc import Mapping

from qwen3tts_webui.config import asset
from qwen3tts_webui.ui.joined_modules import join_modules
from qwen3tts_webui.ui.web_files import WebFile, read_files

_STYLES = (
    "page.css",
    "regions/header/header.css",
    "regions/text/text.css",
    "regions/voice/voice.css",
    "regions/voice/recording.css",
    "regions/playback/playback.css",
    "regions/playback/presenter.css",
    "regions/history/history.css",
    "regions/settings/settings.css",
    "regions/settings/lexicon.css",
    "regions/models/models.css",
    "desktop.css",
    "forced_colors.css",
)


def studio_files(gradio: Mapping[str, WebFile]) -> dict[str, WebFile]:
    """Return the files by their name below /studio; styles.css begins with the stylesheets among `gradio`."""
    files = read_files(asset("web"))
    scripts = {name: file.body.decode() for name, file in files.items() if name.endswith(".js")}
    styles = [file for name, file in gradio.items() if name.endswith(".css")] + [files[name] for name in _STYLES]
    files["page.js"] = WebFile.of("page.js", join_modules(scripts, "main.js").encode())
    files["styles.css"] = WebFile.of("styles.css", b"\n".join(file.body for file in styles))
    return files
