"""Mount the page on a FastAPI app: its own files under /studio and /studio-VERSION, then Gradio at /.

The API's own routes come first; Gradio handles the rest. Audio does not pass through here: the modules request it from
/api.
"""

from __future__ import annotations

import json
import os
import posixpath
import re

import gradio as gr
from fastapi import FastAPI, Request
from starlette.responses import FileResponse, JSONResponse, Response

from qwen3tts_webui.config import Settings, asset
from qwen3tts_webui.speech import Speech, draw_seed
from qwen3tts_webui.ui.bootstrap_data import bootstrap_data
from qwen3tts_webui.ui.gradio_api import add_endpoints
from qwen3tts_webui.ui.page import build_page
from qwen3tts_webui.ui.theme import theme
from qwen3tts_webui.ui.web_files import CHECK_EACH_TIME, KEEP, WebFile, WebFiles
from qwen3tts_webui.voices import suggest_description

_STYLES = (
    "page.css",
    "regions/header/header.css",
    "regions/text/text.css",
    "regions/voice/voice.css",
    "regions/voice/recording.css",
    "regions/playback/playback.css",
    "regions/history/history.css",
    "regions/models/models.css",
    "desktop.css",
    "forced_colors.css",
)
_HEAD = """
<link rel="stylesheet" href="{studio}/styles.css">
<link rel="icon" type="image/svg+xml" href="studio/icons/icon.svg">
<link rel="apple-touch-icon" href="studio/icons/icon-192.png">
<meta name="theme-color" content="#f6f6f3">
<link rel="preload" as="fetch" crossorigin="anonymous" href="studio/bootstrap.json">
<script type="module" src="{studio}/main.js"></script>
"""


def _preloads(module: str = "main.js", known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return `module` and everything it imports statically, for preload links: one round trip instead of several."""
    known = (*known, module)
    source = asset(f"web/{module}").read_text(encoding="utf-8")
    for name in re.findall(r'^import [^;]*"(\.[\w./]+)";', source, re.MULTILINE):
        imported = posixpath.normpath(posixpath.join(posixpath.dirname(module), name))
        if imported not in known:
            known = _preloads(imported, known)
    return known


def _head(studio: str) -> str:
    """Return what the page loads, from the folder `studio`."""
    preloads = "".join(f'<link rel="modulepreload" href="{studio}/{name}">\n' for name in _preloads())
    return _HEAD.format(studio=studio) + preloads


def mount_page(app: FastAPI, speech: Speech, settings: Settings) -> None:
    """Serve the page at /. Call it after all other routes were added."""
    bootstrap = json.dumps(bootstrap_data(speech, settings), ensure_ascii=False).encode()
    bootstrap_file = WebFile.of("bootstrap.json", bootstrap)
    files, icons = WebFiles(asset("web")), WebFiles(asset("icons"))
    files.join("styles.css", _STYLES)
    studio = f"studio-{files.version}"

    async def bootstrap_json(request: Request) -> Response:
        return bootstrap_file.response(request, CHECK_EACH_TIME)

    async def surprise(request: Request) -> Response:
        """A random description, in the language of the current one."""
        description = suggest_description(draw_seed(), "zh" if request.query_params.get("language") == "zh" else "en")
        return JSONResponse({"description": description}, headers={"Cache-Control": "no-store"})

    async def manifest(_: Request) -> Response:
        """Our manifest at the address of Gradio's, which the page links first."""
        return FileResponse(asset("web/manifest.webmanifest"), media_type="application/manifest+json")

    app.add_route("/manifest.json", manifest, include_in_schema=False)
    app.add_route("/studio/bootstrap.json", bootstrap_json, include_in_schema=False)
    app.add_route("/studio/surprise.json", surprise, include_in_schema=False)
    for path, route in (
        ("/studio/icons", icons.route(CHECK_EACH_TIME)),
        ("/studio", files.route(CHECK_EACH_TIME)),
        (f"/{studio}", files.route(KEEP)),
    ):
        app.add_route(f"{path}/{{name:path}}", route, include_in_schema=False)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read by Gradio in many places; no argument covers them all
    page = build_page(settings)
    with page:
        add_endpoints(app, page, client_timeout_s=settings.client_timeout_s)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=theme(),
        css_paths=[asset("web/theme.css")],
        head=_head(studio),
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        max_file_size="64mb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        show_error=False,
    )
