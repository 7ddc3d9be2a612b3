"""Atomic file writes: a file appears complete under its name, or not at all.

A file being written is called `.NAME.TOKEN.part` and is locked by its writer. The lock ends with the process, so
`remove_stale_temp_files` can tell the file of a dead writer from one that still grows. Knows nothing of the contents.
"""

from __future__ import annotations

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

if sys.platform != "win32":
    import fcntl


class AtomicFile:
    """A new, empty `file` that becomes `path` on `commit` and is deleted on `discard`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temp_path, self.file = _open_locked(path)

    def commit(self) -> None:
        """Rename the file to `path` after writing it through to the disk; `sync_folder` makes the name durable too."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._temp_path.replace(self.path)

    def discard(self) -> None:
        """Delete the file. Does nothing after `commit`."""
        with suppress(OSError):  # closing flushes, which fails on a full disk
            self.file.close()
        self._temp_path.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the contents of `path` with `data`, or leave them as they were. Raises `OSError`."""
    atomic = AtomicFile(path)
    try:
        atomic.file.write(data)
        atomic.commit()
    finally:
        atomic.discard()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power failure, on systems that can."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_stale_temp_files(folder: Path) -> None:
    """Delete the unfinished files in `folder` that no running process writes."""
    for temp_path in folder.glob(".*.part"):
        with suppress(OSError):  # its writer is alive
            if sys.platform == "win32":
                temp_path.unlink()
            else:
                with temp_path.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    temp_path.unlink()


def _open_private(path: str, flags: int) -> int:
    """Open a new file that others cannot read; the umask may take more away."""
    return os.open(path, flags, 0o640)


def _open_locked(path: Path) -> tuple[Path, BinaryIO]:
    while True:
        temp_path = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        file = open(temp_path, "xb", opener=_open_private)  # noqa: SIM115
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
            if not temp_path.exists():  # deleted as stale between its creation and the lock
                file.close()
                continue
        return temp_path, file
