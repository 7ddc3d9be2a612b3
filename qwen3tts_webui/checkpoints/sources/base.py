"""The interface of checkpoint sources.

A source lists the files of a model with sizes and checksums, and opens any of them at any byte. It does not know where
they are stored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from qwen3tts_webui.checkpoints.integrity import CODEC_FOLDER, INDEX_FILE, SINGLE_FILE, SMALL_FILES
from qwen3tts_webui.errors import DownloadError, ErrorDetail

_REQUIRED = re.compile(rf"({CODEC_FOLDER}/)?[A-Za-z0-9][\w.-]*\.(json|txt|safetensors)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a model. `sha256` or `git_sha1` (of a Git blob) comes from the source; "" if it has none."""

    path: str
    size: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All required files of `model`, small ones first. `revision` is the source's name for this version."""

    model: str
    revision: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Total bytes."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True, eq=False)
class ByteStream:
    """A file from byte `start` on. `total` is the length of the whole file, None if the server does not state it."""

    start: int
    total: int | None
    blocks: Iterator[bytes]


class Source(Protocol):
    """A place to get models from. Both methods raise a `DownloadError`, or a `TransientError` worth a retry."""

    @property
    def host(self) -> str:
        """The name to display."""
        ...

    def listing(self, model: str) -> Listing:
        """List the required files of a model."""
        ...

    def open(self, listing: Listing, file: RemoteFile, start: int) -> AbstractContextManager[ByteStream]:
        """Open a file at byte `start`."""
        ...


class TransientError(Exception):
    """A failure worth a retry, after `wait_s` if known. `cause` is the error to raise when all retries fail."""

    def __init__(self, cause: DownloadError, wait_s: float | None = None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.wait_s = wait_s


class Checksum:
    """An incremental checksum: SHA-256, or a Git blob hash for small files on Hugging Face."""

    def __init__(self, file: RemoteFile) -> None:
        self._git_size = file.size if file.git_sha1 and not file.sha256 else None
        self.expected = file.sha256 if self._git_size is None else file.git_sha1
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self.length = 0
        if self._git_size is None:
            self._sum = hashlib.sha256()
        else:
            self._sum = hashlib.sha1(b"blob %d\0" % self._git_size, usedforsecurity=False)

    def add(self, block: bytes) -> None:
        """Add the next bytes."""
        self._sum.update(block)
        self.length += len(block)

    @property
    def value(self) -> str:
        """The hex digest so far."""
        return self._sum.hexdigest()


def required_files(model: str, files: list[RemoteFile]) -> tuple[RemoteFile, ...]:
    """Return the files that make up a checkpoint, small ones first; never a name that leads out of the folder.

    Raises DownloadError if they cannot be one, so that nothing is downloaded in vain.
    """
    required = [file for file in files if _REQUIRED.fullmatch(file.path)]
    required.sort(key=lambda file: (file.size, file.path))
    names = {file.path for file in required}
    missing = [name for name in SMALL_FILES if name not in names]
    for folder in ("", f"{CODEC_FOLDER}/"):
        if not names & {folder + SINGLE_FILE, folder + INDEX_FILE}:
            missing.append(folder + SINGLE_FILE)
    if missing:
        reason = ErrorDetail("no_checkpoint", "it is not a Qwen3-TTS checkpoint: {file} is missing", file=missing[0])
        raise DownloadError(what=model, reason=reason)
    if any(file.size < 0 for file in required):
        raise DownloadError(what=model, reason=ErrorDetail("no_sizes", "the hub does not state file sizes"))
    return tuple(required)
