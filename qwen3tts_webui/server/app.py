"""The web application: builds the `ServerContext` and includes all routes. Start reading here.

In: a `Speech` and the settings. Out: a FastAPI app. Knows no engine; the page, if any, is passed in and mounted last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from qwen3tts_webui import __version__
from qwen3tts_webui.checkpoints import ModelInstaller
from qwen3tts_webui.config import Settings
from qwen3tts_webui.diagnostics import Finding
from qwen3tts_webui.errors import EngineStopped
from qwen3tts_webui.recognition import Recognizer
from qwen3tts_webui.server.auth import ApiKeyStore, BrowserSessions, secret_file
from qwen3tts_webui.server.context import GpuReading, ServerContext
from qwen3tts_webui.server.delivery import (
    ConnectionRegistry,
    Recorder,
    RecordingReader,
    RequestRegistry,
    SimilarityMeter,
    StreamLinks,
)
from qwen3tts_webui.server.http import ErrorRenderer
from qwen3tts_webui.server.middleware import RateLimiter, SecuredApp
from qwen3tts_webui.server.observability import Metrics
from qwen3tts_webui.server.routes import OPENAI_PREFIX, OpenAIErrorRenderer, include_routes
from qwen3tts_webui.server.shutdown import GracefulShutdown
from qwen3tts_webui.speech import Speech


def create_app(
    speech: Speech,
    settings: Settings,
    *,
    page: Callable[[FastAPI], None] | None = None,
    gpu: Callable[[], GpuReading | None] = lambda: None,
    model_installer: ModelInstaller | None = None,
    run_doctor: Callable[[], list[Finding]] | None = None,
    recognizer: Recognizer | None = None,
) -> FastAPI:
    """Build the app. `page` mounts the page on it, after all routes.

    `gpu` returns the latest GPU reading. Without `model_installer` no model can be downloaded; without `run_doctor`
    there is no /api/doctor. `recognizer` writes transcripts of recordings.
    """
    context = _build_context(speech, settings, gpu, model_installer, run_doctor, recognizer)
    speech.wrap_engine(context.metrics.instrument)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        context.requests.abort_all(EngineStopped())
        await context.recorder.close()
        context.meter.close()
        context.recordings.close()

    app = SecuredApp(
        context,
        title="Qwen3-TTS WebUI",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.shut_down = GracefulShutdown(context)
    context.errors.install(app)
    include_routes(app, context)
    if page is not None:
        page(app)
    return app


def _build_context(
    speech: Speech,
    settings: Settings,
    gpu: Callable[[], GpuReading | None],
    model_installer: ModelInstaller | None,
    run_doctor: Callable[[], list[Finding]] | None,
    recognizer: Recognizer | None,
) -> ServerContext:
    keys_file = settings.api_keys_file
    api_keys = ApiKeyStore(keys_file)
    return ServerContext(
        speech=speech,
        settings=settings,
        errors=ErrorRenderer({OPENAI_PREFIX: OpenAIErrorRenderer()}),
        api_keys=api_keys,
        sessions=BrowserSessions(api_keys, None if keys_file is None else secret_file(keys_file)),
        metrics=Metrics(lambda: speech.engines, lambda: speech.load, lambda: _memory_bytes(gpu())),
        rate_limiter=RateLimiter(settings.rate_limit, settings.client_streams),
        requests=RequestRegistry(),
        recorder=Recorder(speech.library),
        recordings=RecordingReader(speech, recognizer),
        meter=SimilarityMeter(speech, None if speech.library is None else speech.library.update_report),
        connections=ConnectionRegistry(),
        stream_links=StreamLinks(),
        gpu=gpu,
        model_installer=model_installer,
        run_doctor=run_doctor,
    )


def _memory_bytes(reading: GpuReading | None) -> tuple[int, int] | None:
    return None if reading is None else (reading.used_bytes, reading.total_bytes)
