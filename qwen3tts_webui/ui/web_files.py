"""The page's own files, read and compressed once, and the route that answers them from memory.

Under an address with the version of the content, browsers keep them for a year and ask for nothing at the next visit;
an update has another address.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

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


def read_files(folder: Path) -> dict[str, WebFile]:
    """Return all files of a folder by their relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): WebFile.of(path.name, path.read_bytes()) for path in paths}


def version_of(files: Mapping[str, WebFile]) -> str:
    """Return a digest of all names and contents."""
    content = "".join(f"{name} {file.etag}\n" for name, file in files.items())
    return hashlib.sha256(content.encode()).hexdigest()[:12]


class WebFileRoute(BaseRoute):
    """Exact paths to files. As the first of all routes it costs the others nothing, and they cost it nothing."""

    path = "/{file}"  # in logs and metrics

    def __init__(self) -> None:
        self._files: dict[str, tuple[WebFile, str]] = {}

    def add(self, folder: str, files: Mapping[str, WebFile], cache_control: str) -> None:
        """Serve `files` below `folder`."""
        self._files.update({f"{folder}/{name}": (file, cache_control) for name, file in files.items()})

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        is_read = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        found = is_read and _path_of(scope) in self._files
        return (Match.FULL, {"route": self}) if found else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        file, cache_control = self._files[_path_of(scope)]
        await file.response(Request(scope), cache_control)(scope, receive, send)


def _path_of(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
