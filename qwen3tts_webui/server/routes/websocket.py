"""`/ws/tts`: text in while audio comes out. docs/api/websocket.md describes the protocol.

In: JSON messages. Out: JSON events and binary audio. A connection carries several utterances, each with an id chosen by
the client. Everything is bounded: the size of a message, the length of an utterance, the number of utterances, and the
age of the connection. A client that stops reading or sends nothing is disconnected, with all its utterances.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack, suppress
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from qwen3tts_webui.audio import format_info
from qwen3tts_webui.errors import (
    ALREADY_USED,
    ANOTHER_VALUE,
    UNUSED,
    ErrorDetail,
    InvalidValue,
    SpeechError,
    TooManyRequests,
)
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.delivery import (
    RequestContext,
    UtteranceSession,
    inline_recording,
    retry_after,
    streamed_request,
    with_recording,
)
from qwen3tts_webui.server.http import BodyTooLarge, ConnectionExpired, MalformedJson, RequestTimeout, new_router
from qwen3tts_webui.server.middleware import caller_of, reject
from qwen3tts_webui.server.schemas import (
    MAX_MESSAGE_BYTES,
    Cancel,
    Close,
    Flush,
    Message,
    Open,
    Ping,
    Text,
    message_id,
    parse_message,
)
from qwen3tts_webui.types import SpeechRequest

MAX_UTTERANCES = 16
SUBPROTOCOL = "qwen3tts"
_MAX_PROTOCOL_ERRORS = 50
_TEXT_TIMEOUT_FACTOR = 3.0  # times the client's timeout: a language model that writes the text may pause
_OPEN_ID = ErrorDetail("open_utterance_id", "the id of an open utterance")


def websocket_router(server: ServerContext) -> APIRouter:
    router = new_router()

    @router.websocket("/ws/tts")
    async def tts(websocket: WebSocket) -> None:
        if server.connections.count(caller_of(websocket.scope)) >= server.settings.client_streams:
            error = TooManyRequests(retry_after_s=server.rate_limiter.stream_retry_after_s)
            await reject(error, server.errors, websocket.scope, websocket.receive, websocket.send)
            return
        offered = websocket.scope.get("subprotocols", ())
        await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        session = WebSocketSession(websocket, server)
        server.connections.open.add(session)
        try:
            await session.run()
        finally:
            server.connections.open.discard(session)

    return router


class WebSocketSession:
    """One connection; implements `MessageSink` for its utterances."""

    def __init__(self, websocket: WebSocket, server: ServerContext) -> None:
        self.caller = caller_of(websocket.scope)
        self._websocket = websocket
        self._server = server
        self._accept_language = websocket.headers.get("accept-language", "")
        self._client_timeout_s = server.settings.client_timeout_s
        self._text_timeout_s = server.settings.client_timeout_s * _TEXT_TIMEOUT_FACTOR
        self._expires_at = time.monotonic() + server.settings.websocket_max_s
        self._sending = asyncio.Lock()
        self._utterances: dict[str, UtteranceSession] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._num_opened = 0
        self._num_protocol_errors = 0

    async def run(self) -> None:
        """Serve until the client leaves, times out or makes too many errors, or the connection expires."""
        code = 1000
        try:
            while self._num_protocol_errors < _MAX_PROTOCOL_ERRORS:
                await self._handle(await self._next_message())
            code = 1008
        except (RequestTimeout, ConnectionExpired) as error:
            code = 1001
            self.abort(error)
            with suppress(ConnectionError):
                await self._send_error(error, None)
        except (WebSocketDisconnect, ConnectionError):
            pass
        finally:
            self._cancel_all()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._websocket.application_state is WebSocketState.CONNECTED:
                await self._close(code)

    def abort(self, error: SpeechError) -> None:
        """End all utterances with `error`, which the client receives."""
        for utterance in self._utterances.values():
            utterance.session.abort(error)

    async def send_json(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        await self._send({"type": "websocket.send", "text": json.dumps({"type": kind, **fields}, ensure_ascii=False)})

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        await self._send({"type": "websocket.send", "bytes": data})

    async def _send(self, message: dict[str, Any]) -> None:
        """Raises `ConnectionError` if the client does not read in time."""
        try:
            async with self._sending:
                await asyncio.wait_for(self._websocket.send(message), self._client_timeout_s)
        except (asyncio.TimeoutError, WebSocketDisconnect, RuntimeError):
            self._cancel_all()
            raise ConnectionError("the client does not read") from None

    def _cancel_all(self) -> None:
        for utterance in self._utterances.values():
            utterance.session.cancel()

    async def _next_message(self) -> str:
        """Return the next text message. Raises `RequestTimeout` if none comes and no utterance is open,
        `ConnectionExpired`."""
        while True:
            remaining_s = self._expires_at - time.monotonic()
            if remaining_s <= 0:
                raise ConnectionExpired(limit_s=round(self._server.settings.websocket_max_s))
            try:
                message = await asyncio.wait_for(self._websocket.receive(), min(self._text_timeout_s, remaining_s))
            except asyncio.TimeoutError:
                if self._utterances or remaining_s < self._text_timeout_s:  # each utterance has its own timeout
                    continue
                raise RequestTimeout(limit_s=round(self._text_timeout_s)) from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            return message.get("text") or ""

    async def _handle(self, text: str) -> None:
        """Handle one message. An invalid one is answered with an error, and the connection stays open."""
        try:
            if not text:
                raise MalformedJson()
            message = parse_message(text)
            if len(text) > MAX_MESSAGE_BYTES and not (isinstance(message, Open) and message.ref_audio):
                raise BodyTooLarge(limit_kib=MAX_MESSAGE_BYTES // 1024)
            await self._dispatch(message)
        except SpeechError as error:
            self._num_protocol_errors += 1
            await self._send_error(error, message_id(text))

    async def _dispatch(self, message: Message) -> None:
        if isinstance(message, Ping):
            await self.send_json("pong", id=message.id)
        elif isinstance(message, Open):
            await self._open(message)
        else:
            self._pass_to_utterance(message)

    def _pass_to_utterance(self, message: Text | Flush | Close | Cancel) -> None:
        utterance = self._utterances.get(message.id)
        if utterance is None:
            if isinstance(message, Text):  # a close or cancel may cross the end of the utterance on the wire
                raise InvalidValue(field="id", expected=_OPEN_ID, got=ANOTHER_VALUE)
        elif isinstance(message, Text):
            utterance.write(message.text)
        elif isinstance(message, Flush):
            utterance.flush()
        elif isinstance(message, Close):
            utterance.close()
        else:
            utterance.cancel(message.played_sample)

    async def _open(self, message: Open) -> None:
        """Start an utterance. Raises `SpeechError` if it is not valid, before anything is submitted."""
        if message.id in self._utterances:
            raise InvalidValue(field="id", expected=UNUSED, got=ALREADY_USED)
        if len(self._utterances) >= MAX_UTTERANCES:
            raise TooManyRequests(retry_after_s=self._server.rate_limiter.stream_retry_after_s)
        self._server.rate_limiter.hit(self.caller)
        with ExitStack() as stack:
            stack.enter_context(self._server.rate_limiter.acquire_stream(self.caller))
            format_info(message.format, message.sample_rate)  # raises for a rate that the format does not support
            context = self._context_of(message)
            request, hints = await self._in_its_voice(streamed_request(message, context), message)
            session, text_stream = self._server.speech.speak_stream(request)
            record = self._server.requests.open(context.request_id, session, context.received)
            utterance = UtteranceSession(
                self._num_opened, message, record, text_stream, context, text_timeout_s=self._text_timeout_s
            )
            self._num_opened += 1
            self._utterances[message.id] = utterance
            task = asyncio.create_task(
                self._run_utterance(utterance, stack.pop_all(), self._opened(utterance, message) | hints)
            )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_its_voice(self, request: SpeechRequest, message: Open) -> tuple[SpeechRequest, dict[str, Any]]:
        """Put `request` in the voice of the recording in `message`, if any; return hints about its quality too."""
        recording = inline_recording(message.ref_audio, message.ref_text, message.x_vector_only)
        if recording is None:
            return request, {}
        self._server.rate_limiter.hit(self.caller, "clone")
        cloned = await self._server.recordings.clone(recording)
        return with_recording(request, cloned), {"recording_warnings": list(cloned.audio.warnings)}

    def _context_of(self, message: Open) -> RequestContext:
        now = time.monotonic()
        return RequestContext(
            server=self._server,
            errors=self._server.errors,
            request_id=self._server.requests.new_id(),
            client=self.caller,
            weight=self._server.api_keys.weight_of(self.caller),
            received=now,
            deadline=None if message.deadline_ms is None else now + message.deadline_ms / 1000,
            accept_language=self._accept_language,
        )

    def _opened(self, utterance: UtteranceSession, message: Open) -> dict[str, Any]:
        info = utterance.session.info
        return {
            "id": utterance.id,
            "number": utterance.number,
            "request_id": utterance.request_id,
            "seed": utterance.session.seed,
            "engine": info.name,
            "engine_label": info.label,
            "preview": info.preview,
            "format": message.format,
            "sample_rate": utterance.output_format.sample_rate,
            "audio": message.audio,
            "packet_ms": message.packet_ms,
        }

    async def _run_utterance(self, utterance: UtteranceSession, stack: ExitStack, opened: dict[str, Any]) -> None:
        with stack:
            try:
                await self.send_json("opened", **opened)
                await utterance.run(self)
            except ConnectionError:
                pass
            finally:
                utterance.end()
                del self._utterances[utterance.id]

    async def _send_error(self, error: SpeechError, utterance_id: str | None) -> None:
        fatal = utterance_id is None or utterance_id not in self._utterances
        rendered = self._server.errors.to_dict(error, self._accept_language)
        await self.send_json("error", id=utterance_id, fatal=fatal, **rendered, **retry_after(error))

    async def _close(self, code: int) -> None:
        with suppress(asyncio.TimeoutError, RuntimeError, WebSocketDisconnect):
            await asyncio.wait_for(self._websocket.close(code), self._client_timeout_s)
