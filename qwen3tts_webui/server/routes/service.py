"""The service itself: liveness, readiness, metrics, engine info, GPU, precision and diagnostics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse

from qwen3tts_webui import __version__
from qwen3tts_webui.audio import FORMATS
from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.diagnostics import Finding, render_findings
from qwen3tts_webui.errors import NotReady, Unsupported, loading_reason
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import body_openapi, new_router, read_json
from qwen3tts_webui.server.schemas import Body
from qwen3tts_webui.speech import SPEED_RANGE
from qwen3tts_webui.types import SAMPLE_RATE, EngineInfo, EngineLoad, LoadState, PrecisionChange

_MAX_BYTES = 1_024


class PrecisionBody(Body):
    """`PATCH /api/settings/precision`."""

    precision: str = Field(description="One of the `choices` of the GET.", max_length=24)


def service_router(server: ServerContext) -> APIRouter:
    router = new_router()
    speech = server.speech

    @router.head("/health", include_in_schema=False)
    @router.get("/health")
    async def health() -> dict[str, str]:
        """The process is running."""
        return {"status": "ok"}

    @router.head("/ready", include_in_schema=False)
    @router.get("/ready")
    async def ready(response: Response) -> dict[str, Any]:
        """200 once requests are served, 503 before. `status`: "ready"; "unloaded" or "waking" for an idle model."""
        if not speech.ready:
            raise NotReady(reason=loading_reason(speech.info.label))
        response.headers["Cache-Control"] = "no-store"
        state = speech.load_state
        return {
            "status": "ready" if state.state == "loaded" else state.state,
            "load_s": state.load_s,
            "engine": speech.info.name,
            "preview": speech.info.preview,
        }

    @router.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """Prometheus metrics; without a GPU those of its memory are absent."""
        headers = {"Cache-Control": "no-store"}
        return Response(server.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4, headers=headers)

    @router.get("/api/info")
    async def info() -> dict[str, Any]:
        """The active engine and its features, all `engines`, their load, languages, limits and speech recognizer."""
        facts = zip(speech.engines, speech.load_states, speech.speeds, strict=False)
        engines = [_engine_json(info, state, speed) for info, state, speed in facts]
        return {
            **engines[0],
            "engines": engines,
            "version": __version__,
            "ready": speech.ready,
            "load": _load_json(speech.load),
            "language_names": speech.languages,
            "limits": {"text": speech.max_text, "description": MAX_DESCRIPTION, "speed": list(SPEED_RANGE)},
            "formats": list(FORMATS),
            "recognizer": server.recordings.recognizer_label,
            "sample_rate": SAMPLE_RATE,
        }

    @router.get("/api/gpu")
    async def gpu(response: Response) -> dict[str, int | None]:
        """GPU utilization and memory; null if unknown."""
        response.headers["Cache-Control"] = "no-store"
        reading = server.gpu()
        names = ("util_percent", "used_bytes", "total_bytes")
        return {name: None if reading is None else int(getattr(reading, name)) for name in names}

    _add_precision_routes(router, server)
    if server.run_doctor is not None:
        _add_doctor_route(router, server, server.run_doctor)
    return router


def _engine_json(info: EngineInfo, state: LoadState, speed: float | None) -> dict[str, Any]:
    speed = None if speed is None else round(speed, 2)
    return {**asdict(info), "features": sorted(info.features), "load_state": asdict(state), "speed": speed}


def _load_json(load: EngineLoad) -> dict[str, int]:
    """Without what is known of the clients."""
    return {"running": load.running, "queued": load.queued, "slots": load.slots, "queue_size": load.queue_size}


def _add_precision_routes(router: APIRouter, server: ServerContext) -> None:
    speech = server.speech

    @router.get("/api/settings/precision")
    def precision(response: Response) -> dict[str, Any]:
        """The current dtype, the choices (none if the engine cannot switch), and the bytes of weights and caches."""
        response.headers["Cache-Control"] = "no-store"
        engine = speech.precision
        return {
            "precision": speech.info.dtype,
            "choices": [] if engine is None else list(engine.precisions),
            "memory_bytes": None if engine is None else engine.memory_bytes,
        }

    @router.patch("/api/settings/precision", **body_openapi(PrecisionBody))
    async def switch(request: Request) -> dict[str, Any]:
        """Switch the dtype. Responds once the engine uses it, with the memory before and after; new requests wait."""
        body = await read_json(request, PrecisionBody, max_bytes=_MAX_BYTES)
        engine = speech.precision
        if engine is None:
            raise Unsupported(engine=speech.info.label, feature="precision")
        future = await asyncio.to_thread(engine.switch, body.precision)
        change: PrecisionChange = await asyncio.wrap_future(future)
        return asdict(change)


def _add_doctor_route(router: APIRouter, server: ServerContext, run_doctor: Callable[[], list[Finding]]) -> None:
    @router.get("/api/doctor")
    async def doctor(request: Request, response: Response) -> dict[str, Any]:
        """Diagnose this machine: `{"ok", "lines": [{"topic", "level", "text", "action"}]}`, localized."""
        response.headers["Cache-Control"] = "no-store"
        findings = await run_in_threadpool(run_doctor)
        catalog = server.errors.catalog(request.headers.get("accept-language", ""))
        return {
            "ok": all(finding.level != "problem" for finding in findings),
            "lines": render_findings(findings, catalog),
        }
