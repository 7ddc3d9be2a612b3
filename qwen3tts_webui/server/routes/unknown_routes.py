"""Everything below /api, /v1 and /ws that no route serves: 404, or 405 with `Allow`. Keeps it from the page.

Also everything below //, where a base URL with a slash at its end leads. In: the known routes. Out: errors in
the format of this API.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request, Response, WebSocket
from starlette.routing import BaseRoute, Match

from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import MethodNotAllowed, RouteNotFound
from qwen3tts_webui.server.middleware import reject

_PREFIXES = ("/api", "/v1", "/ws")
_PATHS = (*_PREFIXES, *(f"{prefix}/{{rest:path}}" for prefix in (*_PREFIXES, "/")))


def unknown_routes_router(server: ServerContext, known: Sequence[BaseRoute]) -> APIRouter:
    """Include it after all routes but before the page, which answers every path."""
    router = APIRouter(include_in_schema=False)

    async def unknown(request: Request) -> Response:
        allowed: set[str] = set()
        for route in known:
            match, _ = route.matches(request.scope)
            if match is Match.PARTIAL:
                allowed |= set(getattr(route, "methods", None) or ())
        if allowed:
            if "GET" in allowed:
                allowed.add("HEAD")
            raise MethodNotAllowed(method=request.method[:16], allow=", ".join(sorted(allowed)))
        raise RouteNotFound()

    async def unknown_socket(websocket: WebSocket) -> None:
        await reject(RouteNotFound(), server.errors, websocket.scope, websocket.receive, websocket.send)

    for path in _PATHS:
        router.add_route(path, unknown, methods=[], include_in_schema=False)
    router.add_websocket_route("/{rest:path}", unknown_socket)
    return router
