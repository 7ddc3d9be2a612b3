"""`POST /api/tts`: the main route. In: JSON. Out: sound, or an error that says what is wrong before any byte of it."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from ..config import MAX_DESCRIPTION, Settings
from ..errors import InvalidValue
from ..speech import Speech
from .body import read
from .problems import Problems
from .recording import Recorder
from .runs import Runs
from .schemas import SpeakBody
from .sound import SoundResponse

_MAX_DEADLINE_MS = 86_400_000
_LONG_TEXT = 1_000  # characters; cutting more than that would hold up everybody's sound by more than 5 ms
_BYTES_A_CHARACTER = 12  # the longest JSON spelling: an escaped surrogate pair


def tts_router(speech: Speech, settings: Settings, runs: Runs, recorder: Recorder, problems: Problems) -> APIRouter:
    """The route; `runs` remembers what it did, `recorder` keeps the sound."""
    router = APIRouter()
    max_bytes = _BYTES_A_CHARACTER * (settings.max_text + MAX_DESCRIPTION) + 4_096

    async def tts(request: Request) -> Response:
        """Speak a text in a voice that is described in plain words."""
        received = time.monotonic()
        headers = request.headers
        request_id = runs.new_id(headers.get("x-request-id"))
        deadline = _deadline(headers.get("x-deadline-ms"), received)
        body = await read(request, SpeakBody, max_bytes=max_bytes)
        client = request.client.host if request.client else ""
        asked = body.request(request_id=request_id, client=client, deadline=deadline)
        if len(body.text) > _LONG_TEXT:
            speaking = await asyncio.to_thread(speech.speak, asked)
        else:
            speaking = speech.speak(asked)
        return SoundResponse(
            runs.open(request_id, speaking, received),
            speech.info,
            recorder,
            problems,
            streaming=body.streaming,
            wish=headers.get("accept-language", ""),
        )

    router.add_api_route(
        "/api/tts",
        tts,
        methods=["POST"],
        response_class=Response,
        responses=_documented_responses(),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": SpeakBody.model_json_schema()}},
            }
        },
    )
    return router


def _deadline(header: str | None, received: float) -> float | None:
    """`X-Deadline-Ms`: milliseconds from now until the last byte, on the monotonic clock."""
    if header is None:
        return None
    if not (header.isascii() and header.isdecimal() and len(header) < 12 and 0 < int(header) <= _MAX_DEADLINE_MS):
        raise InvalidValue(field="X-Deadline-Ms", expected=f"1 … {_MAX_DEADLINE_MS}", got="something else")
    return received + int(header) / 1000


def _documented_responses() -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: what comes back, error by error."""
    documented: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase} for status in (400, 413, 415, 422, 429, 500, 503, 504)
    }
    documented[200] = {"description": "The sound", "content": {"audio/pcm": {}, "audio/wav": {}}}
    return documented
