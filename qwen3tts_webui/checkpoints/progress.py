"""How far a download is. In: bytes as they come, in one thread. Out: a `DownloadProgress` for anybody, in any thread."""

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
_FIRST_FIGURE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadProgress:
    """`done_bytes` of `total_bytes` are here; what is not known is None, never 0."""

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
        return self.state in ("asking", "receiving", "checking")


class ProgressTracker:
    """Counts; the speed is that of the last five seconds, of bytes that really came over the line."""

    def __init__(self, model: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._progress = DownloadProgress(model=model)
        self._before = 0  # bytes of the files that are finished
        self._received = 0
        self._window: deque[tuple[float, int]] = deque()

    def begin(self, total_bytes: int) -> None:
        """The hub has said how much it is."""
        self._change(total_bytes=total_bytes)

    def file(self, name: str) -> None:
        """A file begins."""
        self._change(file=name)

    def update(self, length: int, state: State, *, received: int = 0) -> None:
        """`length` bytes of the present file are here, `received` of them new."""
        now = self._clock()
        with self._lock:
            self._received += received
            if received:
                self._window.append((now, self._received))
            while self._window and now - self._window[0][0] > _WINDOW_S:
                self._window.popleft()
        self._change(state=state, done_bytes=self._before + length)

    def file_done(self, size: int) -> None:
        """The present file is complete and verified."""
        self._before += size
        self._change(done_bytes=self._before)

    def end(self, state: State, error: SpeechError | None = None) -> None:
        self._change(state=state, error=error)

    @property
    def progress(self) -> DownloadProgress:
        with self._lock:
            progress, speed = self._progress, self._speed()
        if progress.state != "receiving" or speed is None:
            return progress
        left = None if progress.total_bytes is None else (progress.total_bytes - progress.done_bytes) / speed
        return replace(progress, bytes_per_s=speed, left_s=left)

    def _speed(self) -> float | None:
        if len(self._window) < 2:
            return None
        (began, first), (_, last) = self._window[0], self._window[-1]
        seconds = self._clock() - began
        return (last - first) / seconds if seconds >= _FIRST_FIGURE_S and last > first else None

    def _change(self, **values: object) -> None:
        with self._lock:
            self._progress = replace(self._progress, **values)  # type: ignore[arg-type]
