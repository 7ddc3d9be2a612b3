"""The hand-over between an engine's thread and one listener.

In: PCM blocks, then one ending. Out: the same blocks, by `for`, by `async for`, or one by one. The engine's side never
blocks; the listener's side is woken, never polled. Knows nothing of text, models or bytes.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator

import numpy as np

from qwen3tts_webui.errors import SpeechError, SynthesisError
from qwen3tts_webui.types import SAMPLE_RATE, Pcm, Spoken


class LoopWaker:
    """Runs `action` on an event loop whenever somebody, in any thread, calls the waker; calls in a burst become one.

    What was done before the call is visible to `action`. `orphaned` runs, in the caller's thread, if the loop is shut.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, action: Callable[[], None], orphaned: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._action = action
        self._orphaned = orphaned
        self._pending = False

    def __call__(self) -> None:
        if self._pending:
            return
        self._pending = True
        try:
            self._loop.call_soon_threadsafe(self._run)
        except RuntimeError:
            self._orphaned()

    def _run(self) -> None:
        self._pending = False  # before the action: whoever calls from here on has done something it may not have seen
        self._action()


class PcmStream:
    """A bounded queue of PCM for one listener; implements `PcmSink`.

    The bound is advice: `full` turns True at `capacity_s` seconds of sound that nobody took, and the engine lets others
    go first; `put` always accepts. One listener only. Iteration ends after `finish` or `cancel` and raises what `fail`
    got; leaving an iteration early is not a `cancel`: say so. `cancel` may be called from any thread.
    """

    def __init__(self, *, capacity_s: float = 30.0) -> None:
        self._capacity = int(capacity_s * SAMPLE_RATE)
        self._blocks: deque[Pcm] = deque()
        self._buffered = 0
        self._spoken: Spoken | None = None
        self._error: Exception | None = None
        self._cancelled = False
        self._change = threading.Condition()
        self._on_sound: Callable[[], None] | None = None
        self._on_room: Callable[[], None] | None = None

    # the engine's side

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    @property
    def full(self) -> bool:
        return self._buffered >= self._capacity

    def put(self, pcm: Pcm) -> None:
        """Hand over `pcm`, float32 (samples,). Dropped when the listener has left."""
        with self._change:
            if self.ended:
                return
            self._blocks.append(pcm)
            self._buffered += len(pcm)
            self._change.notify_all()
        _call(self._on_sound)

    def finish(self, spoken: Spoken) -> None:
        """End well. The first ending counts; after a `cancel` it only confirms that the engine has stopped."""
        with self._change:
            if self._spoken is None and self._error is None:
                self._spoken = spoken
            self._change.notify_all()
        _call(self._on_sound)

    def fail(self, error: Exception) -> None:
        """End with `error`; one from outside our tree is wrapped, so that no listener ever sees a stranger's words."""
        if not isinstance(error, SpeechError):
            wrapped = SynthesisError()
            wrapped.__cause__ = error
            error = wrapped
        with self._change:
            if self._spoken is None and self._error is None:
                self._error = error
            self._change.notify_all()
        _call(self._on_sound)

    def watch(self, on_room: Callable[[], None]) -> None:
        """Call `on_room`, from the listener's thread, when sound was taken or the listener left; at once if it did."""
        self._on_room = on_room
        if self._cancelled:
            on_room()

    def wait_for_room(self, timeout_s: float | None = None) -> bool:
        """Block until not `full` or cancelled (for engines with a thread an utterance); False after `timeout_s`."""
        with self._change:
            return self._change.wait_for(lambda: self._cancelled or not self.full, timeout_s)

    # the listener's side

    @property
    def ended(self) -> bool:
        """True after `finish` or `fail`, or once the listener left: nothing will be added any more."""
        return self._cancelled or self._spoken is not None or self._error is not None

    @property
    def spoken(self) -> Spoken | None:
        """How it ended, once it has; None while speaking, after a failure and after a cancel nobody confirmed."""
        return self._spoken

    @property
    def buffered_s(self) -> float:
        """Seconds of sound that were made and not yet taken."""
        return self._buffered / SAMPLE_RATE

    def listen(self, on_sound: Callable[[], None] | None) -> None:
        """Call `on_sound`, from any thread, after each `put` and at the end; at once if there already is something."""
        self._on_sound = on_sound
        if self._blocks or self.ended:
            _call(on_sound)

    def take(self, join: int = 0) -> Pcm | None:
        """The next block, and what waits behind it until they are `join` samples together; never waiting. None if there
        is none (yet, or ever: see `ended`). After the last, raises what `fail` got.
        """
        with self._change:
            if not self._blocks:
                if self._error is not None and not self._cancelled:
                    raise self._error
                return None
            taken = [self._blocks.popleft()]
            length = len(taken[0])
            while length < join and self._blocks:
                taken.append(self._blocks.popleft())
                length += len(taken[-1])
            self._buffered -= length
            self._change.notify_all()
        _call(self._on_room)
        return taken[0] if len(taken) == 1 else np.concatenate(taken)

    def cancel(self) -> None:
        """Leave: what is buffered is dropped and the engine stops before its next frame. Idempotent."""
        with self._change:
            self._cancelled = True
            self._blocks.clear()
            self._buffered = 0
            self._change.notify_all()
        _call(self._on_sound)
        _call(self._on_room)

    def __iter__(self) -> Iterator[Pcm]:
        while True:
            with self._change:
                self._change.wait_for(lambda: bool(self._blocks) or self.ended)
            block = self.take()
            if block is None:
                return
            yield block

    async def __aiter__(self) -> AsyncIterator[Pcm]:
        woken = asyncio.Event()
        waker = LoopWaker(asyncio.get_running_loop(), woken.set, self.cancel)
        self.listen(waker)
        try:
            while True:
                woken.clear()  # before looking: what comes after the look sets it again
                ended = self.ended
                block = self.take()
                if block is not None:
                    yield block
                elif ended:
                    return
                else:
                    await woken.wait()
        finally:
            if self._on_sound is waker:  # a later iteration may already listen
                self._on_sound = None


def _call(hook: Callable[[], None] | None) -> None:
    """A parameter, not an attribute: the hook may be taken away by another thread between the look and the call."""
    if hook is not None:
        hook()


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
        _call(self._on_text)
