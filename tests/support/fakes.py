"""Fake engines for tests: those of `qwen3tts_webui.testing`, and ones that fail, continue, switch or read along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from qwen3tts_webui.errors import InvalidValue, SynthesisError, one_of
from qwen3tts_webui.testing import (
    LANGUAGES,
    Job,
    RealTimeSynthesizer,
    SteppedSynthesizer,
    ZeroCostSynthesizer,
    audio_of,
    codes_of,
    frame_of,
)
from qwen3tts_webui.types import Feature, PrecisionChange, Utterance

__all__ = [
    "LANGUAGES",
    "ContinuingSynthesizer",
    "FailingSynthesizer",
    "Job",
    "PreciseSynthesizer",
    "RealTimeSynthesizer",
    "SteppedSynthesizer",
    "TextStreamingSynthesizer",
    "ZeroCostSynthesizer",
    "audio_of",
    "codes_of",
    "frame_of",
]


class FailingSynthesizer(ZeroCostSynthesizer):
    """Fails each utterance for which `fails` is True after `after` packets, with what `error` returns."""

    def __init__(
        self,
        *,
        fails: Callable[[Utterance], bool] = lambda utterance: True,
        after: int = 0,
        error: Callable[[], Exception] = SynthesisError,
        num_frames: int = 5,
    ) -> None:
        super().__init__(num_frames=num_frames)
        self._fails = fails
        self._after = after
        self._error = error

    def advance(self, job: Job) -> bool:
        if self._fails(job.utterance) and job.made == self._after:
            job.sink.fail(self._error())
            return False
        return super().advance(job)


class ContinuingSynthesizer(ZeroCostSynthesizer):
    """A zero-cost engine with voices that can be continued: the codes of a result are `codes_of(text, frames)`."""

    def __init__(self, *, num_frames: int = 5) -> None:
        super().__init__(num_frames=num_frames, features=("description", "seed", "sampling", "continuation"))


class PreciseSynthesizer(ZeroCostSynthesizer):
    """Can be switched to bfloat16 and back, at once; each value it holds then takes half the bytes."""

    precisions = ("auto", "float32", "bfloat16")

    def __init__(self, *, num_frames: int = 5) -> None:
        super().__init__(
            num_frames=num_frames, features=("description", "seed", "sampling", "packet_size", "precision")
        )

    @property
    def memory_bytes(self) -> int:
        return 4_000 if self.info.dtype == "float32" else 2_000

    def switch(self, dtype: str) -> Future[PrecisionChange]:
        if dtype not in self.precisions:
            raise InvalidValue(field="dtype", expected=one_of(self.precisions), got=dtype)
        before, bytes_before = self.info.dtype, self.memory_bytes
        self.info = replace(self.info, dtype="bfloat16" if dtype == "auto" else dtype)
        future: Future[PrecisionChange] = Future()
        after, bytes_after = self.info.dtype, self.memory_bytes
        future.set_result(
            PrecisionChange(before=before, after=after, bytes_before=bytes_before, bytes_after=bytes_after, seconds=0.0)
        )
        return future


class TextStreamingSynthesizer(SteppedSynthesizer):
    """One packet for each word of its text stream on each `step()`, waiting while it is empty.

    `spoken` is what it has synthesized so far, word by word.
    """

    def __init__(
        self, *, slots: int = 4, queue_size: int = 64, features: Sequence[Feature] = ("description", "text_streaming")
    ) -> None:
        super().__init__(num_frames=1_000_000, slots=slots, queue_size=queue_size, features=features)
        self.spoken: list[str] = []
        self._words: dict[int, list[str]] = {}

    def advance(self, job: Job) -> bool:
        if job.sink.cancelled:
            self.finish(job, "cancelled")
            return False
        words = self._words_of(job)
        text_stream = job.utterance.text_stream
        if words:
            self.packets_made += 1
            self.spoken.append(words.pop(0))
            job.sink.put(frame_of(self.spoken[-1], 0))
            job.made += 1
        elif text_stream is None or text_stream.closed:
            self.finish(job, "stop")
            return False
        return True

    def _words_of(self, job: Job) -> list[str]:
        utterance = job.utterance
        words = self._words.setdefault(id(job), utterance.text.split())
        if utterance.text_stream is not None:
            words += utterance.text_stream.take().split()
        return words
