"""Routers of this server: each of their routes checks its query."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from qwen3tts_webui.server.http.openapi import QUERY_ERROR_RESPONSE
from qwen3tts_webui.server.http.query import check_known_query


def new_router(**options: Any) -> APIRouter:
    """Return a router with `options`. Add its routes to the app as they are: `include_router` builds each twice."""
    return APIRouter(dependencies=[Depends(check_known_query)], responses=QUERY_ERROR_RESPONSE, **options)
