"""Who speaks which request: request id -> replica. In: ASGI scopes and names. Out: names. Knows no Ray."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_QUESTION = re.compile(r"/api/(?:requests|history/of)/([A-Za-z0-9_-]{8,64})(?:/|$)")


def request_id_of_query(scope: Mapping[str, Any]) -> str | None:
    """The request that a question such as `GET /api/requests/ID/events` is about; None for everything else."""
    found = _QUESTION.match(str(scope.get("path", "")))
    return found[1] if found else None


def request_id_of_start(scope: Mapping[str, Any]) -> str | None:
    """The id under which `scope` may begin to speak: its X-Request-Id, which the proxy makes where there is none."""
    if scope.get("type") != "websocket" and scope.get("method") != "POST":
        return None
    for name, value in scope.get("headers", ()):
        if name == b"x-request-id":
            return str(value.decode("latin-1"))
    return None


class RequestAffinity:
    """The latest `limit` requests; the oldest are forgotten first."""

    def __init__(self, *, limit: int = 100_000) -> None:
        self._limit = limit
        self._owners: dict[str, str] = {}

    def set(self, request_id: str, owner: str) -> None:
        self._owners.pop(request_id, None)
        self._owners[request_id] = owner
        if len(self._owners) > self._limit:
            del self._owners[next(iter(self._owners))]

    def of(self, request_id: str) -> str | None:
        """None for a request that nobody remembers."""
        return self._owners.get(request_id)
