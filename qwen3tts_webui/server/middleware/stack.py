"""Everything between the network and the routes, in order.

    headers -> access log -> host and origin -> CORS -> API key -> limits -> FastAPI's error handling -> routes

It wraps FastAPI's error handling, so that responses to unexpected errors carry the same headers.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import complete_document
from qwen3tts_webui.server.middleware.access_control import ApiKeyMiddleware, HostOriginMiddleware
from qwen3tts_webui.server.middleware.access_log import AccessLogMiddleware
from qwen3tts_webui.server.middleware.page_routes import PageRoutesMiddleware
from qwen3tts_webui.server.middleware.rate_limits import RateLimitMiddleware
from qwen3tts_webui.server.middleware.security_headers import SecurityHeaders

_AUDIO_HEADERS = (
    "X-Sample-Rate",
    "X-Channels",
    "X-Format",
    "X-Engine",
    "X-Engine-Label",
    "X-Request-Id",
    "X-Seed",
    "X-Model",
    "X-Warning",
    "Server-Timing",
)


class HeadMiddleware:
    """ASGI: handles HEAD like GET below /api and /v1, except for endless responses; uvicorn leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD":
            path = scope["path"]
            if (
                path.startswith(("/api/", "/v1/"))
                and not path.startswith("/api/stream/")
                and not path.endswith("/events")
            ):
                scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


class SecuredApp(FastAPI):
    """A FastAPI app behind the middleware of this package."""

    def __init__(self, context: ServerContext, **options: Any) -> None:
        super().__init__(**options)
        self._context = context

    def openapi(self) -> dict[str, Any]:
        """The document, generated on the first call."""
        if self.openapi_schema is None:
            self.openapi_schema = complete_document(super().openapi())
        return self.openapi_schema

    def build_middleware_stack(self) -> ASGIApp:
        context = self._context
        app: ASGIApp = super().build_middleware_stack()
        app = PageRoutesMiddleware(app, context)
        app = HeadMiddleware(app)
        app = RateLimitMiddleware(app, context)
        app = ApiKeyMiddleware(app, context)
        if context.settings.cors_origins:
            app = CORSMiddleware(
                app,
                allow_origins=context.settings.cors_origins,
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=["*"],  # SDKs send their own, such as x-stainless-*
                expose_headers=["Retry-After", *_AUDIO_HEADERS],
            )
        app = HostOriginMiddleware(app, context)
        app = AccessLogMiddleware(app, context)
        return SecurityHeaders(app)
