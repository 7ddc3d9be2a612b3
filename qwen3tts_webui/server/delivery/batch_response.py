"""A batch: several texts of one request, synthesized concurrently, on one connection.

In: one `SpeechRequest` per text. Out: an HTTP response of labeled messages, multipart/mixed or NDJSON depending on
`Accept`. The engine accepts the first texts together or not at all; each succeeds or fails independently.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from qwen3tts_webui.audio import OutputFormat
from qwen3tts_webui.errors import Busy, DeadlineExceeded, RequestError, SpeechError
from qwen3tts_webui.server.delivery.audio_response import audio_headers, cancel_on_disconnect, response_start
from qwen3tts_webui.server.delivery.audio_stream import AudioStream
from qwen3tts_webui.server.delivery.request_context import RequestContext
from qwen3tts_webui.server.delivery.request_registry import RequestRecord, words_to_json
from qwen3tts_webui.server.delivery.speech_requests import needs_thread, run_maybe_in_thread
from qwen3tts_webui.speech import PreparedRequest, Speech, SpeechSession
from qwen3tts_webui.types import SpeechRequest

MULTIPART = "multipart/mixed"
NDJSON = "application/x-ndjson"
_SENT_EVENTS = ("segment_failed", "done", "error")
_RETRY_S = 0.1
_MAX_PENDING_MESSAGES = 64

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class BatchItem:
    """One text of the batch: rejected, started (with a `record`), or prepared and waiting."""

    index: int
    request: SpeechRequest
    prepared: PreparedRequest | None = None
    rejected_by: SpeechError | None = None
    record: RequestRecord | None = None


class MessageFormat(Protocol):
    """How labeled messages are serialized one after another."""

    mime: str
    end: bytes

    def audio(self, index: int, sequence: int, chunk: bytes) -> bytes: ...

    def event(self, index: int, sequence: int, event: dict[str, Any]) -> bytes: ...


class MultipartMessages:
    """Binary audio, events as JSON; each part is labeled by its headers."""

    def __init__(self, output_format: OutputFormat) -> None:
        self._boundary = secrets.token_hex(16)
        self._audio_mime = output_format.mime
        self.mime = f'{MULTIPART}; boundary="{self._boundary}"'
        self.end = f"--{self._boundary}--\r\n".encode()

    def audio(self, index: int, sequence: int, chunk: bytes) -> bytes:
        return self._part(index, sequence, "audio", self._audio_mime, chunk)

    def event(self, index: int, sequence: int, event: dict[str, Any]) -> bytes:
        body = json.dumps(event, ensure_ascii=False).encode()
        return self._part(index, sequence, event["type"], "application/json", body)

    def _part(self, index: int, sequence: int, kind: str, mime: str, body: bytes) -> bytes:
        head = (
            f"--{self._boundary}\r\nContent-Type: {mime}\r\nContent-Length: {len(body)}\r\n"
            f"X-Index: {index}\r\nX-Sequence: {sequence}\r\nX-Type: {kind}\r\n\r\n"
        )
        return head.encode() + body + b"\r\n"


class NdjsonMessages:
    """One JSON object per line; audio in base64."""

    mime = NDJSON
    end = b""

    def audio(self, index: int, sequence: int, chunk: bytes) -> bytes:
        return self.event(index, sequence, {"type": "audio", "audio": base64.b64encode(chunk).decode("ascii")})

    def event(self, index: int, sequence: int, event: dict[str, Any]) -> bytes:
        line = {"index": index, "sequence": sequence, **event}
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"


async def start_batch(
    context: RequestContext,
    requests: Sequence[SpeechRequest],
    output_format: OutputFormat,
    *,
    max_concurrent: int | None,
    accept: str,
) -> Response:
    """Submit the first `max_concurrent` texts (None: the engine's capacity), all or none.

    A text that cannot be synthesized fails alone; if none can, raises the first one's error.
    """
    speech, registry = context.server.speech, context.server.requests
    for request in requests:
        registry.require_new_id(request.request_id)
    load = speech.load
    limit = min(max_concurrent or max(1, load.slots), max(1, load.slots + load.queue_size))
    all_texts = SpeechRequest(text="".join(request.text for request in requests), voice_id=requests[0].voice_id)
    items, sessions = await run_maybe_in_thread(
        needs_thread(all_texts), lambda: _prepare_and_start(speech, requests, limit)
    )
    valid = [item for item in items if item.prepared is not None]
    try:
        for item, session in zip(valid, sessions, strict=False):
            item.record = registry.open(item.request.request_id, session, context.received)
    except RequestError:
        for session in sessions:
            session.cancel()
        raise
    messages = NdjsonMessages() if "ndjson" in accept.lower() else MultipartMessages(output_format)
    return BatchResponse(items, output_format, context, messages)


def _prepare_and_start(
    speech: Speech, requests: Sequence[SpeechRequest], limit: int
) -> tuple[list[BatchItem], list[SpeechSession]]:
    items = [BatchItem(index, request) for index, request in enumerate(requests)]
    for item in items:
        try:
            item.prepared = speech.prepare(item.request)
        except RequestError as error:
            item.rejected_by = error
    prepared = [item.prepared for item in items if item.prepared is not None]
    if not prepared:
        assert items[0].rejected_by is not None
        raise items[0].rejected_by
    return items, speech.start(prepared[:limit])


class BatchResponse(Response):
    """Synthesizes and sends all items, and ends them whatever the client does."""

    def __init__(
        self,
        items: Sequence[BatchItem],
        output_format: OutputFormat,
        context: RequestContext,
        messages: MessageFormat,
    ) -> None:
        self.background = None
        self._items = items
        self._output_format = output_format
        self._context = context
        self._messages = messages
        self._cancelled = False
        self._ready: asyncio.Queue[tuple[RequestRecord | None, bytes] | None] = asyncio.Queue(_MAX_PENDING_MESSAGES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = self._context
        headers = audio_headers(self._output_format, context.server.speech.info, context.request_id)
        headers |= {"content-type": self._messages.mime, "x-items": str(len(self._items))}
        producing = asyncio.create_task(self._produce())
        try:
            async with cancel_on_disconnect(receive, self._cancel):
                await send(response_start(headers))
                while (message := await self._ready.get()) is not None:
                    record, data = message
                    if record is not None:
                        record.mark_first_pcm()
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                await send({"type": "http.response.body", "body": self._messages.end, "more_body": False})
        finally:
            self._cancel()
            producing.cancel()
            with suppress(asyncio.CancelledError):
                await producing

    def _cancel(self) -> None:
        self._cancelled = True
        for item in self._items:
            if item.record is not None:
                item.record.session.cancel()

    async def _produce(self) -> None:
        """Run as many items at a time as were started together; a finished one is followed by the next."""
        for item in self._items:
            if item.rejected_by is not None:
                await self._put_rejection(item, item.rejected_by)
        started = [item for item in self._items if item.record is not None]
        waiting = (item for item in self._items if item.record is None and item.prepared is not None)
        workers = [asyncio.create_task(self._work(item, waiting)) for item in started]
        try:
            await asyncio.gather(*workers)
            await self._ready.put(None)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, item: BatchItem | None, waiting: Iterator[BatchItem]) -> None:
        while item is not None and not self._cancelled:
            try:
                await self._run(item)
            except SpeechError as error:
                await self._put_rejection(item, error)
            item = next(waiting, None)

    async def _run(self, item: BatchItem) -> None:
        """Put the audio of one item, then its last events. Raises `SpeechError` if it cannot be started."""
        if item.record is None:
            item.record = await self._start(item)
        record = item.record
        stream = AudioStream(record, self._output_format, self._context)
        sequence = 0
        try:
            async with aclosing(stream.chunks()) as chunks:
                async for chunk in chunks:
                    await self._ready.put((record, self._messages.audio(item.index, sequence, chunk)))
                    sequence += 1
        except SpeechError:
            pass  # the stream has recorded it as the last event
        except Exception:
            log.exception("an item of a batch failed")
            stream.error = SpeechError()
        finally:
            stream.end()
        for event in record.events:
            if event["type"] in _SENT_EVENTS:
                words = words_to_json(record.session.report) if event["type"] == "done" else {}
                await self._put(item, sequence, event | words)
                sequence += 1

    async def _start(self, item: BatchItem) -> RequestRecord:
        """Start a waiting item as soon as the engine has capacity."""
        assert item.prepared is not None
        speech, deadline = self._context.server.speech, item.request.deadline
        while True:
            if deadline is not None and deadline <= time.monotonic():
                raise DeadlineExceeded(deadline_ms=0)
            try:
                if not speech.is_loaded(item.prepared.info):  # the engine was replaced in the meantime
                    item.prepared = await asyncio.to_thread(speech.prepare, item.request)
                (session,) = speech.start([item.prepared])
                return self._context.server.requests.open(item.request.request_id, session, self._context.received)
            except Busy:
                if self._cancelled:
                    raise
                await asyncio.sleep(_RETRY_S)

    async def _put(self, item: BatchItem, sequence: int, event: dict[str, Any]) -> None:
        labeled = {("segment" if key == "index" else key): value for key, value in event.items()}
        await self._ready.put((None, self._messages.event(item.index, sequence, labeled)))

    async def _put_rejection(self, item: BatchItem, error: SpeechError) -> None:
        rejection = {"type": "error", "request_id": item.request.request_id, **self._context.localize(error)}
        await self._put(item, 0, rejection)
