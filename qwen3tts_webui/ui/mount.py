"""Mount the page on a FastAPI app: its own files under /studio and /studio-VERSION, then Gradio at /.

The API's own routes come first; Gradio handles the rest. Audio does not pass through here: the modules request it from
/api.
"""

from __future__ import annotations

import json
import os
from functools import cache

import gradio as gr
from fastapi import FastAPI, Request
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse, Response

from qwen3tts_webui.config import Settings, asset
from qwen3tts_webui.speech import Speech, draw_seed
from qwen3tts_webui.ui.bootstrap_data import bootstrap_data
from qwen3tts_webui.ui.gradio_api import add_endpoints
from qwen3tts_webui.ui.gradio_files import gradio_files
from qwen3tts_webui.ui.page import build_page
from qwen3tts_webui.ui.page_head import PageHead, page_links
from qwen3tts_webui.ui.studio_files import studio_files
from qwen3tts_webui.ui.theme import theme
from qwen3tts_webui.ui.web_files import CHECK_EACH_TIME, KEEP, WebFile, WebFileRoute, read_files, version_of
from qwen3tts_webui.voices import suggest_description

_QUEUE_POLL_S = 0.01  # of the queue for Gradio's own clients; with Gradio's 1 ms it uses 6% of a core when idle
_PROGRESS_POLL_S = 1.0  # our endpoints report no progress


def mount_page(app: FastAPI, speech: Speech, settings: Settings) -> None:
    """Serve the page at /. Call it after all other routes were added."""
    bootstrap = json.dumps(bootstrap_data(speech, settings), ensure_ascii=False).encode()
    gradio = gradio_files()
    files = studio_files(gradio)
    studio = f"studio-{version_of(files)}"
    route = WebFileRoute()
    route.add("/studio", {**files, "bootstrap.json": WebFile.of("bootstrap.json", bootstrap)}, CHECK_EACH_TIME)
    route.add("/studio/icons", read_files(asset("icons")), CHECK_EACH_TIME)
    route.add(f"/{studio}", files, KEEP)
    route.add("/assets", gradio, KEEP)
    app.router.routes.insert(0, route)

    async def surprise(request: Request) -> Response:
        """A random description, in the language of the current one."""
        description = suggest_description(draw_seed(), "zh" if request.query_params.get("language") == "zh" else "en")
        return JSONResponse({"description": description}, headers={"Cache-Control": "no-store"})

    async def manifest(_: Request) -> Response:
        """Our manifest at the address of Gradio's, which the page links first."""
        return FileResponse(asset("web/manifest.webmanifest"), media_type="application/manifest+json")

    app.add_route("/manifest.json", manifest, include_in_schema=False)
    app.add_route("/studio/surprise.json", surprise, include_in_schema=False)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read by Gradio in many places; no argument covers them all
    page = build_page(settings)
    page._queue.sleep_when_free = _QUEUE_POLL_S
    page._queue.progress_update_sleep_when_free = _PROGRESS_POLL_S
    with page:
        add_endpoints(app, page, client_timeout_s=settings.client_timeout_s)

    @cache  # the theme's hash is known once the page is mounted
    def links() -> str:
        return page_links(studio, gradio, page.theme_hash)

    gr.mount_gradio_app(
        app,
        page,
        path="/",
        theme=theme(),
        css_paths=[asset("web/theme.css")],
        app_kwargs={"middleware": [Middleware(PageHead, markup=links)]},
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        max_file_size="64mb",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        show_error=False,
    )
