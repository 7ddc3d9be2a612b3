"""Download one file: resume where it stopped, count, verify, and cancel at any byte.

The file grows as `NAME.part` and is renamed only when its size and checksum are correct.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from qwen3tts_webui.checkpoints.progress import ProgressTracker
from qwen3tts_webui.checkpoints.sources import ByteStream, Checksum, Listing, RemoteFile, Source, TransientError
from qwen3tts_webui.errors import ChecksumMismatch, DownloadStopped, HubUnreachable

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How many attempts in a row may bring no new byte; the wait between them doubles from `initial_wait_s`."""

    max_attempts: int = 6
    initial_wait_s: float = 1.0
    max_wait_s: float = 30.0

    def wait_s(self, failures: int) -> float:
        """Return the seconds to wait after the given number of failures."""
        return min(self.max_wait_s, self.initial_wait_s * 2.0 ** (failures - 1))


class CancelToken:
    """Cancels a download from any thread. `what` names it in the error."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._event = threading.Event()

    def cancel(self) -> None:
        """Request cancellation."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise DownloadStopped once cancelled."""
        if self._event.is_set():
            raise DownloadStopped(what=self._what)

    def wait(self, seconds: float) -> None:
        """Sleep; raise DownloadStopped as soon as cancelled."""
        self._event.wait(seconds)
        self.check()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDownloader:
    """Downloads the files of one listing into `folder`."""

    source: Source
    listing: Listing
    folder: Path
    tracker: ProgressTracker
    cancel_token: CancelToken
    retry_policy: RetryPolicy

    def fetch(self, file: RemoteFile) -> None:
        """Download `file`. A file with a wrong checksum is downloaded once more; then ChecksumMismatch is raised."""
        target = self.folder / file.path
        draft = target.with_name(target.name + ".part")
        target.parent.mkdir(parents=True, exist_ok=True)
        self.tracker.begin_file(file.path)
        if target.exists():  # from an earlier attempt: its checksum decides
            target.replace(draft)
        try:
            self._download(file, draft)
        except ChecksumMismatch:
            draft.unlink(missing_ok=True)
            self._download(file, draft)
        draft.replace(target)
        self.tracker.finish_file(file.size)

    def _download(self, file: RemoteFile, draft: Path) -> None:
        with draft.open("a+b") as opened:
            checksum = self._checksum_of(file, opened)
            if checksum.length > file.size:
                _restart(opened, checksum)
            self._receive(file, opened, checksum)
            opened.flush()
            os.fsync(opened.fileno())
            if checksum.expected:
                is_correct = checksum.value == checksum.expected
            else:  # the source has no checksum: at least the disk must hold what was received
                is_correct = self._checksum_of(file, opened).value == checksum.value
        if not is_correct:
            draft.unlink()
            raise self._mismatch(file)

    def _receive(self, file: RemoteFile, opened: BinaryIO, checksum: Checksum) -> None:
        failures = 0
        while checksum.length < file.size:
            before = checksum.length
            try:
                with self.source.open(self.listing, file, before) as stream:
                    self._append(file, opened, checksum, stream)
                if checksum.length < file.size:
                    raise TransientError(HubUnreachable(host=self.source.host))
            except TransientError as error:
                failures = 1 if checksum.length > before else failures + 1
                if failures > self.retry_policy.max_attempts:
                    raise error.cause from error
                self.cancel_token.wait(self.retry_policy.wait_s(failures) if error.wait_s is None else error.wait_s)

    def _append(self, file: RemoteFile, opened: BinaryIO, checksum: Checksum, stream: ByteStream) -> None:
        """Write the stream to the file; start over if the source does."""
        if stream.total not in (None, file.size):
            raise self._mismatch(file)
        if stream.start != checksum.length:
            if stream.start:
                raise self._mismatch(file)
            _restart(opened, checksum)
        for block in stream.blocks:
            self.cancel_token.check()
            if checksum.length + len(block) > file.size:
                raise self._mismatch(file)
            opened.write(block)
            checksum.add(block)
            self.tracker.update(checksum.length, "receiving", received=len(block))

    def _checksum_of(self, file: RemoteFile, opened: BinaryIO) -> Checksum:
        """Compute the checksum of what is on disk."""
        checksum = Checksum(file)
        opened.seek(0)
        while block := opened.read(_BLOCK_BYTES):
            self.cancel_token.check()
            checksum.add(block)
            self.tracker.update(min(checksum.length, file.size), "checking")
        return checksum

    def _mismatch(self, file: RemoteFile) -> ChecksumMismatch:
        return ChecksumMismatch(what=self.listing.model, file=file.path, host=self.source.host)


def _restart(opened: BinaryIO, checksum: Checksum) -> None:
    opened.truncate(0)
    checksum.reset()
