"""How the app goes down."""

from __future__ import annotations

import asyncio

from qwen3tts_webui.errors import EngineStopped
from qwen3tts_webui.server.delivery.request_registry import Runs
from qwen3tts_webui.server.middleware.rate_limits import Gate
from qwen3tts_webui.server.routes.websocket import Talks

_POLL_S = 0.05
_FAREWELL_S = 1.0


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
