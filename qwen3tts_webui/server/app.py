"""The web application: all routes joined. Start here.

In: a `Speech` and the settings. Out: a FastAPI app. Knows no engine; the page, if there is one, is handed in and comes
last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from qwen3tts_webui import __version__
from qwen3tts_webui.config import Settings
from qwen3tts_webui.diagnostics import Line
from qwen3tts_webui.errors import EngineStopped
from qwen3tts_webui.checkpoints.desk import Desk
from qwen3tts_webui.server.auth.api_keys import Keys
from qwen3tts_webui.server.auth.browser_sessions import Sessions, secret_file
from qwen3tts_webui.server.delivery.recorder import Recorder
from qwen3tts_webui.server.delivery.request_registry import Runs
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.http.openapi import WRONG_QUERY
from qwen3tts_webui.server.middleware.rate_limits import Gate
from qwen3tts_webui.server.middleware.stack import GuardedApp
from qwen3tts_webui.server.observability.metrics import Metrics
from qwen3tts_webui.server.routes import openai
from qwen3tts_webui.server.routes.docs import docs_router
from qwen3tts_webui.server.routes.doctor import doctor_router
from qwen3tts_webui.server.routes.exports import exports_router
from qwen3tts_webui.server.routes.history import studio_router
from qwen3tts_webui.server.routes.login import login_router
from qwen3tts_webui.server.routes.models import models_router, no_models_router
from qwen3tts_webui.server.routes.precision import precision_router
from qwen3tts_webui.server.routes.requests import requests_router
from qwen3tts_webui.server.routes.service import GpuReading, ops_router
from qwen3tts_webui.server.routes.tts import tts_router
from qwen3tts_webui.server.routes.voices import voices_router
from qwen3tts_webui.server.routes.websocket import Talks, websocket_router
from qwen3tts_webui.server.shutdown import Ending
from qwen3tts_webui.speech import Speech


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
    problems, runs, recorder = Problems({openai.PREFIX: openai_problems}), Runs(), Recorder(speech.library)
    gate, talks = Gate(settings.rate_limit, settings.client_streams), Talks()
    file = settings.api_keys_file
    keys = Keys(file)
    sessions = Sessions(keys, None if file is None else secret_file(file))
    metrics = Metrics(lambda: speech.info, lambda: speech.load, lambda: _memory(gpu()))
    speech.pass_through(metrics.around)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        runs.end_all(EngineStopped())
        await recorder.close()

    app = GuardedApp(
        settings,
        keys=keys,
        sessions=sessions,
        gate=gate,
        problems=problems,
        metrics=metrics,
        title="Qwen3-TTS WebUI",
        version=__version__,
        responses=WRONG_QUERY,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.ending = Ending(gate, runs, talks)
    problems.guard(app)
    app.include_router(tts_router(speech, settings, runs, recorder, problems))
    app.include_router(openai.openai_router(speech, settings, runs, recorder, openai_problems))
    app.include_router(login_router(keys, sessions, gate, problems))
    app.include_router(docs_router(app))
    app.include_router(requests_router(runs, recorder))
    app.include_router(voices_router(speech, runs, recorder))
    app.include_router(studio_router(speech.library, runs))
    app.include_router(exports_router(speech.library, runs))
    app.include_router(precision_router(speech))
    app.include_router(websocket_router(speech, settings, gate, talks, runs, recorder, problems))
    app.include_router(ops_router(speech, gpu, metrics))
    app.include_router(no_models_router() if desk is None else models_router(desk, problems))
    if examine is not None:
        app.include_router(doctor_router(examine, problems))
    if page is not None:
        page(app)
    return app


def _memory(reading: GpuReading | None) -> tuple[int, int] | None:
    return None if reading is None else (reading.used_bytes, reading.total_bytes)
