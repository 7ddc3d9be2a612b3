"""The app on uvicorn, with what uvicorn leaves out: time and size limits of a single connection, and a clear end.

In: the app and a listening socket. Out: a server that never waits for a client for long: neither for its headers
(slowloris) nor for it to read. When it is told to stop, what is spoken may finish within a limit; the rest is ended.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, Protocol

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from qwen3tts_webui.server.middleware.rate_limits import MAX_HEADER_BYTES
from qwen3tts_webui.server.observability.logging import not_said_before
from qwen3tts_webui.server.schemas.websocket import MAX_MESSAGE_BYTES

KEEP_ALIVE_S = 15
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

log = logging.getLogger(__name__)


class Ending(Protocol):
    """How the app goes down: no new speech, a while for what is spoken, the end for the rest."""

    async def __call__(self, grace_s: float) -> None: ...


class Server(uvicorn.Server):
    """`on_listening` is called once connections are taken; `ending` when the server is told to stop."""

    def __init__(
        self, config: uvicorn.Config, *, ending: Ending | None, grace_s: float, on_listening: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ending = ending
        self._grace_s = grace_s
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self._ending is not None:
            await self._ending(0.0 if self.force_exit else self._grace_s)
        await super().shutdown(sockets)


def make_server(
    app: ASGIApp,
    *,
    client_timeout_s: float = 20.0,
    grace_s: float = 5.0,
    port: int = 0,
    on_listening: Callable[[], None] = lambda: None,
) -> Server:
    """A server for `app`; `client_timeout_s` is how long a client may take for its headers, or not read at all."""
    config = uvicorn.Config(
        app,
        port=port,
        http=_guarded_http(client_timeout_s),
        ws=_guarded_websocket(client_timeout_s),
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # sound does not shrink, and a small frame may not unpack to a large one
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=2_048,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,  # what is spoken has ended by then: this is for answers on their way
    )
    logging.getLogger("uvicorn.error").addFilter(not_said_before)
    ending: Any = getattr(getattr(app, "state", None), "ending", None)
    return Server(config, ending=ending, grace_s=grace_s, on_listening=on_listening)


class _Patience:
    """One timer of a connection: `start` anew, `stop`."""

    def __init__(self, seconds: float, give_up: Callable[[], None]) -> None:
        self._seconds = seconds
        self._give_up = give_up
        self._timer: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def start(self) -> None:
        self.stop()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._give_up)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _guarded_http(timeout_s: float) -> type[asyncio.Protocol]:
    class GuardedHttp(HttpToolsProtocol):
        """Headers have to come in time and within `MAX_HEADER_BYTES`; an answer has to be read."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._num_head_bytes = 0
            self._head = _Patience(timeout_s, lambda: self._give_up(_TOO_SLOW))
            self._reading = _Patience(timeout_s, transport.abort)
            self._head.start()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head.stop()
            self._reading.stop()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._head.running:
                self._num_head_bytes += len(data)
            super().data_received(data)
            if self._head.running and self._num_head_bytes > 2 * MAX_HEADER_BYTES and not self.transport.is_closing():
                self._give_up(_TOO_LARGE)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._head.start()
            self._num_head_bytes = 0

        def on_headers_complete(self) -> None:
            self._head.stop()
            super().on_headers_complete()

        def handle_websocket_upgrade(self) -> None:
            self._head.stop()
            self._reading.stop()
            super().handle_websocket_upgrade()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reading.start()

        def resume_writing(self) -> None:
            self._reading.stop()
            super().resume_writing()

        def _give_up(self, answer: bytes) -> None:
            self._head.stop()
            if not self.transport.is_closing():
                self.transport.write(answer)
                self.transport.close()
                self._reading.start()

    return GuardedHttp


def _guarded_websocket(timeout_s: float) -> type[asyncio.Protocol]:
    class GuardedWebSocket(WebSocketsSansIOProtocol):
        """What is sent has to be read."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._reading = _Patience(timeout_s, self.transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            self._reading.stop()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._reading.start()

        def resume_writing(self) -> None:
            self._reading.stop()
            super().resume_writing()

    return GuardedWebSocket
