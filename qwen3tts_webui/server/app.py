"""The web application: all routes joined. Start here.

In: a `Speech` and the settings. Out: a FastAPI app. Knows no engine; the page, if there is one, is handed in and comes
last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .. import __version__
from ..config import Settings
from ..doctor import Line
from ..models.desk import Desk
from ..speech import Speech
from . import openai
from .doctor import doctor_router
from .models import models_router, no_models_router
from .ops import GpuReading, ops_router
from .problems import Problems
from .recording import Recorder
from .requests import requests_router
from .runs import Runs
from .studio import studio_router
from .tts import tts_router
from .voices import voices_router

_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(
    speech: Speech,
    settings: Settings,
    *,
    page: Callable[[FastAPI], None] | None = None,
    gpu: Callable[[], GpuReading | None] = lambda: None,
    desk: Desk | None = None,
    examine: Callable[[], list[Line]] | None = None,
) -> FastAPI:
    """`page` mounts the page on the app, after all routes; `gpu` gives the latest reading of the GPU.

    `desk` brings models here, `examine` asks the doctor; without them there are none and there is no such route.
    """
    openai_problems = openai.OpenAIProblems()
    problems, runs, recorder = Problems(), Runs(), Recorder(speech.library)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        runs.cancel_all()
        await recorder.close()

    app = FastAPI(
        title="Qwen3-TTS WebUI", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    problems.guard(app, {openai.PREFIX: openai_problems})
    app.add_middleware(_SecurityHeaders)
    app.include_router(tts_router(speech, settings, runs, recorder, problems))
    app.include_router(openai.openai_router(speech, settings, runs, recorder, openai_problems))
    app.include_router(requests_router(runs, recorder))
    app.include_router(voices_router(speech, runs, recorder))
    app.include_router(studio_router(speech.library, runs))
    app.include_router(ops_router(speech, gpu))
    app.include_router(no_models_router() if desk is None else models_router(desk, problems))
    if examine is not None:
        app.include_router(doctor_router(examine, problems))
    if page is not None:
        page(app)
    return app


class _SecurityHeaders:
    """Adds what every answer should say; plain ASGI, because a wrapper around the body would delay the sound."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
