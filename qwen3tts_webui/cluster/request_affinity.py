"""Which replica handles which request. In: ASGI scopes and replica names. Out: replica names. Does not need Ray."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

_PATH = re.compile(r"/api/(?:requests/|stream/[^/~]*~)([A-Za-z0-9_-]{8,64})(?:[/.]|$)")  # a request, or a link to one
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def request_id_of_query(scope: Mapping[str, Any]) -> str | None:
    """Return the id of the request that is queried (`GET /api/requests/ID/events`) or played from a link; else None."""
    path = str(scope.get("path", ""))
    if path == "/api/history":
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        request_id = query.get("request_id", [""])[0]
        return request_id if _ID.fullmatch(request_id) else None
    found = _PATH.match(path)
    return found[1] if found else None


def request_id_of_start(scope: Mapping[str, Any]) -> str | None:
    """Return the id of a request that may start synthesis: its X-Request-Id, which the proxy adds if it is missing."""
    if scope.get("type") != "websocket" and scope.get("method") != "POST":
        return None
    for name, value in scope.get("headers", ()):
        if name == b"x-request-id":
            return str(value.decode("latin-1"))
    return None


class RequestAffinity:
    """The replicas of the latest `limit` requests; the oldest are dropped first."""

    def __init__(self, *, limit: int = 100_000) -> None:
        self._limit = limit
        self._replicas: dict[str, str] = {}

    def set(self, request_id: str, replica: str) -> None:
        """Record the replica of a request."""
        self._replicas.pop(request_id, None)
        self._replicas[request_id] = replica
        if len(self._replicas) > self._limit:
            del self._replicas[next(iter(self._replicas))]

    def of(self, request_id: str) -> str | None:
        """Return the replica of a request; None if it is not known."""
        return self._replicas.get(request_id)
