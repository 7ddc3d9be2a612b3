"""Finished files as responses that can be resumed and sought in: one `Range` gives a 206, an impossible one a 416.

In: bytes or a path. Out: ASGI responses. Several ranges at once are answered with the whole file, as RFC 9110 allows.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from qwen3tts_webui.server.http.errors import RangeNotSatisfiable

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the start and end of the requested bytes; None for the whole file. Raises `RangeNotSatisfiable`."""
    match = _RANGE.fullmatch(header)
    first, last = match.groups() if match else ("", "")
    if not first and not last:
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) + 1, size) if first and last else size
    if start >= size:
        raise RangeNotSatisfiable(size=size)
    return (start, end) if start < end else None


class FileBytes(Response):
    """A file in memory."""

    def __init__(self, data: bytes, **options: Any) -> None:
        super().__init__(data, **options)
        self.headers["Accept-Ranges"] = "bytes"
        self.headers["ETag"] = f'"{hashlib.sha256(data).hexdigest()[:32]}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        data = bytes(self.body)
        if headers.get("if-range", self.headers["ETag"]) == self.headers["ETag"]:
            part = parse_range(headers.get("range", ""), len(data))
            if part is not None:
                start, end = part
                self.status_code = 206
                self.body = data[start:end]
                self.headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
                self.headers["Content-Length"] = str(end - start)
        await super().__call__(scope, receive, send)


class FileOnDisk(FileResponse):
    """A file on disk, never read as a whole."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        requested = Headers(scope=scope).get("range")
        if requested is not None:
            size = (await run_in_threadpool(os.stat, self.path)).st_size
            if parse_range(requested, size) is None:
                kept = [(name, value) for name, value in scope["headers"] if name != b"range"]
                scope = {**scope, "headers": kept}
        await super().__call__(scope, receive, send)
