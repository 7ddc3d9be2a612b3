"""The state of one utterance of the preview voice: its next clause, what was sent, how it ended.

In: an utterance and its sink. Knows neither threads nor models; the caller calls `next_clause`, `put` and `finish`.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qwen3tts_webui.fair_share import client_key
from qwen3tts_webui.preview.voice_selection import VoiceChoice
from qwen3tts_webui.text import detect_language, split_clauses, split_growing_clauses
from qwen3tts_webui.types import (
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    FinishReason,
    Pcm,
    PcmSink,
    SynthesisResult,
    TextStream,
    Timings,
    Utterance,
    WordMark,
)

# seconds of audio per clause; generation is faster than real time by more than GROWTH, so each clause is ready in time
FIRST_S, GROWTH, MAX_S = 1.1, 1.6, 12.0

_CLAUSE_END = re.compile(r"(?:[!?。！？，、；：…;]|(?<!\d)[.,:])[\"'”’」』）)]*\s*$")


@dataclass(slots=True, eq=False)
class Clause:
    """A clause in progress; it begins at character `start` of its utterance's text.

    `urgent`: its utterance has no audio yet; `pieces_done` of its pieces were sent.
    """

    text: str
    start: int = 0
    urgent: bool = False
    pieces_done: int = 0
    interruptions: int = 0


class UtteranceState:
    """Created when an utterance is submitted. `voice` is set when its first clause is about to be synthesized."""

    def __init__(self, utterance: Utterance, sink: PcmSink, clock: Callable[[], float] = time.monotonic) -> None:
        self.utterance = utterance
        self.sink = sink
        self.voice: VoiceChoice | None = None
        self.active_s = 0.0  # in its turns so far
        self._clock = clock
        self._submitted_at = clock()
        self._started_at: float | None = None
        self._first_audio_at: float | None = None
        self._num_samples = 0
        self._text = utterance.text  # as far as it is known
        self._position = 0  # of the next clause in it
        self._clauses: deque[str] | None = None
        self._next: str | None = None
        self._interrupted: Clause | None = None
        self._language = utterance.language
        self._target_s = FIRST_S

    @property
    def client(self) -> str:
        return client_key(self.utterance.client, self)

    @property
    def language(self) -> str:
        """The language code; detected from the text available when it is first needed."""
        if self._language == "auto":
            self._language = detect_language(self._text)
        return self._language

    @property
    def started(self) -> bool:
        """True once its first clause was taken."""
        return self._started_at is not None

    @property
    def at_length_limit(self) -> bool:
        """True once `max_frames` were sent."""
        limit = self.utterance.max_frames
        return limit is not None and self._num_samples >= limit * SAMPLES_PER_FRAME

    @property
    def nothing_sent(self) -> bool:
        """True until the first audio: the next audio is urgent."""
        return self._first_audio_at is None

    @property
    def waited_s(self) -> float:
        """Seconds since it was submitted, until the first audio; then 0."""
        return self._clock() - self._submitted_at if self.nothing_sent else 0.0

    @property
    def lead_s(self) -> float:
        """Seconds of audio sent ahead of playback that started with the first packet; at least 0."""
        if self._first_audio_at is None:
            return 0.0
        return max(0.0, self._num_samples / SAMPLE_RATE - (self._clock() - self._first_audio_at))

    def has_clause(self) -> bool:
        """Return True once `next_clause` knows the next clause, or that there is none; False while waiting for text."""
        if self._interrupted is not None:
            return True
        if self._next is None:
            stream = self.utterance.text_stream
            self._next = self._next_of_text() if stream is None else self._next_of_stream(stream)
        return self._next is not None

    @property
    def all_sent(self) -> bool:
        """True once only its end is left to report. Only after `has_clause`."""
        return self._interrupted is None and self._next == ""

    def next_clause(self) -> Clause:
        """Take the next clause, or again the one that was interrupted. Its text is "" at the end.

        Only after `has_clause`.
        """
        if self._started_at is None:
            self._started_at = self._clock()
        if self._interrupted is not None:
            clause, self._interrupted = self._interrupted, None
            return clause
        text, self._next = self._next or "", None
        found = self._text.find(text, self._position)
        start = self._position if found < 0 else found
        self._position = start + len(text)
        return Clause(text, start, urgent=self.nothing_sent)

    def interrupt(self, clause: Clause) -> None:
        """Give up the turn; `clause` continues with its next piece."""
        clause.interruptions += 1
        self._interrupted = clause

    def put(self, pcm: Pcm) -> None:
        """Send one packet, cut at `max_frames`."""
        limit = self.utterance.max_frames
        if limit is not None:
            pcm = pcm[: max(0, limit * SAMPLES_PER_FRAME - self._num_samples)]
        if not len(pcm):
            return
        if self._first_audio_at is None:
            self._first_audio_at = self._clock()
            self.sink.begin(self._timings())
        self._num_samples += len(pcm)
        self.sink.put(pcm)

    def mark(self, clause: Clause, words: Sequence[WordMark]) -> None:
        """Report where words of `clause` are in its next audio; their positions count from both beginnings."""
        start, sample = clause.start, self._num_samples
        self.sink.mark(
            [
                WordMark(start + word.start, start + word.end, sample + word.start_sample, sample + word.end_sample)
                for word in words
            ]
        )

    def finish(self, finish_reason: FinishReason) -> None:
        """Report the end to the sink."""
        self.sink.finish(
            SynthesisResult(
                num_samples=self._num_samples,
                finish_reason=finish_reason,
                timings=self._timings(),
                seed=self.utterance.seed,
                engine_voice_id=None if self.voice is None else self.voice.id,
            )
        )

    def _next_of_text(self) -> str:
        if self._clauses is None:
            self._clauses = deque(split_growing_clauses(self._text, self.language, first_s=FIRST_S, growth=GROWTH))
        return self._clauses.popleft() if self._clauses else ""

    def _next_of_stream(self, stream: TextStream) -> str | None:
        closed = stream.closed  # read before `take`, so that the last text is not missed
        self._text += stream.take()
        if stream.language and stream.language != self._language:
            self._language, self.voice = stream.language, None
        rest = self._text[self._position :]
        if not rest.strip():
            return "" if closed else None
        complete = rest if closed else _complete_clauses(rest)
        pieces = split_growing_clauses(complete or rest, self.language, first_s=self._target_s, growth=GROWTH)
        if not complete and len(pieces) < 2:
            return None
        self._target_s = min(self._target_s * GROWTH, MAX_S)
        return pieces[0]

    def _timings(self) -> Timings:
        return Timings(
            queued_ms=self._elapsed_ms(self._started_at),
            first_pcm_ms=self._elapsed_ms(self._first_audio_at),
            total_ms=self._elapsed_ms(self._clock()),
        )

    def _elapsed_ms(self, moment: float | None) -> float | None:
        return None if moment is None else (moment - self._submitted_at) * 1000


def _complete_clauses(text: str) -> str:
    """Return `text` up to its last clause that is certainly complete, or ""."""
    if _CLAUSE_END.search(text):
        return text
    return "".join(split_clauses(text)[:-1])
