"""A batch: several texts of one request, spoken at the same time, on one connection.

In: one `SpeechRequest` a text. Out: an HTTP response of labelled messages, multipart/mixed or NDJSON by `Accept`. The
engine takes the first ones together or not at all; each ends, well or not, without touching the others.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from qwen3tts_webui.audio.output_format import Form
from qwen3tts_webui.errors import Busy, RequestError, SpeechError
from qwen3tts_webui.server.delivery.audio_response import cancelled_when_gone, sound_headers, start
from qwen3tts_webui.server.delivery.audio_stream import Delivery
from qwen3tts_webui.server.delivery.recorder import Recorder
from qwen3tts_webui.server.delivery.request_context import Asked, apart, begin, slow
from qwen3tts_webui.server.delivery.request_registry import Run, Runs
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.speech import Speaking, Speech
from qwen3tts_webui.types import SpeechRequest

MULTIPART = "multipart/mixed"
NDJSON = "application/x-ndjson"
_TOLD = ("segment_failed", "done", "error")
_RETRY_S = 0.1
_MAX_WAITING = 64  # messages that were made and not yet sent

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Item:
    """One text of the batch: refused from the start, begun, or still to begin."""

    index: int
    request: SpeechRequest
    refused: SpeechError | None = None
    run: Run | None = None


class Messages(Protocol):
    """How labelled messages are written one after another."""

    mime: str
    end: bytes

    def audio(self, index: int, sequence: int, piece: bytes) -> bytes: ...

    def event(self, index: int, sequence: int, event: dict[str, Any]) -> bytes: ...


class Multipart:
    """Sound as it is, events as JSON; each part is labelled by its headers."""

    def __init__(self, form: Form) -> None:
        self._boundary = secrets.token_hex(16)
        self._audio_mime = form.mime
        self.mime = f'{MULTIPART}; boundary="{self._boundary}"'
        self.end = f"--{self._boundary}--\r\n".encode()

    def audio(self, index: int, sequence: int, piece: bytes) -> bytes:
        return self._part(index, sequence, "audio", self._audio_mime, piece)

    def event(self, index: int, sequence: int, event: dict[str, Any]) -> bytes:
        body = json.dumps(event, ensure_ascii=False).encode()
        return self._part(index, sequence, event["type"], "application/json", body)

    def _part(self, index: int, sequence: int, kind: str, mime: str, body: bytes) -> bytes:
        head = (
            f"--{self._boundary}\r\nContent-Type: {mime}\r\nContent-Length: {len(body)}\r\n"
            f"X-Index: {index}\r\nX-Sequence: {sequence}\r\nX-Type: {kind}\r\n\r\n"
        )
        return head.encode() + body + b"\r\n"


class Ndjson:
    """One JSON object a line; sound in base64."""

    mime = NDJSON
    end = b""

    def audio(self, index: int, sequence: int, piece: bytes) -> bytes:
        return self.event(index, sequence, {"type": "audio", "audio": base64.b64encode(piece).decode("ascii")})

    def event(self, index: int, sequence: int, event: dict[str, Any]) -> bytes:
        line = {"index": index, "sequence": sequence, **event}
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"


async def begin_batch(
    speech: Speech,
    runs: Runs,
    recorder: Recorder,
    problems: Problems,
    requests: list[SpeechRequest],
    form: Form,
    asked: Asked,
    *,
    at_once: int | None,
    accept: str,
) -> Response:
    """Submit the first `at_once` texts (None: as many as the engine speaks at once), all or none.

    A text that cannot be spoken fails alone; when none of them can, the first one's error is raised.
    """
    for request in requests:
        runs.refuse_known(request.request_id)
    load = speech.load
    limit = min(at_once or max(1, load.slots), max(1, load.slots + load.queue_size))
    texts = SpeechRequest(text="".join(request.text for request in requests), voice_id=requests[0].voice_id)
    items, speaking = await apart(slow(texts), lambda: _started(speech, requests, limit))
    first = [item for item in items if item.refused is None][: len(speaking)]
    try:
        for item, spoken in zip(first, speaking, strict=True):
            item.run = runs.open(item.request.request_id, spoken, asked.received)
    except RequestError:
        for spoken in speaking:
            spoken.cancel()
        raise
    messages = Ndjson() if "ndjson" in accept.lower() else Multipart(form)
    return BatchResponse(speech, runs, recorder, problems, items, form, asked, messages)


def _started(speech: Speech, requests: list[SpeechRequest], limit: int) -> tuple[list[Item], list[Speaking]]:
    items = [Item(index, request) for index, request in enumerate(requests)]
    for item in items:
        try:
            speech.check(item.request)
        except RequestError as error:
            item.refused = error
    good = [item.request for item in items if item.refused is None]
    if not good:
        assert items[0].refused is not None
        raise items[0].refused
    return items, speech.speak_together(good[:limit])


class BatchResponse(Response):
    """Drives all items to their end, whatever becomes of the client."""

    def __init__(
        self,
        speech: Speech,
        runs: Runs,
        recorder: Recorder,
        problems: Problems,
        items: list[Item],
        form: Form,
        asked: Asked,
        messages: Messages,
    ) -> None:
        self.background = None
        self._speech = speech
        self._runs = runs
        self._recorder = recorder
        self._problems = problems
        self._items = items
        self._form = form
        self._asked = asked
        self._messages = messages
        self._left = False
        self._ready: asyncio.Queue[tuple[Run | None, bytes] | None] = asyncio.Queue(_MAX_WAITING)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = sound_headers(self._form, self._speech.info, self._asked.request_id)
        speaking = asyncio.create_task(self._speak_all())
        try:
            async with cancelled_when_gone(receive, self._leave):
                await send(start(headers | {"content-type": self._messages.mime, "x-items": str(len(self._items))}))
                while (message := await self._ready.get()) is not None:
                    run, data = message
                    if run is not None:
                        run.sent_first_pcm()
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                await send({"type": "http.response.body", "body": self._messages.end, "more_body": False})
        finally:
            self._leave()
            speaking.cancel()
            with suppress(asyncio.CancelledError):
                await speaking

    def _leave(self) -> None:
        self._left = True
        for item in self._items:
            if item.run is not None:
                item.run.speaking.cancel()

    async def _speak_all(self) -> None:
        """As many items at a time as were begun together; whoever is free takes the next."""
        for item in self._items:
            if item.refused is not None:
                await self._tell_refused(item, item.refused)
        begun = [item for item in self._items if item.run is not None]
        later = (item for item in self._items if item.run is None and item.refused is None)
        workers = [asyncio.create_task(self._work(item, later)) for item in begun]
        try:
            await asyncio.gather(*workers)
            await self._ready.put(None)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, item: Item | None, later: Iterator[Item]) -> None:
        while item is not None and not self._left:
            try:
                await self._speak(item)
            except SpeechError as error:
                await self._tell_refused(item, error)
            item = next(later, None)

    async def _speak(self, item: Item) -> None:
        """One item to its end: its sound, then how it went. Raises `SpeechError` if it could not be begun."""
        if item.run is None:
            item.run = await self._begun(item.request)
        run = item.run
        delivery = Delivery(run, self._form, self._recorder, self._problems, self._asked.wish)
        sequence = 0
        try:
            async with aclosing(delivery.pieces()) as pieces:
                async for piece in pieces:
                    await self._ready.put((run, self._messages.audio(item.index, sequence, piece)))
                    sequence += 1
        except SpeechError:
            pass  # the delivery knows it, and the run's last event tells it
        except Exception:
            log.exception("an item of a batch failed")
            delivery.error = SpeechError()
        finally:
            delivery.end()
        for event in run.events:
            if event["type"] in _TOLD:
                await self._tell(item, sequence, event)
                sequence += 1

    async def _begun(self, request: SpeechRequest) -> Run:
        """Later items wait for a place; the first ones had theirs."""
        while True:
            try:
                return await begin(self._speech, self._runs, request, self._asked.received)
            except Busy:
                if self._left:
                    raise
                await asyncio.sleep(_RETRY_S)

    async def _tell(self, item: Item, sequence: int, event: dict[str, Any]) -> None:
        event = {("segment" if key == "index" else key): value for key, value in event.items()}
        await self._ready.put((None, self._messages.event(item.index, sequence, event)))

    async def _tell_refused(self, item: Item, error: SpeechError) -> None:
        told = self._problems.told(error, self._asked.wish)
        await self._tell(item, 0, {"type": "error", "request_id": item.request.request_id, **told})
