"""A timer on the event loop for connections and streams that may go idle."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class IdleTimer:
    """Calls `on_timeout` when `timeout_s` pass after the last `restart`."""

    def __init__(self, timeout_s: float, on_timeout: Callable[[], None]) -> None:
        self._timeout_s = timeout_s
        self._on_timeout = on_timeout
        self._handle: asyncio.TimerHandle | None = None

    @property
    def running(self) -> bool:
        """Whether the timer runs."""
        return self._handle is not None

    def restart(self) -> None:
        """Start, or start again from zero."""
        self.stop()
        self._handle = asyncio.get_running_loop().call_later(self._timeout_s, self._on_timeout)

    def stop(self) -> None:
        """Stop. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
