"""A folder as a source: a USB stick, a share, another program's download. In: its path. Out: its files.

A folder with our manifest brings its checksums along; any other one is copied, read again and compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from qwen3tts_webui.checkpoints.catalog import CATALOG, is_model_id
from qwen3tts_webui.checkpoints.integrity import CODEC_FOLDER
from qwen3tts_webui.checkpoints.local_store import MANIFEST, verify_checkpoint
from qwen3tts_webui.checkpoints.sources.base import ByteStream, Listing, RemoteFile, required_files
from qwen3tts_webui.errors import DownloadError, ErrorDetail

_BLOCK = 1 << 20


class LocalFolder:
    """A whole checkpoint somewhere on this machine. Raises CheckpointError when it is not whole."""

    def __init__(self, path: Path) -> None:
        verify_checkpoint(path)
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
        for candidate in CATALOG:
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
        return Listing(
            model=model, revision=str(self._manifest.get("revision", "")), files=required_files(model, files)
        )

    @contextmanager
    def open(self, listing: Listing, file: RemoteFile, start: int) -> Iterator[ByteStream]:
        try:
            with (self._path / file.path).open("rb") as opened:
                opened.seek(start)
                yield ByteStream(start, file.size, _blocks(opened))
        except OSError as error:
            raise DownloadError(
                what=file.path, reason=error.strerror or ErrorDetail("unreadable", "it cannot be read")
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
