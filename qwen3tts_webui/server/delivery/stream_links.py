"""One-shot links to audio that is generated when they are opened, for players that can only GET.

In: a request and its output format. Out: a random token, valid once and for `LINK_S`, with the id of the request: a
load balancer can send the player to the server that knows it. Belongs to one event loop.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from qwen3tts_webui.audio import OutputFormat
from qwen3tts_webui.errors import ErrorDetail, NotFound
from qwen3tts_webui.types import SpeechRequest

LINK_S = 120
_MAX_LINKS = 1_000
_LINK = ErrorDetail("unused_link", "unused link")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLink:
    """What a link will synthesize, and until when."""

    request: SpeechRequest
    output_format: OutputFormat
    expires_at: float


class StreamLinks:
    """The links that were not opened yet, at most 1,000; the oldest is dropped first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._links: dict[str, StreamLink] = {}

    def create(self, request: SpeechRequest, output_format: OutputFormat) -> str:
        """Return the token of a new link."""
        while len(self._links) >= _MAX_LINKS:
            del self._links[next(iter(self._links))]
        token = f"{secrets.token_urlsafe(24)}~{request.request_id}"
        expires_at = self._clock() + LINK_S
        self._links[token] = StreamLink(request=request, output_format=output_format, expires_at=expires_at)
        return token

    def peek(self, token: str) -> StreamLink:
        """Return a link and keep it. Raises `NotFound` if it was used, has expired or never existed."""
        link = self._links.get(token)
        if link is None or link.expires_at <= self._clock():
            raise NotFound(what=_LINK, got=f"{token[:4]}...")
        return link

    def take(self, token: str) -> StreamLink:
        """Return a link and forget it. Raises like `peek`."""
        link = self.peek(token)
        del self._links[token]
        return link
