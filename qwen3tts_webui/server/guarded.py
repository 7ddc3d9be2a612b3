"""Everything that stands between the network and the routes, in one place and one order.

    headers -> log -> host and origin -> cors -> key -> limits -> FastAPI's own error handling -> routes

Outside of FastAPI's error handling, so that an answer to an unexpected error wears the same headers as any other.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import EngineStopped
from qwen3tts_webui.server.door import HostAndOrigin, KeyCheck
from qwen3tts_webui.server.headers import SecurityHeaders
from qwen3tts_webui.server.keys import Keys
from qwen3tts_webui.server.limits import Gate, Limits
from qwen3tts_webui.server.logs import RequestLog
from qwen3tts_webui.server.metrics import Metrics
from qwen3tts_webui.server.problems import Problems
from qwen3tts_webui.server.runs import Runs
from qwen3tts_webui.server.sessions import Sessions
from qwen3tts_webui.server.websocket import Talks

_POLL_S = 0.05
_FAREWELL_S = 1.0
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


class Ending:
    """How the app goes down: nothing new is spoken, what is spoken has a while, the rest ends with a clear error."""

    def __init__(self, gate: Gate, runs: Runs, talks: Talks) -> None:
        self._gate = gate
        self._runs = runs
        self._talks = talks

    async def __call__(self, grace_s: float) -> None:
        self._gate.close()
        await self._quiet(grace_s)
        self._runs.end_all(EngineStopped())
        self._talks.end(EngineStopped())
        await self._quiet(_FAREWELL_S)

    async def _quiet(self, limit_s: float) -> None:
        """Returns when nothing is spoken any more, or after `limit_s`."""
        end = asyncio.get_running_loop().time() + limit_s
        while self._gate.active and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(_POLL_S)
