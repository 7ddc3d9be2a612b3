"""A span of fed text: what lies between two line ends or marks.

In: cleaned text, as it is written. Out: what of it may be submitted by now. For engines that read along that is one
segment, whose later text goes into its queue; for the others a clause or a few. Knows no raw text and no engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qwen3tts_webui.speech.spoken_text import SpokenText
from qwen3tts_webui.stream import TextQueue
from qwen3tts_webui.text.boundaries import clauses, sentences
from qwen3tts_webui.text.clean import has_speech
from qwen3tts_webui.text.length import letters
from qwen3tts_webui.text.normalize import StreamingNormalizer
from qwen3tts_webui.text.segment import MAX_LETTERS, fit
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
class Fed:
    """A segment that may be submitted; `pause_s` is the silence before it, `queue` brings the rest of its text."""

    segment: Segment
    pause_s: float
    queue: TextQueue | None
    said: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it that was written so far."""
        return "".join(self.said).strip()


class Span:
    """`add`, `flush`, `finish` as it is written; `next` as it is spoken. `queue_limit` None: the engine takes none."""

    def __init__(self, *, line: int, speed: float, queue_limit: int | None, front_end: SpokenText) -> None:
        self.line = line
        self.speed = speed
        self.pause_s = 0.0
        self.begun = False
        self.complete = False
        self._queue = None if queue_limit is None else TextQueue(limit=queue_limit)
        self._rest = ""
        self._clauses: list[str] = []
        self._said: list[str] = []
        self._front_end = front_end
        self._normalizer: StreamingNormalizer | None = None
        self._spoken: list[str] = []

    @property
    def waiting(self) -> bool:
        """There are words in it that were not given out yet."""
        return has_speech("".join((*self._clauses, self._rest)))

    def add(self, cleaned: str) -> None:
        """Append what was written."""
        if self._queue is not None:
            self._speak(cleaned)
        if self._queue is not None and self.begun:
            self._said.append(cleaned)
            return
        self._rest += cleaned
        if self._queue is None:
            self._cut()

    def flush(self) -> None:
        """What was written so far may be spoken as it is."""
        self.add(" ")
        if self._normalizer is not None:
            self._put(self._normalizer.flush())
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
        self._normalizer, self._spoken = None, []

    def next(self, index: int, aim: float) -> Fed | None:
        """The next segment that is certain, about `aim` letters long if it is one of several; it becomes `index`."""
        if self._queue is None:
            text = self._next_clauses(aim)
        else:
            text = self._rest.lstrip() if has_speech("".join(self._spoken)) else ""
            self._rest = "" if text else self._rest
        if not text:
            return None
        pause_s = 0.0 if self.begun else self.pause_s
        self.begun = True
        said = [text]
        if self._queue is not None:
            self._said = said
        segment = Segment(index=index, line=self.line, text=text.strip(), speed=self.speed)
        return Fed(segment, pause_s, self._queue, said, self._spoken)

    def _speak(self, cleaned: str) -> None:
        """Normalize what was written, as far as it is certain."""
        if self._normalizer is None and has_speech(self._rest + cleaned):
            self._normalizer = self._front_end.stream(self._rest + cleaned)
            cleaned = self._rest + cleaned
        if self._normalizer is not None:
            self._put(self._normalizer.push(cleaned))

    def _put(self, spoken: str) -> None:
        self._spoken.append(spoken)
        if self.begun and self._queue is not None:
            self._queue.write(spoken)

    def _cut(self) -> None:
        """Move the clauses that are complete from the rest to those that may be spoken."""
        pieces = [piece for sentence in sentences(self._rest) for piece in clauses(sentence)]
        if letters(self._rest) > MAX_LETTERS:
            pieces = fit(self._rest, MAX_LETTERS / 2)
        elif pieces and pieces[-1].endswith(_CLAUSE_ENDS):
            pieces.append("")
        self._rest = pieces.pop() if pieces else ""
        self._clauses += pieces

    def _next_clauses(self, aim: float) -> str:
        """One clause at first, then several together."""
        text = ""
        while self._clauses:
            longer = letters(text) + letters(self._clauses[0])
            if has_speech(text) and longer > aim:
                break
            text += self._clauses.pop(0)
        if has_speech(text):
            return text
        if text and not self.complete:
            self._clauses = [text]
        return ""
