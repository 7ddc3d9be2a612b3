"""A folder as a source: a USB stick, a share, another program's download. In: its path. Out: its files.

A folder with our manifest brings its checksums along; any other one is copied, read again and compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from qwen3tts_webui.errors import DownloadError, Reason
from qwen3tts_webui.models.checkpoint import CODEC_FOLDER
from qwen3tts_webui.models.known import KNOWN, is_model_id
from qwen3tts_webui.models.source import Listing, Opened, RemoteFile, needed
from qwen3tts_webui.models.store import MANIFEST, check

_BLOCK = 1 << 20


class Folder:
    """A whole checkpoint somewhere on this machine. Raises CheckpointError when it is not whole."""

    def __init__(self, path: Path) -> None:
        check(path)
        self._path = path
        self._manifest = _manifest(path)

    @property
    def host(self) -> str:
        return self._path.name

    @property
    def model(self) -> str:
        """The id under which it is kept: its manifest's, a released model of the same name, else local/NAME."""
        told = str(self._manifest.get("model", ""))
        if is_model_id(told):
            return told
        name = self._path.resolve().name.replace("___", ".")
        for candidate in KNOWN:
            if candidate.id.split("/")[1].lower() == name.lower():
                return candidate.id
        return f"local/{name}" if is_model_id(f"local/{name}") else "local/model"

    def listing(self, model: str) -> Listing:
        sums = self._manifest.get("files", {})
        files = []
        for path in (*self._path.iterdir(), *(self._path / CODEC_FOLDER).iterdir()):
            name = path.relative_to(self._path).as_posix()
            if path.is_file() and name != MANIFEST:
                told = sums.get(name, {})
                size = path.stat().st_size
                files.append(
                    RemoteFile(path=name, size=size, sha256=told.get("sha256", ""), git_sha1=told.get("git_sha1", ""))
                )
        return Listing(model=model, revision=str(self._manifest.get("revision", "")), files=needed(model, files))

    @contextmanager
    def open(self, listing: Listing, file: RemoteFile, start: int) -> Iterator[Opened]:
        try:
            with (self._path / file.path).open("rb") as opened:
                opened.seek(start)
                yield Opened(start, file.size, _blocks(opened))
        except OSError as error:
            raise DownloadError(
                what=file.path, reason=error.strerror or Reason("unreadable", "it cannot be read")
            ) from error


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _manifest(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    try:
        content = json.loads((path / MANIFEST).read_bytes())
    except OSError:
        return {}
    return content if isinstance(content, dict) else {}
