"""Download progress. In: byte counts from one thread. Out: a `DownloadProgress` that any thread may read."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from qwen3tts_webui.errors import SpeechError

State = Literal["asking", "receiving", "checking", "done", "stopped", "failed"]

_WINDOW_S = 5.0
_MIN_WINDOW_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadProgress:
    """A snapshot of a download: `done_bytes` of `total_bytes`. None means unknown, never 0."""

    model: str
    state: State = "asking"
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    left_s: float | None = None
    file: str = ""
    error: SpeechError | None = None

    @property
    def running(self) -> bool:
        """True until the download is done, stopped or failed."""
        return self.state in ("asking", "receiving", "checking")


class ProgressTracker:
    """Counts bytes. The speed covers the last five seconds and only bytes that came over the network."""

    def __init__(self, model: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._progress = DownloadProgress(model=model)
        self._finished_bytes = 0  # of files that are complete
        self._received_bytes = 0
        self._window: deque[tuple[float, int]] = deque()

    def begin(self, total_bytes: int) -> None:
        """Begin a download of a known size."""
        self._change(total_bytes=total_bytes)

    def begin_file(self, name: str) -> None:
        """Begin the next file."""
        self._change(file=name)

    def update(self, length: int, state: State, *, received: int = 0) -> None:
        """Record that the current file has `length` bytes now, `received` of them new."""
        now = self._clock()
        with self._lock:
            self._received_bytes += received
            if received:
                self._window.append((now, self._received_bytes))
            while self._window and now - self._window[0][0] > _WINDOW_S:
                self._window.popleft()
        self._change(state=state, done_bytes=self._finished_bytes + length)

    def finish_file(self, size: int) -> None:
        """Record that the current file is complete and verified."""
        self._finished_bytes += size
        self._change(done_bytes=self._finished_bytes)

    def end(self, state: State, error: SpeechError | None = None) -> None:
        """Record that the download has ended."""
        self._change(state=state, error=error)

    @property
    def progress(self) -> DownloadProgress:
        """The current progress."""
        with self._lock:
            progress, speed = self._progress, self._speed()
        if progress.state != "receiving" or speed is None:
            return progress
        left = None if progress.total_bytes is None else (progress.total_bytes - progress.done_bytes) / speed
        return replace(progress, bytes_per_s=speed, left_s=left)

    def _speed(self) -> float | None:
        if len(self._window) < 2:
            return None
        (started, first), (_, last) = self._window[0], self._window[-1]
        seconds = self._clock() - started
        return (last - first) / seconds if seconds >= _MIN_WINDOW_S and last > first else None

    def _change(self, **values: object) -> None:
        with self._lock:
            self._progress = replace(self._progress, **values)  # type: ignore[arg-type]
