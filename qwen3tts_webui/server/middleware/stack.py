"""Everything that stands between the network and the routes, in one place and one order.

    headers -> log -> host and origin -> cors -> key -> limits -> FastAPI's own error handling -> routes

Outside of FastAPI's error handling, so that an answer to an unexpected error wears the same headers as any other.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server.auth.api_keys import Keys
from qwen3tts_webui.server.auth.browser_sessions import Sessions
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.middleware.access_control import HostAndOrigin, KeyCheck
from qwen3tts_webui.server.middleware.rate_limits import Gate, Limits
from qwen3tts_webui.server.middleware.request_log import RequestLog
from qwen3tts_webui.server.middleware.security_headers import SecurityHeaders
from qwen3tts_webui.server.observability.metrics import Metrics

_SOUND_HEADERS = (
    "X-Sample-Rate",
    "X-Channels",
    "X-Format",
    "X-Engine",
    "X-Engine-Label",
    "X-Request-Id",
    "X-Seed",
)


class GuardedApp(FastAPI):
    """A FastAPI app behind the door."""

    def __init__(
        self,
        settings: Settings,
        *,
        keys: Keys,
        sessions: Sessions,
        gate: Gate,
        problems: Problems,
        metrics: Metrics,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._settings = settings
        self._keys = keys
        self._sessions = sessions
        self._gate = gate
        self._problems = problems
        self._metrics = metrics

    def build_middleware_stack(self) -> ASGIApp:
        settings = self._settings
        app: ASGIApp = super().build_middleware_stack()
        app = Limits(app, self._gate, self._problems, body_s=settings.client_timeout_s)
        app = KeyCheck(app, self._keys, self._sessions, self._gate, self._problems)
        if settings.cors_origins:
            app = CORSMiddleware(
                app,
                allow_origins=settings.cors_origins,
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=["Authorization", "Content-Type", "X-Request-Id", "X-Deadline-Ms"],
                expose_headers=["Retry-After", *_SOUND_HEADERS],
            )
        app = HostAndOrigin(app, settings, self._problems)
        app = RequestLog(app, self._metrics)
        return SecurityHeaders(app)
