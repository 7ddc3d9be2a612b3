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

_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]*)\s*-\s*([0-9]*)\s*", re.IGNORECASE)
_MAX_DIGITS = 18


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the start and end of the requested bytes; None for the whole file. Raises `RangeNotSatisfiable`."""
    match = _RANGE.fullmatch(header)
    first, last = match.groups() if match else ("", "")
    if not first and not last:
        return None
    start = _number(first) if first else max(0, size - _number(last))
    end = min(_number(last) + 1, size) if first and last else size
    if start >= size:
        raise RangeNotSatisfiable(size=size)
    return (start, end) if start < end else None


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


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
        headers = Headers(scope=scope)
        if "range" in headers:
            self.stat_result = await run_in_threadpool(os.stat, self.path)
            self.set_stat_headers(self.stat_result)
            scope = {**scope, "headers": self._with_simple_range(headers, self.stat_result.st_size)}
        await super().__call__(scope, receive, send)

    def _with_simple_range(self, headers: Headers, size: int) -> list[tuple[bytes, bytes]]:
        """Return the headers with a `Range` that any parser understands, or without it for the whole file."""
        kept = [(name, value) for name, value in headers.raw if name not in (b"range", b"if-range")]
        versions = (self.headers["etag"], self.headers["last-modified"])
        part = parse_range(headers["range"], size) if headers.get("if-range", versions[0]) in versions else None
        return kept if part is None else [*kept, (b"range", f"bytes={part[0]}-{part[1] - 1}".encode())]
