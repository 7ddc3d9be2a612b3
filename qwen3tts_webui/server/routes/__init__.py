"""All HTTP and WebSocket routes."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import BaseRoute

from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.routes.analysis import analysis_router
from qwen3tts_webui.server.routes.docs import docs_router, example_of
from qwen3tts_webui.server.routes.exports import exports_router
from qwen3tts_webui.server.routes.history import history_router
from qwen3tts_webui.server.routes.lexicon import lexicon_router
from qwen3tts_webui.server.routes.login import login_router, token_router
from qwen3tts_webui.server.routes.models import models_router
from qwen3tts_webui.server.routes.normalization import normalization_router
from qwen3tts_webui.server.routes.openai import (
    OPENAI_PREFIX,
    OpenAIBody,
    OpenAIErrorRenderer,
    openai_router,
)
from qwen3tts_webui.server.routes.requests import requests_router
from qwen3tts_webui.server.routes.service import service_router
from qwen3tts_webui.server.routes.stream_links import stream_links_router
from qwen3tts_webui.server.routes.tts import tts_router
from qwen3tts_webui.server.routes.unknown_routes import unknown_routes_router
from qwen3tts_webui.server.routes.voices import voices_router
from qwen3tts_webui.server.routes.websocket import websocket_router

__all__ = ["OPENAI_PREFIX", "OpenAIBody", "OpenAIErrorRenderer", "example_of", "include_routes"]

_ROUTERS = (
    tts_router,
    stream_links_router,
    openai_router,
    websocket_router,
    requests_router,
    voices_router,
    history_router,
    exports_router,
    analysis_router,
    normalization_router,
    lexicon_router,
    models_router,
    service_router,
    login_router,
    token_router,
)


def include_routes(app: FastAPI, server: ServerContext) -> None:
    """Add all routes to `app`."""
    known: list[BaseRoute] = []
    for build in _ROUTERS:
        known += build(server).routes
    known += docs_router(app).routes
    app.router.routes += [*known, *unknown_routes_router(server, known).routes]
