"""Text that is still being written while it is already spoken.

In: pieces of raw text. Out: segments to submit, and for engines that read along (feature "feed") a `TextQueue` with all
that comes after the first word. For the others: clause by clause, short ones first, so that sound comes soon. Belongs
to one event loop; only the queue crosses threads.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import InvalidValue, TextTooLong
from ..stream import TextQueue
from ..text.boundaries import clauses, sentences
from ..text.clean import has_speech
from ..text.length import letters
from ..text.live import LiveText
from ..text.segment import MAX_LETTERS, fit
from ..types import Segment

_FIRST_LETTERS = 20.0
_GROWTH = 2.0
_CLAUSE_ENDS = (
    *"，。！？；：、…",
    ", ",
    "; ",
    ": ",
    "! ",
    "? ",
)  # a dot may belong to its word: the next one will tell


class Feed:
    """One utterance in the making: `write`, `flush`, `close`. `limit` bounds the characters of all of it.

    `reads_along` says that the engine takes a queue. `next_segment` gives what may be submitted by now.
    """

    def __init__(self, *, limit: int, speed: float, reads_along: bool) -> None:
        self.queue = TextQueue(limit=4 * limit) if reads_along else None
        self.closed = False
        self._limit = limit
        self._speed = speed
        self._pieces: list[str] = []
        self._length = 0
        self._live = LiveText()
        self._rest = ""
        self._clauses: list[str] = []
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
        return self.closed and not self._clauses and not (self._reads_first and has_speech(self._rest))

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after each write, flush and close."""
        self._on_change = on_change

    def write(self, piece: str) -> None:
        """Append raw text. Raises `TextTooLong` for more than `limit` in all, `InvalidValue` after `close`."""
        if self.closed:
            raise InvalidValue(field="text", expected="sent before close", got="sent after it")
        if self._length + len(piece) > self._limit:
            raise TextTooLong(length=self._length + len(piece), limit=self._limit)
        self._length += len(piece)
        self._pieces.append(piece)
        self._take(self._live.push(piece))

    def flush(self) -> None:
        """What was written so far is complete: speak it without waiting for the rest of a word or a clause."""
        self._take(self._live.flush() + " ")
        if self.queue is None and has_speech(self._rest):
            self._clauses.append(self._rest)
            self._rest = ""
        self._changed()

    def close(self) -> None:
        """No more text will come. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self.flush()
        if self.queue is not None:
            self.queue.close()

    def next_segment(self) -> Segment | None:
        """The next segment that is certain, if there is one; with a queue there is only one, the first words."""
        if self.queue is None:
            text = self._next_clauses()
        elif self._reads_first and has_speech(self._rest):
            text, self._rest = self._rest, ""
        else:
            text = ""
        if not text:
            return None
        self._num_segments += 1
        return Segment(index=self._num_segments - 1, line=0, text=text, speed=self._speed)

    @property
    def _reads_first(self) -> bool:
        return self.queue is not None and self._num_segments == 0

    def _take(self, cleaned: str) -> None:
        if self.queue is not None and not self._reads_first:
            self.queue.write(cleaned)
            return
        self._rest += cleaned
        if self.queue is None:
            self._cut()
        self._changed()

    def _cut(self) -> None:
        """Move the clauses that are complete from the rest to those that may be spoken."""
        pieces = [piece for sentence in sentences(self._rest) for piece in clauses(sentence)]
        if letters(self._rest) > MAX_LETTERS:
            pieces = fit(self._rest, MAX_LETTERS / 2)
        elif pieces and pieces[-1].endswith(_CLAUSE_ENDS):
            pieces.append("")
        self._rest = pieces.pop() if pieces else ""
        self._clauses += pieces

    def _next_clauses(self) -> str:
        """One clause at first, then several together: each segment about twice as long as the one before."""
        text = ""
        while self._clauses:
            longer = letters(text) + letters(self._clauses[0])
            if has_speech(text) and longer > self._aim:
                break
            text += self._clauses.pop(0)
        if not has_speech(text):
            if not self.closed:
                self._clauses = [text] if text else []
            return ""
        self._aim = min(max(self._aim, letters(text)) * _GROWTH, MAX_LETTERS)
        return text.strip()

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change()
