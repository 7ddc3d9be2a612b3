"""Access log: an id for each request, one log line and one count when it ends."""

from __future__ import annotations

import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.observability import request_id_var

_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")

log = logging.getLogger(__name__)


class AccessLogMiddleware:
    """ASGI, outermost but for the headers: sets the request id, logs, counts, and contains unexpected exceptions."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._metrics = context.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 0
        client_id = dict(scope["headers"]).get(b"x-request-id", b"")
        token = request_id_var.set(client_id.decode() if _ID.fullmatch(client_id) else secrets.token_urlsafe(12))

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                headers = dict(message.get("headers", ()))
                if b"x-request-id" in headers:
                    request_id_var.set(headers[b"x-request-id"].decode("latin-1"))
                elif scope["type"] == "http":
                    message = {**message, "headers": [*message.get("headers", ()), _id_header()]}
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        self._metrics.track_in_flight(1)
        try:
            await self._app(scope, receive, send_with_id)
        except Exception:  # the client has its response already, or uvicorn closes the connection
            log.exception("unexpected")
        finally:
            self._metrics.track_in_flight(-1)
            self._record(scope, status, (time.monotonic() - started) * 1000)
            request_id_var.reset(token)

    def _record(self, scope: Scope, status: int, ms: float) -> None:
        method = scope.get("method", "WEBSOCKET")[:16]
        route = route_of(scope)
        self._metrics.count_request(route, method, status)
        extra = {"method": method, "route": route, "status": status, "ms": round(ms, 1)}
        log.info("%s %s %s %.0f ms", method, route, status, ms, extra=extra)


def route_of(scope: Scope) -> str:
    """Return the template of the matched route, such as /api/requests/{request_id}; "other" if none matched."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "other"


def _id_header() -> tuple[bytes, bytes]:
    return b"x-request-id", request_id_var.get().encode("latin-1")
