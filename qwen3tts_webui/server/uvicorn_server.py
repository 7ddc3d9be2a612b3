"""The app on uvicorn, with limits that uvicorn lacks: time and size per connection, and a graceful shutdown.

In: the app and a listening socket. Out: a server that drops clients that send headers too slowly (slowloris) or stop
reading. On shutdown, running requests get a grace period; the rest is ended.
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

from qwen3tts_webui.server.http import IdleTimer
from qwen3tts_webui.server.middleware import MAX_HEADER_BYTES
from qwen3tts_webui.server.observability import suppress_truncation_error
from qwen3tts_webui.server.schemas import MAX_MESSAGE_BYTES

KEEP_ALIVE_S = 15
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

log = logging.getLogger(__name__)


class Shutdown(Protocol):
    """Shuts the app down: rejects new requests, waits up to `grace_s` for running ones, ends the rest."""

    async def __call__(self, grace_s: float) -> None: ...


class Server(uvicorn.Server):
    """Calls `on_listening` once it accepts connections and `shut_down` when it is asked to stop."""

    def __init__(
        self, config: uvicorn.Config, *, shut_down: Shutdown | None, grace_s: float, on_listening: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._shut_down = shut_down
        self._grace_s = grace_s
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        if self._shut_down is not None:
            await self._shut_down(0.0 if self.force_exit else self._grace_s)
        await super().shutdown(sockets)


def make_server(
    app: ASGIApp,
    *,
    client_timeout_s: float = 20.0,
    grace_s: float = 5.0,
    port: int = 0,
    on_listening: Callable[[], None] = lambda: None,
) -> Server:
    """Return a server for `app`. `client_timeout_s` limits how long a client may take to send headers, or not read."""
    config = uvicorn.Config(
        app,
        port=port,
        http=_limited_http(client_timeout_s),
        ws=_limited_websocket(client_timeout_s),
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # audio does not compress, and a small frame must not inflate to a large one
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=2_048,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,  # synthesis has ended by then: for responses in flight
    )
    logging.getLogger("uvicorn.error").addFilter(suppress_truncation_error)
    shut_down: Any = getattr(getattr(app, "state", None), "shut_down", None)
    return Server(config, shut_down=shut_down, grace_s=grace_s, on_listening=on_listening)


def _limited_http(timeout_s: float) -> type[asyncio.Protocol]:
    class LimitedHttp(HttpToolsProtocol):
        """Headers must arrive in time and within `MAX_HEADER_BYTES`; responses must be read."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._num_header_bytes = 0
            self._header_timer = IdleTimer(timeout_s, lambda: self._reject(_TOO_SLOW))
            self._read_timer = IdleTimer(timeout_s, transport.abort)
            self._header_timer.restart()

        def connection_lost(self, exc: Exception | None) -> None:
            self._header_timer.stop()
            self._read_timer.stop()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._header_timer.running:
                self._num_header_bytes += len(data)
            super().data_received(data)
            if (
                self._header_timer.running
                and self._num_header_bytes > 2 * MAX_HEADER_BYTES
                and not self.transport.is_closing()
            ):
                self._reject(_TOO_LARGE)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._header_timer.restart()
            self._num_header_bytes = 0

        def on_headers_complete(self) -> None:
            self._header_timer.stop()
            super().on_headers_complete()

        def handle_websocket_upgrade(self) -> None:
            self._header_timer.stop()
            self._read_timer.stop()
            super().handle_websocket_upgrade()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._read_timer.restart()

        def resume_writing(self) -> None:
            self._read_timer.stop()
            super().resume_writing()

        def _reject(self, response: bytes) -> None:
            self._header_timer.stop()
            if not self.transport.is_closing():
                self.transport.write(response)
                self.transport.close()
                self._read_timer.restart()

    return LimitedHttp


def _limited_websocket(timeout_s: float) -> type[asyncio.Protocol]:
    class LimitedWebSocket(WebSocketsSansIOProtocol):
        """Messages must be read."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._read_timer = IdleTimer(timeout_s, self.transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            self._read_timer.stop()
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._read_timer.restart()

        def resume_writing(self) -> None:
            self._read_timer.stop()
            super().resume_writing()

    return LimitedWebSocket
