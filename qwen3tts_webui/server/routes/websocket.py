"""`/ws/tts`: text in while sound comes out. The protocol is written down in docs/websocket.md.

In: JSON messages. Out: JSON events and binary sound. Several utterances at once, each with an id of the client's. Both
ways are bounded: a message has a size, an utterance a length, a connection a number of utterances and an age, and a
client that does not read, or says nothing, is left behind with all its utterances.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack, suppress
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from qwen3tts_webui.audio.encode import format_info
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import (
    BodyTooLarge,
    ConnectionExpired,
    InvalidValue,
    MalformedJson,
    SpeechError,
    TooManyRequests,
    RequestTimeout,
)
from qwen3tts_webui.server.delivery.continuation import continuing
from qwen3tts_webui.server.delivery.recorder import Kept, Recorder
from qwen3tts_webui.server.delivery.request_registry import Runs
from qwen3tts_webui.server.delivery.websocket_utterance import Utterance
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.middleware.access_control import refuse
from qwen3tts_webui.server.middleware.rate_limits import Gate, caller_of
from qwen3tts_webui.server.schemas import websocket as messages
from qwen3tts_webui.speech import Speech

MAX_UTTERANCES = 16
_MAX_MISTAKES = 50
_TEXT_S = 3.0  # times the client's timeout: a model that writes the text may think for a while


class Talks:
    """The conversations that go on, so that they can be counted, and ended when the server goes down."""

    def __init__(self) -> None:
        self.open: set[_Conversation] = set()

    def number_of(self, caller: str) -> int:
        """How many connections the caller has."""
        return sum(conversation.caller == caller for conversation in self.open)

    def end(self, error: SpeechError) -> None:
        """End all utterances with `error`; their clients are told."""
        for conversation in list(self.open):
            conversation.end(error)


def websocket_router(
    speech: Speech, settings: Settings, gate: Gate, talks: Talks, runs: Runs, recorder: Recorder, problems: Problems
) -> APIRouter:
    """Utterances are requests like others: `runs` remembers what they did, `recorder` keeps their sound."""
    router = APIRouter()

    @router.websocket("/ws/tts")
    async def tts(websocket: WebSocket) -> None:
        if talks.number_of(caller_of(websocket.scope)) >= settings.client_streams:
            error = TooManyRequests(retry_after_s=1)
            await refuse(error, problems, websocket.scope, websocket.receive, websocket.send)
            return
        await websocket.accept()
        conversation = _Conversation(websocket, speech, settings, gate, runs, recorder, problems)
        talks.open.add(conversation)
        try:
            await conversation.run()
        finally:
            talks.open.discard(conversation)

    return router


class _Conversation:
    """One connection; implements `Line` for its utterances."""

    def __init__(
        self,
        websocket: WebSocket,
        speech: Speech,
        settings: Settings,
        gate: Gate,
        runs: Runs,
        recorder: Recorder,
        problems: Problems,
    ) -> None:
        self._websocket = websocket
        self._speech = speech
        self._gate = gate
        self._runs = runs
        self._recorder = recorder
        self._problems = problems
        self._wish = websocket.headers.get("accept-language", "")
        self.caller = caller_of(websocket.scope)
        self._patience_s = settings.client_timeout_s
        self._age_s = settings.websocket_max_s
        self._until = time.monotonic() + settings.websocket_max_s
        self._sending = asyncio.Lock()
        self._utterances: dict[str, Utterance] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._num_opened = 0
        self._num_mistakes = 0

    async def run(self) -> None:
        """Until the client leaves, says nothing for too long, makes too many mistakes, or the connection is too old."""
        code = 1000
        try:
            while self._num_mistakes < _MAX_MISTAKES:
                await self._answer(await self._next_message())
            code = 1008
        except (RequestTimeout, ConnectionExpired) as error:
            code = 1001
            self.end(error)
            with suppress(ConnectionError):
                await self._complain(error, None)
        except (WebSocketDisconnect, ConnectionError):
            pass
        finally:
            for utterance in self._utterances.values():
                utterance.speaking.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            if self._websocket.application_state is WebSocketState.CONNECTED:
                await self._hang_up(code)

    def end(self, error: SpeechError) -> None:
        for utterance in self._utterances.values():
            utterance.speaking.end_with(error)

    async def tell(self, kind: str, **fields: Any) -> None:
        await self._out({"type": "websocket.send", "text": json.dumps({"type": kind, **fields}, ensure_ascii=False)})

    async def send(self, data: bytes) -> None:
        await self._out({"type": "websocket.send", "bytes": data})

    async def _out(self, message: dict[str, Any]) -> None:
        """Raises `ConnectionError` when the client does not read for as long as it may."""
        try:
            async with self._sending:
                await asyncio.wait_for(self._websocket.send(message), self._patience_s)
        except (asyncio.TimeoutError, WebSocketDisconnect, RuntimeError):
            for utterance in self._utterances.values():
                utterance.speaking.cancel()
            raise ConnectionError("the client does not read") from None

    async def _next_message(self) -> str:
        """The next text message. Raises `RequestTimeout` when nothing comes and nothing is spoken, `ConnectionExpired`."""
        while True:
            left_s = self._until - time.monotonic()
            if left_s <= 0:
                raise ConnectionExpired(limit_s=round(self._age_s))
            silence_s = self._patience_s * _TEXT_S
            try:
                message = await asyncio.wait_for(self._websocket.receive(), min(silence_s, left_s))
            except asyncio.TimeoutError:
                if self._utterances or left_s < silence_s:  # each utterance has a limit of its own
                    continue
                raise RequestTimeout(limit_s=round(silence_s)) from None
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            return message.get("text") or ""

    async def _answer(self, text: str) -> None:
        """Do what one message says. A mistake is told, and the conversation goes on."""
        try:
            if len(text) > messages.MAX_MESSAGE_BYTES:
                raise BodyTooLarge(limit_kib=messages.MAX_MESSAGE_BYTES // 1024)
            if not text:
                raise MalformedJson()
            await self._do(messages.parse(text))
        except SpeechError as error:
            self._num_mistakes += 1
            await self._complain(error, messages.id_of(text) if len(text) <= messages.MAX_MESSAGE_BYTES else None)

    async def _do(self, message: messages.Message) -> None:
        if isinstance(message, messages.Ping):
            await self.tell("pong", id=message.id)
        elif isinstance(message, messages.Open):
            await self._open(message)
        else:
            self._pass_on(message)

    def _pass_on(self, message: messages.Text | messages.Flush | messages.Close | messages.Cancel) -> None:
        utterance = self._utterances.get(message.id)
        if utterance is None:
            if isinstance(message, messages.Text):  # a close or a cancel may cross the end on its way
                raise InvalidValue(field="id", expected="that of an open utterance", got="another")
        elif isinstance(message, messages.Text):
            utterance.write(message.text)
        elif isinstance(message, messages.Flush):
            utterance.flush()
        elif isinstance(message, messages.Close):
            utterance.close()
        else:
            utterance.speaking.cancel()

    async def _open(self, message: messages.Open) -> None:
        """Begin an utterance. Raises what is wrong with it before anything is spent."""
        if message.id in self._utterances:
            raise InvalidValue(field="id", expected="new", got="one that is still open")
        if len(self._utterances) >= MAX_UTTERANCES:
            raise TooManyRequests(retry_after_s=1)
        self._gate.ask(self.caller)
        with ExitStack() as place:
            place.enter_context(self._gate.stream(self.caller))
            now = time.monotonic()
            format_info(message.format, message.sample_rate)  # raises for a rate that the format cannot hold
            request = message.request(request_id=self._runs.new_id(None), client=self.caller, now=now)
            request = continuing(request, message.continue_from, self._runs, self._speech.info)
            speaking, feed = self._speech.speak_feed(request)
            run = self._runs.open(request.request_id, speaking, now)
            kept = Kept(run, self._recorder, self._told)
            utterance = Utterance(self._num_opened, message, run, kept, feed, text_s=self._patience_s * _TEXT_S)
            self._num_opened += 1
            self._utterances[message.id] = utterance
            task = asyncio.create_task(self._speak(utterance, place.pop_all(), self._opened(utterance, message)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _opened(self, utterance: Utterance, message: messages.Open) -> dict[str, Any]:
        info = self._speech.info
        return {
            "id": utterance.id,
            "number": utterance.number,
            "request_id": utterance.request_id,
            "seed": utterance.speaking.seed,
            "engine": info.name,
            "engine_label": info.label,
            "preview": info.preview,
            "format": message.format,
            "sample_rate": message.sample_rate,
            "packet_ms": message.packet_ms,
        }

    async def _speak(self, utterance: Utterance, place: ExitStack, opened: dict[str, Any]) -> None:
        with place:
            try:
                await self.tell("opened", **opened)
                await utterance.run(self, self._told)
            except ConnectionError:
                pass
            finally:
                utterance.end()
                del self._utterances[utterance.id]

    def _told(self, error: SpeechError) -> dict[str, str]:
        """`error` in the client's language."""
        return self._problems.told(error, self._wish)

    async def _complain(self, error: SpeechError, utterance_id: str | None) -> None:
        after = error.params.get("retry_after_s")
        extra = {} if after is None else {"retry_after_s": after}
        fatal = utterance_id is None or utterance_id not in self._utterances
        await self.tell("error", id=utterance_id, fatal=fatal, **self._told(error), **extra)

    async def _hang_up(self, code: int) -> None:
        try:
            await asyncio.wait_for(self._websocket.close(code), self._patience_s)
        except (asyncio.TimeoutError, RuntimeError, WebSocketDisconnect):
            return
