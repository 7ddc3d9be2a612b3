"""Text that is still being written while it is already spoken.

In: pieces of raw text. Out: segments to submit, with the pause before each. As in a whole text, a line end or a mark
(`[pause 0.5s]`, `[1.2x]`) ends a segment. For engines that read along (feature "feed") a segment comes with a
`TextQueue` for all that follows its first word; for the others it is a clause or a few, short ones first, so that sound
comes soon. Belongs to one event loop; only the queues cross threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from qwen3tts_webui.errors import InvalidValue, TextTooLong
from qwen3tts_webui.speech.span import Fed, Span
from qwen3tts_webui.speech.spoken_text import RAW, SpokenText
from qwen3tts_webui.text.length import letters
from qwen3tts_webui.text.live import LiveText
from qwen3tts_webui.text.live_marks import Item, LiveMarks
from qwen3tts_webui.text.marks import MAX_PAUSE_S, MAX_SPEED, MIN_SPEED, Mark
from qwen3tts_webui.text.segment import MAX_LETTERS
from qwen3tts_webui.text.streaming_markup import StreamingMarkup

_FIRST_LETTERS = 20.0
_GROWTH = 2.0  # each segment about twice as long as the one before


class Feed:
    """One utterance in the making: `write`, `flush`, `close`. `limit` bounds the characters of all of it.

    `reads_along` says that the engine takes a queue. `next` gives what may be submitted by now.
    """

    def __init__(self, *, limit: int, speed: float, reads_along: bool, spoken: SpokenText = RAW) -> None:
        self.closed = False
        self._limit = limit
        self._speed = speed
        self._queue_limit = 4 * limit if reads_along else None
        self._pieces: list[str] = []
        self._length = 0
        self._marks = LiveMarks()
        self._live = LiveText()
        self._front_end = spoken
        self._markup = None if spoken.mode == "off" else StreamingMarkup()
        self._spans = deque([Span(line=0, speed=speed, queue_limit=self._queue_limit, front_end=spoken)])
        self._line_is_blank = True
        self._aim = _FIRST_LETTERS
        self._num_segments = 0
        self._on_change: Callable[[], None] | None = None

    @property
    def text(self) -> str:
        """All that was written, raw."""
        return "".join(self._pieces)

    @property
    def ended(self) -> bool:
        """No segment will come any more."""
        return self.closed and not any(span.waiting for span in self._spans)

    @property
    def last_pause_s(self) -> float:
        """Once it has `ended`: the silence after its last words."""
        last = self._spans[-1]
        return 0.0 if last.begun or not self._num_segments else last.pause_s

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after each write, flush and close."""
        self._on_change = on_change

    def write(self, piece: str) -> None:
        """Append raw text.

        Raises `TextTooLong` for more than `limit` in all, `InvalidValue` after `close`: then nothing of it is taken;
        and `InvalidValue` for a mark out of range: then only the mark is left out.
        """
        if self.closed:
            raise InvalidValue(field="text", expected="sent before close", got="sent after it")
        if self._length + len(piece) > self._limit:
            raise TextTooLong(length=self._length + len(piece), limit=self._limit)
        self._length += len(piece)
        self._pieces.append(piece)
        items = self._marks.push(piece if self._markup is None else self._markup.push(piece))
        self._take(items)
        self._changed()
        for item in items:
            if isinstance(item, InvalidValue):
                raise item

    def flush(self) -> None:
        """What was written so far is complete: speak it without waiting for the rest of a word or a clause."""
        self._take(self._flushed())
        self._spans[-1].add(self._live.flush())
        self._spans[-1].flush()
        self._changed()

    def close(self) -> None:
        """No more text will come. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self._take(self._flushed())
        self._spans[-1].add(self._live.flush())
        self._spans[-1].finish()
        self._changed()

    def _flushed(self) -> list[Item]:
        held = [] if self._markup is None else self._marks.push(self._markup.flush())
        return [*held, *self._marks.flush()]

    def next(self) -> Fed | None:
        """The next segment that is certain, if there is one; it counts as given out."""
        while True:
            span = self._spans[0]
            fed = span.next(self._num_segments, self._aim)
            if fed is not None:
                self._num_segments += 1
                self._aim = min(max(self._aim, letters(fed.segment.text)) * _GROWTH, MAX_LETTERS)
                return fed
            if len(self._spans) == 1 or not span.complete:
                return None
            self._spans.popleft()

    def _take(self, items: Iterable[Item]) -> None:
        """Sort what came into spans."""
        for item in items:
            if isinstance(item, str):
                self._line_is_blank = self._line_is_blank and not item.strip()
                self._spans[-1].add(self._live.push(item))
            elif isinstance(item, Mark):
                self._line_is_blank = False
                span = self._new_span()
                span.pause_s = min(span.pause_s + item.pause_s, MAX_PAUSE_S)
                if item.speed is not None:
                    span.speed = min(max(self._speed * item.speed, MIN_SPEED), MAX_SPEED)
            elif item is True:
                span = self._new_span()
                span.line += not self._line_is_blank
                span.speed = self._speed
                self._line_is_blank = True

    def _new_span(self) -> Span:
        """The span that begins here: a new one, unless nothing was said in the last one."""
        last = self._spans[-1]
        last.add(self._live.flush())
        if not last.begun and not last.waiting:
            last.clear()
            return last
        last.finish()
        self._spans.append(
            Span(line=last.line, speed=last.speed, queue_limit=self._queue_limit, front_end=self._front_end)
        )
        return self._spans[-1]

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()
