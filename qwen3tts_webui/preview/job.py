"""One utterance on its way through the preview voice: which clause comes next, what was spoken, how it ended.

In: an utterance and its sink. Knows no thread and no model; whoever drives it calls `next_clause`, `put` and an ending.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable

from qwen3tts_webui.preview.choose import Cast
from qwen3tts_webui.text import boundaries
from qwen3tts_webui.text.language import detect_language
from qwen3tts_webui.text.segment import clauses
from qwen3tts_webui.types import SAMPLES_PER_FRAME, Pcm, PcmSink, Spoken, Stopped, TextFeed, Timings, Utterance

# seconds of sound; the voice is faster than real time by more than GROWTH, so each clause is ready in time
FIRST_S, GROWTH, LONGEST_S = 1.1, 1.6, 12.0

_CLAUSE_END = re.compile(r"(?:[!?。！？，、；：…;]|(?<!\d)[.,:])[\"'”’」』）)]*\s*$")


class Job:
    """Made when an utterance is submitted. `cast` is known once its first clause is about to be spoken."""

    def __init__(self, utterance: Utterance, sink: PcmSink, clock: Callable[[], float] = time.monotonic) -> None:
        self.utterance = utterance
        self.sink = sink
        self.cast: Cast | None = None
        self._clock = clock
        self._asked_at = clock()
        self._started_at: float | None = None
        self._first_at: float | None = None
        self._num_samples = 0
        self._text = utterance.text
        self._clauses: deque[str] | None = None
        self._next: str | None = None
        self._language = utterance.language
        self._aim_s = FIRST_S

    @property
    def language(self) -> str:
        """The language's code; guessed from the text that is there when it is first needed."""
        if self._language == "auto":
            self._language = detect_language(self._text)
        return self._language

    @property
    def started(self) -> bool:
        return self._started_at is not None

    @property
    def capped(self) -> bool:
        """All frames that were allowed are spoken."""
        limit = self.utterance.max_frames
        return limit is not None and self._num_samples >= limit * SAMPLES_PER_FRAME

    def has_clause(self) -> bool:
        """True once `next_clause` knows what comes next, or that nothing will; False while a feed has to be written."""
        if self._next is None:
            self._next = self._whole() if self.utterance.feed is None else self._fed(self.utterance.feed)
        return self._next is not None

    @property
    def silent(self) -> bool:
        """Nothing was heard yet: the next sound is urgent."""
        return self._first_at is None

    def next_clause(self) -> str:
        """What to speak now, "" when nothing will ever come. Only after `has_clause`."""
        if self._started_at is None:
            self._started_at = self._clock()
        clause, self._next = self._next or "", None
        return clause

    def _whole(self) -> str:
        if self._clauses is None:
            self._clauses = deque(clauses(self._text, self.language, first_s=FIRST_S, growth=GROWTH))
        return self._clauses.popleft() if self._clauses else ""

    def _fed(self, feed: TextFeed) -> str | None:
        closed = feed.closed  # read before `take`: what was written before the end is not missed
        self._text += feed.take()
        if not self._text.strip():
            return "" if closed else None
        written = self._text if closed else _whole_clauses(self._text)
        pieces = clauses(written or self._text, self.language, first_s=self._aim_s, growth=GROWTH)
        if not written and len(pieces) < 2:
            return None
        self._text = self._text[self._text.find(pieces[0]) + len(pieces[0]) :]
        self._aim_s = min(self._aim_s * GROWTH, LONGEST_S)
        return pieces[0]

    def put(self, pcm: Pcm) -> None:
        """Hand over one packet, cut at `max_frames`."""
        limit = self.utterance.max_frames
        if limit is not None:
            pcm = pcm[: max(0, limit * SAMPLES_PER_FRAME - self._num_samples)]
        if not len(pcm):
            return
        if self._first_at is None:
            self._first_at = self._clock()
        self._num_samples += len(pcm)
        self.sink.put(pcm)

    def finish(self, stopped: Stopped) -> None:
        self.sink.finish(
            Spoken(
                num_samples=self._num_samples,
                stopped=stopped,
                timings=self._timings(),
                seed=self.utterance.seed,
                engine_voice=None if self.cast is None else self.cast.name,
            )
        )

    def _timings(self) -> Timings:
        return Timings(
            queued_ms=self._ms(self._started_at),
            first_pcm_ms=self._ms(self._first_at),
            total_ms=self._ms(self._clock()),
        )

    def _ms(self, moment: float | None) -> float | None:
        return None if moment is None else (moment - self._asked_at) * 1000


def _whole_clauses(text: str) -> str:
    """`text` up to its last clause that is finished for certain; "" when none is."""
    if _CLAUSE_END.search(text):
        return text
    return "".join(boundaries.clauses(text)[:-1])
