"""How the service is: alive, able to speak, who speaks, how busy the GPU is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import PlainTextResponse

from qwen3tts_webui import __version__
from qwen3tts_webui.audio.encode import FORMATS
from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import NotReady, loading_reason
from qwen3tts_webui.server.observability.metrics import Metrics
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import SAMPLE_RATE


class GpuReading(Protocol):
    """One look at the GPU; bytes of the whole card."""

    @property
    def util_percent(self) -> int: ...

    @property
    def used_bytes(self) -> int: ...

    @property
    def total_bytes(self) -> int: ...


def ops_router(speech: Speech, gpu: Callable[[], GpuReading | None], metrics: Metrics) -> APIRouter:
    """`gpu` gives the latest reading, or None where there is none: then every figure is null, never 0."""
    router = APIRouter()

    @router.head("/health", include_in_schema=False)
    @router.get("/health")
    async def health() -> dict[str, str]:
        """The process is up."""
        return {"status": "ok"}

    @router.head("/ready", include_in_schema=False)
    @router.get("/ready")
    async def ready(response: Response) -> dict[str, Any]:
        """200 once something can speak without a warm-up, 503 before."""
        if not speech.ready:
            raise NotReady(reason=loading_reason(speech.info.label))
        response.headers["Cache-Control"] = "no-store"
        return {"status": "ready", "engine": speech.info.name, "preview": speech.info.preview}

    @router.get("/metrics", response_class=PlainTextResponse)
    def figures() -> Response:
        """Figures for Prometheus; a machine without a GPU has none of its memory."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})

    @router.get("/api/info")
    async def info() -> dict[str, Any]:
        """Who speaks and what it can do, how busy it is, the languages and the limits."""
        spoken = asdict(speech.info)
        spoken["features"] = sorted(speech.info.features)
        return {
            **spoken,
            "version": __version__,
            "ready": speech.ready,
            "load": asdict(speech.load),
            "language_names": speech.languages,
            "limits": {"text": speech.max_text, "description": MAX_DESCRIPTION, "speed": [0.5, 2.0]},
            "formats": list(FORMATS),
            "sample_rate": SAMPLE_RATE,
        }

    @router.get("/api/gpu")
    async def gpu_reading(response: Response) -> dict[str, int | None]:
        """How busy the GPU is; null where nobody can say."""
        response.headers["Cache-Control"] = "no-store"
        reading = gpu()
        names = ("util_percent", "used_bytes", "total_bytes")
        return {name: None if reading is None else int(getattr(reading, name)) for name in names}

    return router
