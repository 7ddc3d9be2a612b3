"""The numeric type of the engine, switched while it runs.

In: the name of a type, or "auto". Out: what changed, with the memory before and after. Engines that cannot be switched
say so in `choices`, which is empty then.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from qwen3tts_webui.errors import Unsupported
from qwen3tts_webui.server.http.json_body import read
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import PrecisionChange

_MAX_BYTES = 1_024


class PrecisionBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    precision: str = Field(description="One of the `choices` of the GET.", max_length=24)


def precision_router(speech: Speech) -> APIRouter:
    router = APIRouter(prefix="/api/settings/precision")

    @router.get("")
    def precision(response: Response) -> dict[str, Any]:
        """The present type, what can be chosen, and the bytes that weights and caches hold."""
        response.headers["Cache-Control"] = "no-store"
        engine = speech.precision
        return {
            "precision": speech.info.dtype,
            "choices": [] if engine is None else list(engine.precisions),
            "memory_bytes": None if engine is None else engine.memory_bytes,
        }

    @router.patch("")
    async def switch(request: Request) -> dict[str, Any]:
        """Answers once the engine speaks in the new type; requests that come meanwhile wait for it."""
        body = await read(request, PrecisionBody, max_bytes=_MAX_BYTES)
        engine = speech.precision
        if engine is None:
            raise Unsupported(engine=speech.info.label, feature="precision", instead="")
        future = await asyncio.to_thread(engine.switch, body.precision)
        switched: PrecisionChange = await asyncio.wrap_future(future)
        return asdict(switched)

    return router
