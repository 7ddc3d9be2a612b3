"""A span of fed text: what lies between two line ends or marks.

In: cleaned text, as it is written. Out: what of it may be submitted by now. For engines that read along that is one
segment, whose later text goes into its queue; for the others a clause or a few. Knows no raw text and no engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qwen3tts_webui.streams import TextQueue
from qwen3tts_webui.text.clean import has_speech
from qwen3tts_webui.text.duration import speech_units
from qwen3tts_webui.text.segment import MAX_SPEECH_UNITS, split_to_length
from qwen3tts_webui.text.sentence_splitter import split_clauses, split_sentences
from qwen3tts_webui.types import Segment

_CLAUSE_ENDS = (
    *"，。！？；：、…",
    ", ",
    "; ",
    ": ",
    "! ",
    "? ",
)  # a dot may belong to its word: the next one will tell


@dataclass(frozen=True, slots=True, eq=False)
class StreamedSegment:
    """A segment that may be submitted; `pause_s` is the silence before it, `queue` brings the rest of its text."""

    segment: Segment
    pause_s: float
    queue: TextQueue | None
    said: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it that was written so far."""
        return "".join(self.said).strip()


class StreamedLine:
    """`add`, `flush`, `finish` as it is written; `next` as it is spoken. `queue_limit` None: the engine takes none."""

    def __init__(self, *, line: int, speed: float, queue_limit: int | None) -> None:
        self.line = line
        self.speed = speed
        self.pause_s = 0.0
        self.begun = False
        self.complete = False
        self._queue = None if queue_limit is None else TextQueue(limit=queue_limit)
        self._rest = ""
        self._clauses: list[str] = []
        self._said: list[str] = []

    @property
    def waiting(self) -> bool:
        """There are words in it that were not given out yet."""
        return has_speech("".join((*self._clauses, self._rest)))

    def add(self, cleaned: str) -> None:
        """Append what was written."""
        if self._queue is not None and self.begun:
            self._queue.write(cleaned)
            self._said.append(cleaned)
            return
        self._rest += cleaned
        if self._queue is None:
            self._cut()

    def flush(self) -> None:
        """What was written so far may be spoken as it is."""
        self.add(" ")
        if self._queue is None and has_speech(self._rest):
            self._clauses.append(self._rest)
            self._rest = ""

    def finish(self) -> None:
        """No more text will come."""
        self.flush()
        self.complete = True
        if self._queue is not None:
            self._queue.close()

    def clear(self) -> None:
        """Forget what was not given out."""
        self._rest, self._clauses = "", []

    def next(self, index: int, aim: float) -> StreamedSegment | None:
        """The next segment that is certain, about `aim` letters long if it is one of several; it becomes `index`."""
        if self._queue is None:
            text = self._next_clauses(aim)
        else:
            text = self._rest.lstrip() if has_speech(self._rest) else ""
            self._rest = "" if text else self._rest
        if not text:
            return None
        pause_s = 0.0 if self.begun else self.pause_s
        self.begun = True
        said = [text]
        if self._queue is not None:
            self._said = said
        segment = Segment(index=index, line=self.line, text=text.strip(), speed=self.speed)
        return StreamedSegment(segment, pause_s, self._queue, said)

    def _cut(self) -> None:
        """Move the clauses that are complete from the rest to those that may be spoken."""
        pieces = [piece for sentence in split_sentences(self._rest) for piece in split_clauses(sentence)]
        if speech_units(self._rest) > MAX_SPEECH_UNITS:
            pieces = split_to_length(self._rest, MAX_SPEECH_UNITS / 2)
        elif pieces and pieces[-1].endswith(_CLAUSE_ENDS):
            pieces.append("")
        self._rest = pieces.pop() if pieces else ""
        self._clauses += pieces

    def _next_clauses(self, aim: float) -> str:
        """One clause at first, then several together."""
        text = ""
        while self._clauses:
            longer = speech_units(text) + speech_units(self._clauses[0])
            if has_speech(text) and longer > aim:
                break
            text += self._clauses.pop(0)
        if has_speech(text):
            return text
        if text and not self.complete:
            self._clauses = [text]
        return ""
