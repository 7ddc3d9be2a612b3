"""The open WebSocket connections: counted per client, and ended when the server shuts down."""

from __future__ import annotations

from typing import Protocol

from qwen3tts_webui.errors import SpeechError


class Connection(Protocol):
    """One WebSocket connection of `caller`."""

    @property
    def caller(self) -> str: ...

    def abort(self, error: SpeechError) -> None:
        """End all utterances with `error`, which the client receives."""
        ...


class ConnectionRegistry:
    """Add a connection to `open` while it lasts."""

    def __init__(self) -> None:
        self.open: set[Connection] = set()

    def count(self, caller: str) -> int:
        """Return how many connections the client has."""
        return sum(connection.caller == caller for connection in self.open)

    def abort_all(self, error: SpeechError) -> None:
        """End the utterances of all connections with `error`."""
        for connection in list(self.open):
            connection.abort(error)
