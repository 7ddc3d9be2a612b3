"""One line a request."""

from __future__ import annotations

import logging
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen3tts_webui.server.observability.logging import _ID, _request_id
from qwen3tts_webui.server.observability.metrics import Metrics

log = logging.getLogger(__name__)


class RequestLog:
    """ASGI, around everything: gives each request an id, counts it, writes its line, and keeps exceptions to itself."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        status = 0
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        token = _request_id.set(given.decode() if _ID.fullmatch(given) else secrets.token_urlsafe(12))

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                status_headers = dict(message.get("headers", ()))
                if b"x-request-id" in status_headers:
                    _request_id.set(status_headers[b"x-request-id"].decode("latin-1"))
                elif scope["type"] == "http":
                    message = {**message, "headers": [*message.get("headers", ()), _id_header()]}
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        self._metrics.entered(1)
        try:
            await self._app(scope, receive, watched)
        except Exception:  # the client has had its answer, or the connection breaks off: see uvicorn
            log.exception("unexpected")
        finally:
            self._metrics.entered(-1)
            self._write(scope, status, (time.monotonic() - begun) * 1000)
            _request_id.reset(token)

    def _write(self, scope: Scope, status: int, ms: float) -> None:
        method = scope.get("method", "WEBSOCKET")[:16]
        route = route_of(scope)
        self._metrics.requested(route, method, status)
        extra = {"method": method, "route": route, "status": status, "ms": round(ms, 1)}
        log.info("%s %s %s %.0f ms", method, route, status, ms, extra=extra)


def route_of(scope: Scope) -> str:
    """The template of the route that answered, such as /api/requests/{request_id}; "other" for none of ours."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "other"


def _id_header() -> tuple[bytes, bytes]:
    return b"x-request-id", _request_id.get().encode("latin-1")
