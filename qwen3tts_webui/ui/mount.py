"""Mount the page on a FastAPI app: the JavaScript modules under /studio, then Gradio at /.

The API's own routes come first; Gradio handles the rest. Audio does not pass through here: the modules request it from
/api.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re

import gradio as gr
from fastapi import FastAPI, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from qwen3tts_webui.config import Settings, asset
from qwen3tts_webui.speech import Speech, draw_seed
from qwen3tts_webui.ui.bootstrap_data import bootstrap_data
from qwen3tts_webui.ui.gradio_api import add_endpoints
from qwen3tts_webui.ui.page import build_page
from qwen3tts_webui.ui.theme import theme
from qwen3tts_webui.voices import suggest_description

_HEAD = """
<link rel="stylesheet" href="studio/page.css">
<link rel="stylesheet" href="studio/regions/header/header.css">
<link rel="stylesheet" href="studio/regions/text/text.css">
<link rel="stylesheet" href="studio/regions/voice/voice.css">
<link rel="stylesheet" href="studio/regions/voice/recording.css">
<link rel="stylesheet" href="studio/regions/playback/playback.css">
<link rel="stylesheet" href="studio/regions/history/history.css">
<link rel="stylesheet" href="studio/desktop.css">
<link rel="stylesheet" href="studio/forced_colors.css">
<link rel="icon" type="image/svg+xml" href="studio/icons/icon.svg">
<link rel="apple-touch-icon" href="studio/icons/icon-192.png">
<meta name="theme-color" content="#f6f6f3">
<script type="module" src="studio/main.js"></script>
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


class NoCacheStaticFiles(StaticFiles):
    """Static files that the browser revalidates each time (by ETag): an update never mixes with cached files."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def mount_page(app: FastAPI, speech: Speech, settings: Settings) -> None:
    """Serve the page at /. Call it after all other routes were added."""
    body = json.dumps(bootstrap_data(speech, settings), ensure_ascii=False).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'

    async def bootstrap_json(request: Request) -> Response:
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

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
    app.mount("/studio/icons", NoCacheStaticFiles(directory=asset("icons")))
    app.mount("/studio", NoCacheStaticFiles(directory=asset("web")))
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read by Gradio in many places; no argument covers them all
    page = build_page(settings)
    with page:
        add_endpoints(app)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=theme(),
        css_paths=[asset("web/theme.css")],
        head=_HEAD + "".join(f'<link rel="modulepreload" href="studio/{name}">\n' for name in _preloads()),
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        max_file_size="64mb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        show_error=False,
    )
