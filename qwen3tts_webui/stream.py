"""The hand-over between an engine's thread and one listener.

In: PCM blocks, then one ending. Out: the same blocks, by `for`, by `async for`, or one by one. The engine's side never
blocks; the listener's side is woken, never polled. Knows nothing of text, models or bytes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

from .errors import SpeechError, SynthesisError
from .types import SAMPLE_RATE, Pcm, Spoken


class PcmStream:
    """A bounded queue of PCM for one listener; implements `PcmSink`.

    The bound is advice: `full` turns True at `capacity_s` seconds of sound that nobody took, and the engine lets others
    go first; `put` always accepts. One listener only. Iteration ends after `finish` or `cancel`, and raises what `fail`
    got.
    """

    def __init__(self, *, capacity_s: float = 30.0) -> None:
        self._capacity = int(capacity_s * SAMPLE_RATE)
        self._blocks: deque[Pcm] = deque()
        self._buffered = 0
        self._spoken: Spoken | None = None
        self._error: Exception | None = None
        self._cancelled = False
        self._change = threading.Condition()
        self._wake: Callable[[], None] | None = None
        self._on_change: Callable[[], None] | None = None

    # the engine's side

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    @property
    def full(self) -> bool:
        return self._buffered >= self._capacity

    @property
    def ended(self) -> bool:
        """True after `finish` or `fail`, or once the listener left."""
        return self._cancelled or self._spoken is not None or self._error is not None

    def put(self, pcm: Pcm) -> None:
        """Hand over `pcm`, float32 (samples,). Dropped when the listener has left."""
        with self._change:
            if self.ended:
                return
            self._blocks.append(pcm)
            self._buffered += len(pcm)
        self._notify()

    def finish(self, spoken: Spoken) -> None:
        with self._change:
            if self._spoken is None and self._error is None:
                self._spoken = spoken
        self._notify()

    def fail(self, error: Exception) -> None:
        """End with `error`; one from outside our tree is wrapped, so that no listener sees a stranger's traceback."""
        with self._change:
            if self._spoken is None and self._error is None:
                if not isinstance(error, SpeechError):
                    wrapped = SynthesisError()
                    wrapped.__cause__ = error
                    error = wrapped
                self._error = error
        self._notify()

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change`, from the listener's thread, whenever sound was taken or the listener left."""
        self._on_change = on_change

    def wait_for_room(self, timeout_s: float | None = None) -> bool:
        """Block until not `full` or cancelled, for engines that may wait; False after `timeout_s`."""
        with self._change:
            return self._change.wait_for(lambda: self._cancelled or not self.full, timeout_s)

    # the listener's side

    @property
    def spoken(self) -> Spoken | None:
        """How it ended, once it has; None while speaking, after a failure and after a cancel nobody confirmed."""
        return self._spoken

    @property
    def buffered_s(self) -> float:
        """Seconds of sound that were made and not yet taken."""
        return self._buffered / SAMPLE_RATE

    def cancel(self) -> None:
        """Leave: what is buffered is dropped and the engine stops before its next frame. Idempotent."""
        with self._change:
            self._cancelled = True
            self._blocks.clear()
            self._buffered = 0
        self._notify()
        self._taken()

    def __iter__(self) -> Iterator[Pcm]:
        while True:
            with self._change:
                self._change.wait_for(lambda: bool(self._blocks) or self.ended)
            block = self._take()
            if block is None:
                return
            yield block

    async def __aiter__(self) -> AsyncIterator[Pcm]:
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(woken.set)
            except RuntimeError:  # the loop closed while the engine was still speaking
                self._cancelled = True

        self._wake = wake
        try:
            while True:
                woken.clear()
                if not self._blocks and not self.ended:
                    await woken.wait()
                    continue
                block = self._take()
                if block is None:
                    return
                yield block
        finally:
            self._wake = None

    def _take(self) -> Pcm | None:
        """The next block; None at the end. Raises the failure once all sound before it was taken."""
        with self._change:
            block = self._blocks.popleft() if self._blocks else None
            if block is not None:
                self._buffered -= len(block)
        if block is None:
            if self._error is not None and not self._cancelled:
                raise self._error
            return None
        self._taken()
        return block

    def _notify(self) -> None:
        with self._change:
            self._change.notify_all()
        if self._wake is not None:
            self._wake()

    def _taken(self) -> None:
        with self._change:
            self._change.notify_all()
        if self._on_change is not None:
            self._on_change()


class TextQueue:
    """Text on its way from a writer to an engine that already speaks it; implements `TextFeed`.

    At most `limit` characters wait at a time.
    """

    def __init__(self, *, limit: int = 20_000) -> None:
        self._limit = limit
        self._pieces: list[str] = []
        self._length = 0
        self._closed = False
        self._lock = threading.Lock()
        self._on_text: Callable[[], None] | None = None

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def waiting(self) -> int:
        """Characters that were written and not yet taken."""
        return self._length

    def write(self, text: str) -> bool:
        """Append `text`; False, and nothing is taken, when it does not fit or the feed is closed."""
        with self._lock:
            if self._closed or self._length + len(text) > self._limit:
                return False
            self._pieces.append(text)
            self._length += len(text)
        self._changed()
        return True

    def close(self) -> None:
        """No more text will come."""
        with self._lock:
            self._closed = True
        self._changed()

    def take(self) -> str:
        with self._lock:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._length = 0
        return text

    def watch(self, on_text: Callable[[], None]) -> None:
        """Call `on_text`, from the writer's thread, on each write and on close."""
        self._on_text = on_text

    def _changed(self) -> None:
        if self._on_text is not None:
            self._on_text()
