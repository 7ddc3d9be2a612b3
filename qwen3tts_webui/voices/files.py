"""Files that are either whole or not there: written aside, then renamed.

A file in the making is called `.NAME.TOKEN.part` and is locked by who writes it; the lock goes with the process, so
that `remove_abandoned` knows a dead writer's part from one that still grows. Knows nothing of what is in the files.
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


class Part:
    """A new, empty `file` that shall become `path`: `put_in_place` once it is written, or `drop`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part, self.file = _locked_part(path)

    def put_in_place(self) -> None:
        """It becomes `path`, on the disk and not only in its cache; `sync_folder` makes the name last as well."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._part.replace(self.path)

    def drop(self) -> None:
        """Nothing is left of it. Does nothing once it is in place."""
        with suppress(OSError):  # a full disk refuses what is still buffered
            self.file.close()
        self._part.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """`path` holds `data`, or what it held before."""
    part = Part(path)
    try:
        part.file.write(data)
        part.put_in_place()
    finally:
        part.drop()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut, where the system can."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_abandoned(folder: Path) -> None:
    """Remove every part in `folder` whose writer is gone."""
    for part in folder.glob(".*.part"):
        with suppress(OSError):  # its writer lives
            if sys.platform == "win32":
                part.unlink()
            else:
                with part.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    part.unlink()


def _locked_part(path: Path) -> tuple[Path, BinaryIO]:
    while True:
        part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        file = part.open("xb")
        if sys.platform != "win32":
            fcntl.flock(file, fcntl.LOCK_EX)
            if not part.exists():  # taken for an abandoned one before it was locked
                file.close()
                continue
        return part, file
