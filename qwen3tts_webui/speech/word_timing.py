"""Where the words of a request are: in its text as it was typed, and in its audio.

In: the words that an engine reports, or how long an utterance became. Out: `TimedWord`s. Without reports, words share
the audio by their length. Knows no engine and no audio.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import regex

from qwen3tts_webui.speech.events import TimedWord
from qwen3tts_webui.text import NormalizedText, estimate_duration_s, speech_units
from qwen3tts_webui.types import SAMPLE_RATE, Segment, WordMark

_WORD = regex.compile(r"\p{Han}|[\p{Hiragana}\p{Katakana}ー]+|[^\s\p{Han}\p{Hiragana}\p{Katakana}]+")
_SPEECH = regex.compile(r"[\p{L}\p{N}\p{Sc}].*[\p{L}\p{M}\p{N}\p{Sc}%°]|[\p{L}\p{N}]")
_SEARCH_CHARS = 2_000


class TypedText:
    """Finds words, one after the other, in the text of a request. Markup and tags between them are skipped."""

    def __init__(self) -> None:
        self._end = 0

    def find(self, text: str, word: str) -> tuple[int, int] | None:
        """Return where `word` is in `text`, after the word before; None if it is not found as it is."""
        start = text.find(word, self._end, self._end + _SEARCH_CHARS)
        if start < 0 or not word:
            return None
        self._end = start + len(word)
        return start, self._end


class SegmentWords:
    """The words of one segment, which starts at `start_sample` of the request's audio. `typed` belongs to the request.

    In its methods, `typed` is the text of the request so far.
    """

    def __init__(self, segment: Segment, start_sample: int, typed: TypedText) -> None:
        self._segment = segment
        self._start_sample = start_sample
        self._typed = typed
        self._places: dict[int, tuple[int, int] | None] = {}  # in the typed text, by position in the segment's
        self._num_marks = 0
        self._end = 0
        self.words: list[TimedWord] = []
        self.estimated = True

    def exact(
        self, marks: Sequence[WordMark], engine_text: str, normalized: NormalizedText, typed: str
    ) -> tuple[TimedWord, ...]:
        """Return the words that the engine has reported since the last call.

        Their positions count in `engine_text`: the spoken text of `normalized`, but for spaces.
        """
        new = marks[self._num_marks :]
        if new and self.estimated:
            self.words, self.estimated = [], False
        first = len(self.words)
        for mark in new:
            spoken = _without_spaces(engine_text, normalized.spoken, mark.start, mark.end)
            start, end = normalized.written_range(*spoken)
            samples = (self._sample(mark.start_sample), self._sample(mark.end_sample))
            if start >= self._end:
                self.words.append(self._word(normalized.written, (start, end), samples, typed))
                self._end = end
            elif self.words:  # spoken for the same characters as the word before: "March fourth" for "3/4"
                self.words[-1] = replace(self.words[-1], end_sample=samples[1])
                first = min(first, len(self.words) - 1)
        self._num_marks = len(marks)
        return tuple(self.words[first:])

    def estimate(self, text: str, language: str, typed: str, num_samples: int | None = None) -> tuple[TimedWord, ...]:
        """Return all words of the segment's `text`, spread over its audio.

        `num_samples` is the length of the audio; None until it is known.
        """
        spans = [match.span() for match in _WORD.finditer(text)]
        if num_samples is None:
            num_samples = round(estimate_duration_s(text, language) * SAMPLE_RATE / self._segment.speed)
        units = [0.0]
        for start, end in spans:
            units.append(units[-1] + speech_units(text[start:end]))
        ends = [self._start_sample + round(num_samples * unit / (units[-1] or 1.0)) for unit in units]
        self.words = [
            self._word(text, span, samples, typed)
            for span, samples in zip(spans, pairwise(ends), strict=True)
            if _SPEECH.search(text, *span)
        ]
        return tuple(self.words)

    def cut(self, end_sample: int, *, complete: bool) -> None:
        """Keep the words that are in the audio, which ends at `end_sample`. Unless it is `complete`, a word that ends
        after it was cut off and is dropped too."""
        if not complete:
            self.words = [word for word in self.words if word.end_sample <= end_sample]
        self.words = [
            replace(word, end_sample=min(word.end_sample, end_sample))
            for word in self.words
            if word.start_sample < end_sample
        ]

    def _sample(self, sample: int) -> int:
        return self._start_sample + round(sample / self._segment.speed)

    def _word(self, text: str, span: tuple[int, int], samples: tuple[int, int], typed: str) -> TimedWord:
        speech = _SPEECH.search(text, *span)
        start, end = span if speech is None else speech.span()
        if start not in self._places:
            self._places[start] = self._typed.find(typed, text[start:end])
        place = self._places[start]
        return TimedWord(
            text=text[start:end],
            start=None if place is None else place[0],
            end=None if place is None else place[1],
            start_sample=samples[0],
            end_sample=samples[1],
        )


def _without_spaces(text: str, other: str, start: int, end: int) -> tuple[int, int]:
    """Return where `text[start:end]` is in `other`, which differs from `text` in spaces only."""
    if text == other:
        return start, end
    places = [place for place, character in enumerate(other) if not character.isspace()] or [0]
    first = sum(not character.isspace() for character in text[:start])
    last = first + sum(not character.isspace() for character in text[start:end]) - 1
    return places[min(first, len(places) - 1)], places[min(max(last, 0), len(places) - 1)] + 1


def heard_chars(words: Iterable[TimedWord], sample: int) -> int:
    """Return how many characters of the typed text were spoken up to `sample`: to the end of the last whole word."""
    return max((word.end for word in words if word.end is not None and word.end_sample <= sample), default=0)
