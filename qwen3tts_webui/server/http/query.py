"""Query parameters: below /api, one that the route does not know, or that is given twice, is an error.

A misspelled filter would otherwise be ignored, and `DELETE /api/history` delete everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from starlette.requests import HTTPConnection

from qwen3tts_webui.errors import LEFT_OUT, SENT_ONCE, InvalidValue

_PREFIX = "/api/"
_OPEN = "/api/stream/"  # players add their own to the address of a file


async def check_known_query(connection: HTTPConnection) -> None:
    """Dependency of all routes: check the query by the parameters that the route declares. Raises `InvalidValue`."""
    path = connection.scope["path"]
    if connection.query_params and path.startswith(_PREFIX) and not path.startswith(_OPEN):
        check_query(connection, [field.alias for field in connection.scope["route"].dependant.query_params])


def check_query(connection: HTTPConnection, known: Collection[str]) -> None:
    """Raises `InvalidValue` for a parameter that is not `known`, or is given twice."""
    for name, times in Counter(name for name, _ in connection.query_params.multi_items()).items():
        if name not in known:
            raise InvalidValue(field=name[:40], expected=" | ".join(known) or LEFT_OUT, got="an unknown name")
        if times > 1:
            raise InvalidValue(field=name, expected=SENT_ONCE, got=str(times))
