"""Bounded queues between an engine's thread and one listener: audio out, text in.

In: PCM blocks, then one ending. Out: the same blocks, by `for`, by `async for`, or one by one. The engine's side never
blocks; the listener's side is notified, never polls. Knows nothing of text processing, models or file formats.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import numpy as np

from qwen3tts_webui.errors import SpeechError, SynthesisError
from qwen3tts_webui.types import SAMPLE_RATE, Pcm, SynthesisResult, Timings, WordMark


class EventLoopNotifier:
    """Schedule `action` on an event loop from any thread; calls in a burst become one.

    Everything done before the call is visible to `action`. If the loop is closed, `on_loop_closed` runs instead, in the
    caller's thread.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, action: Callable[[], None], on_loop_closed: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._action = action
        self._on_loop_closed = on_loop_closed
        self._pending = False

    def __call__(self) -> None:
        if self._pending:
            return
        self._pending = True
        try:
            self._loop.call_soon_threadsafe(self._run)
        except RuntimeError:
            self._on_loop_closed()

    def _run(self) -> None:
        self._pending = False  # before the action: a call from here on may have done something it does not see
        self._action()


class PcmStream:
    """A bounded queue of PCM for one listener; implements `PcmSink`.

    The bound is advisory: `is_backpressured` turns True once `capacity_s` seconds of audio are buffered, until half of
    them were read, and the engine serves others meanwhile; `put` always accepts. Iteration ends after `finish` or
    `cancel` and raises what `fail` got. Leaving an iteration early does not cancel: call `cancel`, from any thread.
    """

    def __init__(self, *, capacity_s: float = 30.0) -> None:
        self._capacity = int(capacity_s * SAMPLE_RATE)
        self._blocks: deque[Pcm] = deque()
        self._buffered = 0
        self._backpressured = False
        self.marks: list[WordMark] = []
        self.early_timings: Timings | None = None
        self._result: SynthesisResult | None = None
        self._error: Exception | None = None
        self._cancelled = False
        self._change = threading.Condition()
        self._on_data: Callable[[], None] | None = None
        self._on_capacity: Callable[[], None] | None = None

    # the engine's side

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    @property
    def is_backpressured(self) -> bool:
        return self._backpressured

    def begin(self, timings: Timings) -> None:
        """Keep the times until the first audio."""
        self.early_timings = timings

    def put(self, pcm: Pcm) -> None:
        """Append `pcm`, float32 (samples,). Dropped when the listener has left."""
        with self._change:
            if self.ended:
                return
            self._blocks.append(pcm)
            self._buffered += len(pcm)
            self._backpressured = self._backpressured or self._buffered >= self._capacity
            self._change.notify_all()
        _notify(self._on_data)

    def mark(self, marks: Sequence[WordMark]) -> None:
        """Append to `marks`, the words so far."""
        self.marks.extend(marks)

    def finish(self, result: SynthesisResult) -> None:
        """End successfully. The first ending counts; after `cancel` this only confirms that the engine has stopped."""
        with self._change:
            if self._result is None and self._error is None:
                self._result = result
            self._change.notify_all()
        _notify(self._on_data)

    def fail(self, error: Exception) -> None:
        """End with `error`. Foreign exceptions are wrapped in `SynthesisError`, so that their text never leaks."""
        if not isinstance(error, SpeechError):
            wrapped = SynthesisError()
            wrapped.__cause__ = error
            error = wrapped
        with self._change:
            if self._result is None and self._error is None:
                self._error = error
            self._change.notify_all()
        _notify(self._on_data)

    def watch(self, on_capacity: Callable[[], None]) -> None:
        """Call `on_capacity`, from the listener's thread, after a read or a cancel; at once if already cancelled."""
        self._on_capacity = on_capacity
        if self._cancelled:
            on_capacity()

    # the listener's side

    @property
    def ended(self) -> bool:
        """True after `finish`, `fail` or `cancel`: nothing more will be added."""
        return self._cancelled or self._result is not None or self._error is not None

    @property
    def result(self) -> SynthesisResult | None:
        """The result passed to `finish`; None while running, after a failure and after an unconfirmed cancel."""
        return self._result

    def set_data_callback(self, on_data: Callable[[], None] | None) -> None:
        """Call `on_data`, from any thread, after each `put` and at the end; at once if there is data already."""
        self._on_data = on_data
        if self._blocks or self.ended:
            _notify(on_data)

    def read(self, min_samples: int = 0) -> Pcm | None:
        """Return the next block, joined with those behind it until it has `min_samples`; never waits.

        None if nothing is buffered (yet, or for good: see `ended`). After the last block, raises what `fail` got.
        """
        with self._change:
            if not self._blocks:
                if self._error is not None and not self._cancelled:
                    raise self._error
                return None
            blocks = [self._blocks.popleft()]
            length = len(blocks[0])
            while length < min_samples and self._blocks:
                blocks.append(self._blocks.popleft())
                length += len(blocks[-1])
            self._buffered -= length
            self._backpressured = self._backpressured and self._buffered > self._capacity // 2
            self._change.notify_all()
        _notify(self._on_capacity)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def cancel(self) -> None:
        """Leave: buffered audio is dropped and the engine stops before its next frame. Idempotent."""
        with self._change:
            self._cancelled = True
            self._blocks.clear()
            self._buffered, self._backpressured = 0, False
            self._change.notify_all()
        _notify(self._on_data)
        _notify(self._on_capacity)

    def __iter__(self) -> Iterator[Pcm]:
        while True:
            with self._change:
                self._change.wait_for(lambda: bool(self._blocks) or self.ended)
            block = self.read()
            if block is None:
                return
            yield block

    async def __aiter__(self) -> AsyncIterator[Pcm]:
        woken = asyncio.Event()
        notifier = EventLoopNotifier(asyncio.get_running_loop(), woken.set, self.cancel)
        self.set_data_callback(notifier)
        try:
            while True:
                woken.clear()  # before reading: whatever arrives after the read sets it again
                ended = self.ended
                block = self.read()
                if block is not None:
                    yield block
                elif ended:
                    return
                else:
                    await woken.wait()
        finally:
            if self._on_data is notifier:  # a later iteration may have set its own
                self._on_data = None


def _notify(callback: Callable[[], None] | None) -> None:
    """Take a parameter, not an attribute: another thread may clear the callback between the check and the call."""
    if callback is not None:
        callback()


class TextQueue:
    """Text on its way from a writer to an engine that already synthesizes it; implements `TextStream`.

    Holds at most `limit` characters that were not taken yet. The writer may set `language` when the text turns out to
    be in another one.
    """

    def __init__(self, *, limit: int = 20_000) -> None:
        self.language = ""
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
    def pending_chars(self) -> int:
        """The number of characters that were written and not taken yet."""
        return self._length

    def write(self, text: str) -> bool:
        """Append `text`. Return False, and append nothing, when it does not fit or the queue is closed."""
        with self._lock:
            if self._closed or self._length + len(text) > self._limit:
                return False
            self._pieces.append(text)
            self._length += len(text)
        _notify(self._on_text)
        return True

    def close(self) -> None:
        """Signal that no more text will be written."""
        with self._lock:
            self._closed = True
        _notify(self._on_text)

    def take(self) -> str:
        with self._lock:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._length = 0
        return text

    def watch(self, on_text: Callable[[], None]) -> None:
        """Call `on_text`, from the writer's thread, on each write and on close."""
        self._on_text = on_text
