"""What the head of a request says, the same for every route that speaks; and how one is begun.

In: an HTTP request. Out: who asks, under which id, until when and in which language; then a `Run`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import Request
from starlette.datastructures import Headers

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.server.delivery.request_registry import Run, Runs
from qwen3tts_webui.server.middleware.rate_limits import caller_of
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import SpeechRequest

_MAX_DEADLINE_MS = 86_400_000
_LONG_TEXT = 1_000  # characters; cutting more than that would hold up everybody's sound by more than 5 ms

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`received` and `deadline` are on the monotonic clock; `wish` is the `Accept-Language`."""

    request_id: str
    client: str
    received: float
    deadline: float | None
    wish: str

    @classmethod
    def of(cls, request: Request, runs: Runs) -> Asked:
        """Raises `InvalidValue` for a header that is wrong."""
        received = time.monotonic()
        headers = request.headers
        return cls(
            request_id=runs.new_id(_only(headers, "X-Request-Id")),
            client=caller_of(request.scope),
            received=received,
            deadline=_deadline(_only(headers, "X-Deadline-Ms"), received),
            wish=headers.get("accept-language", ""),
        )


async def begin(speech: Speech, runs: Runs, request: SpeechRequest, received: float) -> Run:
    """Submit `request` and remember it. Raises what `Speech.speak` raises."""
    speaking = await apart(slow(request), lambda: speech.speak(request))
    return runs.open(request.request_id, speaking, received)


def slow(request: SpeechRequest) -> bool:
    """Its text takes a while to cut, or its voice is read from disk."""
    return len(request.text) > _LONG_TEXT or request.voice_id is not None


async def apart(slow: bool, work: Callable[[], Result]) -> Result:
    """What `work` gives; what is `slow` is done in a thread, what is not is done at once."""
    return await asyncio.to_thread(work) if slow else work()


def _only(headers: Headers, name: str) -> str | None:
    """The header that may come once."""
    found = headers.getlist(name)
    if len(found) > 1:
        raise InvalidValue(field=name, expected="one", got=len(found))
    return found[0] if found else None


def _deadline(header: str | None, received: float) -> float | None:
    """`X-Deadline-Ms`: milliseconds from now until the last byte."""
    if header is None:
        return None
    if not (header.isascii() and header.isdecimal() and len(header) < 12 and 0 < int(header) <= _MAX_DEADLINE_MS):
        raise InvalidValue(field="X-Deadline-Ms", expected=f"1 … {_MAX_DEADLINE_MS}", got="something else")
    return received + int(header) / 1000
