"""Events with the positions of a segment's words, while its audio is generated and at its end.

In: the segment's state, and how much audio there is. Out: `WordsTimed`, exact where the engine reports its words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qwen3tts_webui.speech.events import TimedWord, WordsTimed
from qwen3tts_webui.speech.segment_pipeline import SegmentState
from qwen3tts_webui.speech.validation import PreparedRequest
from qwen3tts_webui.speech.word_timing import SegmentWords, TypedText
from qwen3tts_webui.types import FinishReason


class WordEvents:
    """The words of one segment. `typed_text` returns the text of the request so far."""

    def __init__(
        self,
        state: SegmentState,
        start_sample: int,
        prepared: PreparedRequest,
        typed: TypedText,
        typed_text: Callable[[], str],
    ) -> None:
        self._state = state
        self._start_sample = start_sample
        self._prepared = prepared
        self._typed_text = typed_text
        self._timing = SegmentWords(state.segment, start_sample, typed)

    @property
    def words(self) -> tuple[TimedWord, ...]:
        """All words so far."""
        return tuple(self._timing.words)

    @property
    def estimated(self) -> bool:
        """Whether the words share the audio by their length."""
        return self._timing.estimated

    def at_start(self) -> Iterator[WordsTimed]:
        """Estimate, if the engine does not report words."""
        if "word_timing" not in self._prepared.info.features:
            yield from self._event(self._estimate(None))

    def reported(self) -> Iterator[WordsTimed]:
        """What the engine has reported since the last call."""
        stream, spoken = self._state.stream, self._state.spoken_form
        if stream is not None and stream.marks and spoken is not None:
            yield from self._event(
                self._timing.exact(stream.marks, self._state.engine_text, spoken, self._typed_text())
            )

    def at_end(self, position: int, finish_reason: FinishReason) -> Iterator[WordsTimed]:
        """What is left, or the estimate for the audio as long as it became; it ends at `position`."""
        yield from self.reported()
        complete = finish_reason == "stop"
        if self.estimated:
            self._estimate(position - self._start_sample if complete else None)
        self._timing.cut(position, complete=complete)
        if self.estimated:
            yield from self._event(self.words)

    def _estimate(self, num_samples: int | None) -> tuple[TimedWord, ...]:
        text = self._state.text
        language = self._prepared.spoken.language_of(text)
        return self._timing.estimate(text, language, self._typed_text(), num_samples)

    def _event(self, words: tuple[TimedWord, ...]) -> Iterator[WordsTimed]:
        if words:
            yield WordsTimed(self._state.segment, words, self.estimated)
