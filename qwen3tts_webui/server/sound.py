"""One request's sound as an HTTP response: raw PCM while it is spoken, or one WAV when it is over.

In: a `Run`. Out: ASGI messages. Nothing is sent before the first sound exists or the failure is known, so that an error
is an error and not a broken 200. A client that leaves cancels the synthesis.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ..audio.encode import wav_header
from ..audio.pcm import to_s16le
from ..errors import SpeechError
from ..speech import SegmentFailed, Sound
from ..types import SAMPLE_RATE, EngineInfo
from .problems import Problems
from .recording import Recorder
from .runs import Run

BLOCK_BYTES = 768  # 16 ms of s16le mono at 24 kHz


class SoundResponse(Response):
    """Drives a run to its end, whatever becomes of the client; `streaming` decides the form."""

    def __init__(
        self, run: Run, info: EngineInfo, recorder: Recorder, problems: Problems, *, streaming: bool, wish: str
    ) -> None:
        self.background = None
        self._run = run
        self._info = info
        self._recording = recorder.begin(run)
        self._problems = problems
        self._streaming = streaming
        self._wish = wish
        self._error: SpeechError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(self._cancel_when_gone(receive))
        try:
            await (self._stream if self._streaming else self._whole)(send)
        except SpeechError as error:
            self._error = error
            answer = self._problems.answer(error, self._wish, {"X-Request-Id": self._run.id})
            await answer(scope, receive, send)
        except Exception:
            self._error = SpeechError()
            raise
        finally:
            leaving.cancel()
            self._run.speaking.cancel()
            message = "" if self._error is None else self._problems.told(self._error, self._wish)["message"]
            if self._recording is not None:
                self._recording.end(lambda: self._run.account)
            self._run.end(self._error, message)

    async def _cancel_when_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._run.speaking.cancel()

    async def _stream(self, send: Send) -> None:
        """Whole blocks of `BLOCK_BYTES` as soon as they exist, joined when several do; the last may be shorter."""
        begun = False
        waiting = bytearray()
        try:
            async with aclosing(self._sound()) as sound:
                async for piece in sound:
                    waiting += piece
                    whole = len(waiting) - len(waiting) % BLOCK_BYTES
                    if whole == 0:
                        continue
                    if not begun:
                        begun = True
                        await send(self._start("audio/pcm", "s16le"))
                    self._run.sent_first_pcm()
                    await send({"type": "http.response.body", "body": bytes(waiting[:whole]), "more_body": True})
                    del waiting[:whole]
        except SpeechError as error:
            if not begun:
                raise
            self._error = error  # the status is sent: the run's events and report say why the sound ends here
        if not begun:
            await send(self._start("audio/pcm", "s16le"))
        if waiting:
            self._run.sent_first_pcm()
        await send({"type": "http.response.body", "body": bytes(waiting), "more_body": False})

    async def _whole(self, send: Send) -> None:
        async with aclosing(self._sound()) as sound:
            pieces = [piece async for piece in sound]
        header = wav_header(sum(map(len, pieces)))
        body = b"".join([header, *pieces])
        await send(self._start("audio/wav", "wav", length=len(body)))
        self._run.sent_first_pcm()
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _sound(self) -> AsyncGenerator[bytes, None]:
        """s16le as it comes. The recording gets it after the client; all other events go to the run's followers."""
        async with aclosing(self._run.speaking.__aiter__()) as events:
            async for event in events:
                if isinstance(event, Sound):
                    piece = to_s16le(event.pcm)
                    yield piece
                    if self._recording is not None:
                        self._recording.push(piece)
                elif isinstance(event, SegmentFailed):
                    self._run.note(event, self._problems.told(event.error, self._wish)["message"])
                else:
                    self._run.note(event)

    def _start(self, mime: str, form: str, length: int | None = None) -> Message:
        headers = {
            "content-type": mime,
            "cache-control": "no-store",
            "x-accel-buffering": "no",
            "x-sample-rate": str(SAMPLE_RATE),
            "x-channels": "1",
            "x-format": form,
            "x-engine": self._info.name,
            "x-engine-label": self._info.label,
            "x-request-id": self._run.id,
            "x-seed": str(self._run.speaking.seed),
        }
        if length is not None:
            headers["content-length"] = str(length)
        encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        return {"type": "http.response.start", "status": 200, "headers": encoded}
