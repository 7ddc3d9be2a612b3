"""One request's sound as an HTTP response: as it is spoken, or as one file when it is over.

In: a `Delivery`. Out: ASGI messages. Nothing is sent before the first sound exists or the failure is known, so that an
error is an error and not a broken 200. Sound that is cut later ends without the last chunk: a client knows that it has
not got all of it. A client that leaves cancels the synthesis.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from qwen3tts_webui.audio.output_format import Form
from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server.delivery.audio_stream import Delivery
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.observability.logging import cut_short
from qwen3tts_webui.types import EngineInfo


class SoundResponse(Response):
    """Drives a delivery to its end, whatever becomes of the client."""

    def __init__(self, delivery: Delivery, info: EngineInfo, problems: Problems, *, wish: str) -> None:
        self.background = None
        self.delivery = delivery
        self._info = info
        self._problems = problems
        self._wish = wish

    @property
    def mime(self) -> str:
        return self.delivery.form.mime

    def wrapped(self, piece: bytes) -> bytes:
        """A piece of sound as it is sent."""
        return piece

    def closing(self) -> bytes | None:
        """What is sent after the last piece; None: nothing, and the connection breaks off, for sound that was cut has
        no other way to say so."""
        return b"" if self.delivery.cut is None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        delivery = self.delivery
        try:
            async with cancelled_when_gone(receive, delivery.run.speaking.cancel):
                await (self._whole if delivery.form.whole else self._stream)(send)
        except SpeechError as error:
            headers = {"X-Request-Id": delivery.run.id}
            await self._problems.answer(error, self._wish, headers)(scope, receive, send)
        except Exception:
            delivery.error = SpeechError()
            raise
        finally:
            delivery.end()

    async def _stream(self, send: Send) -> None:
        begun = False
        async with aclosing(self.delivery.pieces()) as pieces:
            async for piece in pieces:
                if not begun:
                    begun = True
                    await send(self._start())
                self.delivery.run.sent_first_pcm()
                await send({"type": "http.response.body", "body": self.wrapped(piece), "more_body": True})
        if not begun:
            await send(self._start())
        closing = self.closing()
        if closing is None:
            cut_short("" if self.delivery.cut is None else self.delivery.cut.code)
            return  # uvicorn closes a connection whose answer has no end, without the last chunk
        await send({"type": "http.response.body", "body": closing, "more_body": False})

    async def _whole(self, send: Send) -> None:
        async with aclosing(self.delivery.pieces()) as pieces:
            body = b"".join([piece async for piece in pieces])
        if self.delivery.missing is not None:
            raise self.delivery.missing
        await send(self._start(length=len(body)))
        self.delivery.run.sent_first_pcm()
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _start(self, length: int | None = None) -> Message:
        run = self.delivery.run
        headers = sound_headers(self.delivery.form, self._info, run.id) | {
            "content-type": self.mime,
            "x-seed": str(run.speaking.seed),
        }
        if length is not None:
            headers["content-length"] = str(length)
        return start(headers)


@asynccontextmanager
async def cancelled_when_gone(receive: Receive, cancel: Callable[[], None]) -> AsyncIterator[None]:
    """While the block runs, `cancel` is called as soon as the client leaves."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def sound_headers(form: Form, info: EngineInfo, request_id: str) -> dict[str, str]:
    """What the sound is and who speaks."""
    return {
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "x-sample-rate": str(form.sample_rate),
        "x-channels": "1",
        "x-format": form.label,
        "x-engine": info.name,
        "x-engine-label": info.label,
        "x-request-id": request_id,
    }


def start(headers: Mapping[str, str]) -> Message:
    """The head of a 200."""
    encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": encoded}
