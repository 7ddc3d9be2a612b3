"""Where a model comes from: the words that every source speaks.

A source lists the files of a model with their sizes and checksums, and opens one of them at any byte. Knows nothing of
where they go.
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

_WANTED = re.compile(rf"({CODEC_FOLDER}/)?[A-Za-z0-9][\w.-]*\.(json|txt|safetensors)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a model. `sha256` or `git_sha1` (of a Git blob) is what the source tells, "" where it says none."""

    path: str
    size: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All files of `model` that are needed, small ones first; `revision` as the source names it."""

    model: str
    revision: str
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True, eq=False)
class ByteStream:
    """A file being read from byte `start` on; `total` is its whole length as the answer says, None if it does not."""

    start: int
    total: int | None
    blocks: Iterator[bytes]


class Source(Protocol):
    """`host` is a name for people. Both methods raise a `DownloadError`, or `TransientError` for what may pass."""

    @property
    def host(self) -> str: ...

    def listing(self, model: str) -> Listing: ...

    def open(self, listing: Listing, file: RemoteFile, start: int) -> AbstractContextManager[ByteStream]: ...


class TransientError(Exception):
    """This may pass: try again, after `wait_s` where that is known. `cause` is what to say if it does not pass."""

    def __init__(self, cause: DownloadError, wait_s: float | None = None) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.wait_s = wait_s


class Checksum:
    """The checksum of a file that grows: SHA-256, or Git's own for small files on Hugging Face."""

    def __init__(self, file: RemoteFile) -> None:
        self._git_size = file.size if file.git_sha1 and not file.sha256 else None
        self.wanted = file.sha256 if self._git_size is None else file.git_sha1
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.length = 0
        if self._git_size is None:
            self._sum = hashlib.sha256()
        else:
            self._sum = hashlib.sha1(b"blob %d\0" % self._git_size, usedforsecurity=False)

    def add(self, block: bytes) -> None:
        self._sum.update(block)
        self.length += len(block)

    @property
    def value(self) -> str:
        return self._sum.hexdigest()


def required_files(model: str, files: list[RemoteFile]) -> tuple[RemoteFile, ...]:
    """Those of `files` that a checkpoint consists of, small ones first; never a name that leads out of the folder.

    Raises DownloadError when they cannot be a checkpoint: better now than after four gigabytes.
    """
    wanted = sorted((file for file in files if _WANTED.fullmatch(file.path)), key=lambda file: (file.size, file.path))
    names = {file.path for file in wanted}
    missing = [name for name in SMALL_FILES if name not in names]
    for folder in ("", f"{CODEC_FOLDER}/"):
        if not names & {folder + SINGLE_FILE, folder + INDEX_FILE}:
            missing.append(folder + SINGLE_FILE)
    if missing:
        reason = ErrorDetail("no_checkpoint", "it is not a Qwen3-TTS checkpoint: {file} is missing", file=missing[0])
        raise DownloadError(what=model, reason=reason)
    if any(file.size < 0 for file in wanted):
        raise DownloadError(what=model, reason=ErrorDetail("no_sizes", "the hub does not say how big its files are"))
    return tuple(wanted)
