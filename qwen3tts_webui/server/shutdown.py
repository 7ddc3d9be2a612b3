"""Graceful shutdown of the app."""

from __future__ import annotations

import asyncio

from qwen3tts_webui.errors import EngineStopped
from qwen3tts_webui.server.context import ServerContext

_POLL_S = 0.05
_FINAL_FLUSH_S = 1.0


class GracefulShutdown:
    """Rejects new streams, gives running ones a grace period, and ends the rest with `EngineStopped`."""

    def __init__(self, context: ServerContext) -> None:
        self._context = context

    async def __call__(self, grace_s: float) -> None:
        """Return when all streams have ended, a second after the grace period at the latest."""
        self._context.rate_limiter.close()
        await self._wait_until_idle(grace_s)
        self._context.requests.abort_all(EngineStopped())
        self._context.connections.abort_all(EngineStopped())
        await self._wait_until_idle(_FINAL_FLUSH_S)

    async def _wait_until_idle(self, timeout_s: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while self._context.rate_limiter.active_streams and loop.time() < end:
            await asyncio.sleep(_POLL_S)
