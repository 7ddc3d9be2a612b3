"""The app on uvicorn, with limits that uvicorn lacks: time and size per connection, and a graceful shutdown.

In: the app and a listening socket. Out: a server that drops clients that send headers too slowly (slowloris) or stop
reading. On shutdown, running requests get a grace period; the rest is ended.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Protocol

import httptools
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server.http import HeadersTooLarge, IdleTimer, MalformedRequest, RequestTimeout, UrlTooLong
from qwen3tts_webui.server.middleware import MAX_HEADER_BYTES, MAX_HEADERS, MAX_URL_BYTES
from qwen3tts_webui.server.observability import suppress_truncation_error, suppress_websocket_error
from qwen3tts_webui.server.schemas import MAX_RECORDING_MESSAGE_BYTES

KEEP_ALIVE_S = 15
_MAX_HANDSHAKE_LINE = 8_192 - 16  # of the websockets library, without the method, the version and the line end
_UPGRADE_HEADERS = frozenset({b"upgrade", b"connection", b"http2-settings"})

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
    """Return a server for `app`.

    `client_timeout_s` limits how long a client may take to send headers, or may not read.
    """
    config = uvicorn.Config(
        app,
        port=port,
        http=_limited_http(client_timeout_s),
        ws=_limited_websocket(client_timeout_s),
        ws_max_size=MAX_RECORDING_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # audio does not compress, and a small frame must not inflate to a large one
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=2_048,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=2,  # synthesis has ended by then: for responses in flight
    )
    for suppress in (suppress_truncation_error, suppress_websocket_error):
        logging.getLogger("uvicorn.error").addFilter(suppress)
    shut_down: Any = getattr(getattr(app, "state", None), "shut_down", None)
    return Server(config, shut_down=shut_down, grace_s=grace_s, on_listening=on_listening)


def _limited_http(timeout_s: float) -> type[asyncio.Protocol]:
    class LimitedHttp(HttpToolsProtocol):
        """Headers must arrive in time and within `MAX_HEADER_BYTES`; responses must be read."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._num_header_bytes = 0
            self._rejected = False
            self._header_timer = IdleTimer(timeout_s, lambda: self._reject(RequestTimeout(limit_s=round(timeout_s))))
            self._read_timer = IdleTimer(timeout_s, transport.abort)
            self._header_timer.restart()

        def connection_lost(self, exc: Exception | None) -> None:
            self._header_timer.stop()
            self._read_timer.stop()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._rejected:
                return
            if self._header_timer.running:
                self._num_header_bytes += len(data)
            self._feed(data)
            if (
                self._header_timer.running
                and self._num_header_bytes > 2 * MAX_HEADER_BYTES
                and not self.transport.is_closing()
            ):
                self._reject(HeadersTooLarge())

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._header_timer.restart()
            self._num_header_bytes = 0

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            if len(self.url) > MAX_HEADER_BYTES:  # beyond 64 KiB httptools cannot parse it
                self._reject(UrlTooLong(limit=MAX_URL_BYTES))

        def on_headers_complete(self) -> None:
            self._header_timer.stop()
            if self._ignores_upgrade():
                return
            super().on_headers_complete()
            if self.scope["http_version"] == "1.0" and self.scope["type"] == "http" and self.cycle.scope is self.scope:
                self.cycle.__class__ = _UnchunkedCycle
                self.cycle.chunked_encoding = False

        def on_message_complete(self) -> None:
            if not self._ignores_upgrade():
                super().on_message_complete()

        def on_body(self, body: bytes) -> None:
            if not self._ignores_upgrade():
                super().on_body(body)

        def send_400_response(self, msg: str) -> None:
            self._reject(MalformedRequest())

        def _should_upgrade(self) -> bool:
            return super()._should_upgrade() and self.parser.get_method() == b"GET"

        def _ignores_upgrade(self) -> bool:
            """Whether the client offers another protocol, such as h2c, which a server may ignore (RFC 9110, 7.8)."""
            return (
                self.parser.should_upgrade() and not self._should_upgrade() and self.parser.get_method() != b"CONNECT"
            )

        def _feed(self, data: bytes) -> None:
            """Parse `data`. httptools takes what follows an upgrade as the other protocol and loses the body, so
            if the upgrade is ignored, the request is parsed again without it."""
            self._unset_keepalive_if_required()
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._should_upgrade():
                    self.handle_websocket_upgrade()
                elif self._ignores_upgrade():
                    head = self._head_without_upgrade()
                    self.parser = httptools.HttpRequestParser(self)
                    self._feed(head + data[upgrade.args[0] :])
                else:
                    self.send_400_response("")
            except httptools.HttpParserError:
                log.debug("invalid HTTP request")
                self.send_400_response("")

        def _head_without_upgrade(self) -> bytes:
            line = b" ".join([self.parser.get_method(), self.url, b"HTTP/1.1"])
            kept = [name + b": " + value for name, value in self.headers if name not in _UPGRADE_HEADERS]
            return b"\r\n".join([line, *kept, b"", b""])

        def handle_websocket_upgrade(self) -> None:
            self._header_timer.stop()
            if len(self.url) > _MAX_HANDSHAKE_LINE:
                self._reject(UrlTooLong(limit=_MAX_HANDSHAKE_LINE))
            elif len(self.headers) > MAX_HEADERS or any(
                sum(map(len, one)) > _MAX_HANDSHAKE_LINE for one in self.headers
            ):
                self._reject(HeadersTooLarge())
            else:
                self._read_timer.stop()
                super().handle_websocket_upgrade()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._read_timer.restart()

        def resume_writing(self) -> None:
            self._read_timer.stop()
            super().resume_writing()

        def _reject(self, error: SpeechError) -> None:
            """Answer, then discard what still arrives: closing at once would reset the connection, and with it the
            answer."""
            self._header_timer.stop()
            if self._rejected or self.transport.is_closing():
                return
            self._rejected = True
            self.transport.write(_raw_response(error))
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._read_timer.restart()

    return LimitedHttp


class _UnchunkedCycle(RequestResponseCycle):
    """A response to HTTP/1.0, which has no chunks: it ends with the connection."""

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)


def _raw_response(error: SpeechError) -> bytes:
    """Return the whole response to a request that cannot be passed to the app."""
    body = json.dumps({"error": {"code": error.code, "message": str(error)}}).encode()
    head = f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\nconnection: close\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _limited_websocket(timeout_s: float) -> type[asyncio.Protocol]:
    class LimitedWebSocket(WebSocketsSansIOProtocol):
        """Messages must be read."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self._read_timer = IdleTimer(timeout_s, self.transport.abort)

        def connection_lost(self, exc: Exception | None) -> None:
            self._read_timer.stop()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.handshake_exc is not None and not self.handshake_initiated:  # uvicorn would leave it open
                self.handshake_initiated = self.handshake_complete = self.close_sent = True
                self.transport.write(_raw_response(MalformedRequest()))
                self.transport.close()

        def pause_writing(self) -> None:
            super().pause_writing()
            self._read_timer.restart()

        def resume_writing(self) -> None:
            self._read_timer.stop()
            super().resume_writing()

    return LimitedWebSocket
