"""A local folder as a source: a USB stick, a network share, another program's download. In: its path. Out: its files.

The checksums come from our manifest, if the folder has one. Otherwise each file is copied, read again and compared.
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

_BLOCK_BYTES = 1 << 20


class LocalFolder:
    """A complete checkpoint in a folder of this machine. Raises CheckpointError if it is not complete."""

    def __init__(self, path: Path) -> None:
        verify_checkpoint(path)
        self._path = path
        self._manifest = _read_manifest(path)

    @property
    def host(self) -> str:
        """Name of the folder."""
        return self._path.name

    @property
    def model(self) -> str:
        """The id to store it under: that of its manifest, of a released model with the same name, or local/NAME."""
        recorded = str(self._manifest.get("model", ""))
        if is_model_id(recorded):
            return recorded
        name = self._path.resolve().name.replace("___", ".")
        for candidate in CATALOG:
            if candidate.id.split("/")[1].lower() == name.lower():
                return candidate.id
        return f"local/{name}" if is_model_id(f"local/{name}") else "local/model"

    def listing(self, model: str) -> Listing:
        """List the required files."""
        recorded = self._manifest.get("files", {})
        files = []
        for path in (*self._path.iterdir(), *(self._path / CODEC_FOLDER).iterdir()):
            name = path.relative_to(self._path).as_posix()
            if path.is_file() and name != MANIFEST:
                sums = recorded.get(name, {})
                sha256, git_sha1 = sums.get("sha256", ""), sums.get("git_sha1", "")
                files.append(RemoteFile(path=name, size=path.stat().st_size, sha256=sha256, git_sha1=git_sha1))
        revision = str(self._manifest.get("revision", ""))
        return Listing(model=model, revision=revision, files=required_files(model, files))

    @contextmanager
    def open(self, listing: Listing, file: RemoteFile, start: int) -> Iterator[ByteStream]:
        """Open a file at byte `start`."""
        try:
            with (self._path / file.path).open("rb") as opened:
                opened.seek(start)
                yield ByteStream(start, file.size, _blocks(opened))
        except OSError as error:
            reason = error.strerror or ErrorDetail("unreadable", "it cannot be read")
            raise DownloadError(what=file.path, reason=reason) from error


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        yield block


def _read_manifest(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    try:
        content = json.loads((path / MANIFEST).read_bytes())
    except OSError:
        return {}
    return content if isinstance(content, dict) else {}
