"""One file, from a source to the disk: goes on where it was, counts, verifies, and can be stopped at any byte.

The file grows as `NAME.part` and gets its name only when its size and checksum are right.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from qwen3tts_webui.checkpoints.progress import ProgressTracker
from qwen3tts_webui.checkpoints.sources.base import ByteStream, Checksum, Listing, RemoteFile, Source, TransientError
from qwen3tts_webui.errors import ChecksumMismatch, DownloadStopped, HubUnreachable

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often to try again without a single new byte in between, and how long to wait: doubling from `initial_wait_s`."""

    max_attempts: int = 6
    initial_wait_s: float = 1.0
    max_wait_s: float = 30.0

    def wait_s(self, failures: int) -> float:
        return min(self.max_wait_s, self.initial_wait_s * 2.0 ** (failures - 1))


class CancelToken:
    """A person's wish to stop, from any thread."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raises DownloadStopped once that is wished."""
        if self._event.is_set():
            raise DownloadStopped(what=self._what)

    def wait(self, seconds: float) -> None:
        """Wait, but no longer than the wish to go on lasts."""
        self._event.wait(seconds)
        self.check()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDownloader:
    """What all files of one download share."""

    source: Source
    listing: Listing
    folder: Path
    tracker: ProgressTracker
    stop: CancelToken
    retry_policy: RetryPolicy

    def fetch(self, file: RemoteFile) -> None:
        """Bring `file` into the folder. Damaged once, it is loaded anew; damaged twice, it raises FileDamaged."""
        done = self.folder / file.path
        draft = done.with_name(done.name + ".part")
        done.parent.mkdir(parents=True, exist_ok=True)
        self.tracker.file(file.path)
        if done.exists():  # from an earlier try: it is as good as its checksum
            done.replace(draft)
        try:
            self._once(file, draft)
        except ChecksumMismatch:
            draft.unlink(missing_ok=True)
            self._once(file, draft)
        draft.replace(done)
        self.tracker.file_done(file.size)

    def _once(self, file: RemoteFile, draft: Path) -> None:
        with draft.open("a+b") as opened:
            checksum = self._read(file, opened)
            if checksum.length > file.size:
                _restart(opened, checksum)
            self._receive(file, opened, checksum)
            opened.flush()
            os.fsync(opened.fileno())
            if checksum.wanted:
                right = checksum.value == checksum.wanted
            else:  # nobody said what it should be: at least what was written must be what came
                right = self._read(file, opened).value == checksum.value
        if not right:
            draft.unlink()
            raise self._damaged(file)

    def _receive(self, file: RemoteFile, opened: BinaryIO, checksum: Checksum) -> None:
        failures = 0
        while checksum.length < file.size:
            before = checksum.length
            try:
                with self.source.open(self.listing, file, before) as answer:
                    self._append(file, opened, checksum, answer)
                if checksum.length < file.size:
                    raise TransientError(HubUnreachable(host=self.source.host))
            except TransientError as broken:
                failures = 1 if checksum.length > before else failures + 1
                if failures > self.retry_policy.max_attempts:
                    raise broken.cause from broken
                self.stop.wait(self.retry_policy.wait_s(failures) if broken.wait_s is None else broken.wait_s)

    def _append(self, file: RemoteFile, opened: BinaryIO, checksum: Checksum, answer: ByteStream) -> None:
        """Write what comes; begin anew where the source does."""
        if answer.total not in (None, file.size):
            raise self._damaged(file)
        if answer.start != checksum.length:
            if answer.start:
                raise self._damaged(file)
            _restart(opened, checksum)
        for block in answer.blocks:
            self.stop.check()
            if checksum.length + len(block) > file.size:
                raise self._damaged(file)
            opened.write(block)
            checksum.add(block)
            self.tracker.update(checksum.length, "receiving", received=len(block))

    def _read(self, file: RemoteFile, opened: BinaryIO) -> Checksum:
        """The checksum of what lies on the disk."""
        checksum = Checksum(file)
        opened.seek(0)
        while block := opened.read(_BLOCK):
            self.stop.check()
            checksum.add(block)
            self.tracker.update(min(checksum.length, file.size), "checking")
        return checksum

    def _damaged(self, file: RemoteFile) -> ChecksumMismatch:
        return ChecksumMismatch(what=self.listing.model, file=file.path, host=self.source.host)


def _restart(opened: BinaryIO, checksum: Checksum) -> None:
    opened.truncate(0)
    checksum.reset()
