"""One line of streamed text, or the part of it between two inline tags.

In: cleaned text, as it is written. Out: the segments that may be submitted. For engines with text streaming that is one
segment (later text goes into its queue); for the others, one or more clauses. Knows no raw text and no engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import regex

from qwen3tts_webui.speech.spoken_text import SpokenText
from qwen3tts_webui.streams import TextQueue
from qwen3tts_webui.text import (
    AUTO,
    MAX_SPEECH_UNITS,
    StreamingNormalizer,
    has_speech,
    speech_units,
    split_clauses,
    split_sentences,
    split_to_length,
)
from qwen3tts_webui.types import Segment

_CLAUSES = regex.compile(r"[^，。！？；：、…,;:!?.]*[，。！？；：、…,;:!?.]+\s*|[^，。！？；：、…,;:!?.]+")
_CLAUSE_END = regex.compile(r"[，。！？；：、…]\s*$|[,;:!?.]\s+$")
# without the period: it may belong to an abbreviation or a number, which only the next word decides
_CLAUSE_ENDS = (*"，。！？；：、…", ", ", "; ", ": ", "! ", "? ")
_TELLING_CHARS = 1_000  # of a line, after which its language no longer changes


@dataclass(frozen=True, slots=True, eq=False)
class StreamedSegment:
    """A segment that may be submitted. `pause_s` is the silence before it; `queue` delivers the rest of its text.

    `spoken_parts` is what `normalizer` made of the text so far.
    """

    segment: Segment
    pause_s: float
    queue: TextQueue | None
    front_end: SpokenText
    text_parts: list[str] = field(default_factory=list)
    spoken_parts: list[str] = field(default_factory=list)
    normalizer: StreamingNormalizer | None = None

    @property
    def text(self) -> str:
        """All of its text written so far."""
        return "".join(self.text_parts).strip()


class StreamedLine:
    """Written with `add`, `flush` and `finish`, read with `next`. `queue_limit` None: the engine takes no queue."""

    def __init__(self, *, line: int, speed: float, queue_limit: int | None, front_end: SpokenText) -> None:
        self.line = line
        self.speed = speed
        self.pause_s = 0.0
        self.started = False
        self.complete = False
        self.num_flushes = 0
        self._queue = None if queue_limit is None else TextQueue(limit=queue_limit)
        self._rest = ""
        self._clauses: list[str] = []
        self._text_parts: list[str] = []
        self.front_end = front_end
        self._written = ""
        self._normalizer: StreamingNormalizer | None = None
        self._spoken: list[str] = []

    @property
    def has_pending_text(self) -> bool:
        """True while it has words that `next` has not returned."""
        return has_speech("".join((*self._clauses, self._rest)))

    def add(self, cleaned: str) -> None:
        """Append cleaned text."""
        if self._queue is not None:
            self._normalize(cleaned)
        if self._queue is not None and self.started:
            self._text_parts.append(cleaned)
            return
        self._rest += cleaned
        if self._queue is None:
            self._cut()

    def flush(self) -> None:
        """Treat everything written so far as complete."""
        self.add(" ")
        if self._normalizer is not None:
            self._put(self._normalizer.flush())
        if self._queue is None and has_speech(self._rest):
            self._clauses.append(self._rest)
            self._rest = ""

    def finish(self) -> None:
        """No more text will be added."""
        self.flush()
        self.complete = True
        if self._queue is not None:
            self._queue.close()

    def clear(self) -> None:
        """Discard what `next` has not returned."""
        self._rest, self._clauses = "", []
        self._normalizer, self._spoken, self._written = None, [], ""

    def next(self, index: int, target_units: float) -> StreamedSegment | None:
        """Return the next segment that may be submitted, as segment `index`; None if there is none yet.

        Clauses are merged up to about `target_units` speech units.
        """
        if self._queue is None:
            text = self._next_clauses(target_units)
        else:
            text = self._rest.lstrip() if has_speech("".join(self._spoken)) else ""
            self._rest = "" if text else self._rest
        if not text:
            return None
        pause_s = 0.0 if self.started else self.pause_s
        self.started = True
        text_parts = [text]
        if self._queue is not None:
            self._text_parts = text_parts
        segment = Segment(index=index, line=self.line, text=text.strip(), speed=self.speed)
        parts = (text_parts, self._spoken, self._normalizer)
        return StreamedSegment(segment, pause_s, self._queue, self.front_end, *parts)

    def _normalize(self, cleaned: str) -> None:
        """Normalize what was written, as far as it is certain."""
        if self._normalizer is None and has_speech(self._rest + cleaned):
            self._normalizer = self.front_end.stream(self._rest + cleaned)
            cleaned = self._rest + cleaned
        if self._normalizer is None:
            return
        for piece in _CLAUSES.findall(cleaned) if self.front_end.language == AUTO else [cleaned]:
            if len(self._written) < _TELLING_CHARS:
                self._written += piece
                if _CLAUSE_END.search(self._written):
                    self._correct_language(self._normalizer)
            self._put(self._normalizer.push(piece))

    def _correct_language(self, normalizer: StreamingNormalizer) -> None:
        """After a clause: the first words may have been too few to tell the language."""
        language = self.front_end.language_of(self._written)
        if self._queue is not None and language != normalizer.language:
            normalizer.language = self._queue.language = language

    def _put(self, spoken: str) -> None:
        self._spoken.append(spoken)
        if self.started and self._queue is not None:
            self._queue.write(spoken)

    def _cut(self) -> None:
        """Move complete clauses from the rest to `_clauses`."""
        pieces = [piece for sentence in split_sentences(self._rest) for piece in split_clauses(sentence)]
        if speech_units(self._rest) > MAX_SPEECH_UNITS:
            pieces = split_to_length(self._rest, MAX_SPEECH_UNITS / 2)
        elif pieces and pieces[-1].endswith(_CLAUSE_ENDS):
            pieces.append("")
        self._rest = pieces.pop() if pieces else ""
        self._clauses += pieces

    def _next_clauses(self, target_units: float) -> str:
        """Take one clause, then as many more as fit."""
        text = ""
        while self._clauses:
            merged_units = speech_units(text) + speech_units(self._clauses[0])
            if has_speech(text) and merged_units > target_units:
                break
            text += self._clauses.pop(0)
        if has_speech(text):
            return text
        if text and not self.complete:
            self._clauses = [text]
        return ""
