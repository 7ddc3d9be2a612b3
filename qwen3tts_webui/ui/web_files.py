"""The page's own files, read and compressed once.

In: a folder. Out: routes that serve its files from memory. Under an address with the version of the content, browsers
keep them for a year and ask for nothing at the next visit; an update has another address.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

CHECK_EACH_TIME = "no-cache"
KEEP = "public, max-age=31536000, immutable"
_TEXT = (".js", ".css", ".svg", ".webmanifest", ".json")


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file as it is sent; `compressed` is None for formats that are compressed themselves."""

    body: bytes
    compressed: bytes | None
    media_type: str
    etag: str

    @classmethod
    def of(cls, name: str, body: bytes) -> WebFile:
        compressed = gzip.compress(body, compresslevel=6, mtime=0) if name.endswith(_TEXT) else None
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return cls(body, compressed, media_type, f'"{hashlib.sha256(body).hexdigest()[:16]}"')

    def response(self, request: Request, cache_control: str) -> Response:
        """Return the file, or 304 if the browser has it."""
        headers = {"ETag": self.etag, "Cache-Control": cache_control, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == self.etag:
            return Response(status_code=304, headers=headers)
        if self.compressed is None or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.body, media_type=self.media_type, headers=headers)
        return Response(self.compressed, media_type=self.media_type, headers={**headers, "Content-Encoding": "gzip"})


class WebFiles:
    """All files of a folder by their relative path."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files = {path.relative_to(folder).as_posix(): WebFile.of(path.name, path.read_bytes()) for path in paths}

    @property
    def version(self) -> str:
        """A digest of all names and contents."""
        content = "".join(f"{name} {file.etag}\n" for name, file in self._files.items())
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def join(self, name: str, parts: Iterable[str]) -> None:
        """Add the file `name`: `parts` one after another, for one request instead of many."""
        self._files[name] = WebFile.of(name, b"\n".join(self._files[part].body for part in parts))

    def route(self, cache_control: str) -> Callable[[Request], Awaitable[Response]]:
        """Return a handler for a route with the parameter `name`; 404 for an unknown file."""

        async def send(request: Request) -> Response:
            file = self._files.get(request.path_params["name"])
            if file is None:
                raise HTTPException(404)
            return file.response(request, cache_control)

        return send
