"""A fake engine that reads along: it speaks one frame a word of its feed, and waits while there is none."""

from __future__ import annotations

from collections.abc import Sequence

from qwen3tts_webui.types import Feature, Utterance
from tests.fakes import Job, SteppedSynthesizer, frame_of


class ReadingSynthesizer(SteppedSynthesizer):
    """One packet for each word on each `step()`; `said` is what it has spoken so far, word by word."""

    def __init__(
        self, *, slots: int = 4, queue_size: int = 64, features: Sequence[Feature] = ("description", "feed")
    ) -> None:
        super().__init__(num_frames=1_000_000, slots=slots, queue_size=queue_size, features=features)
        self.said: list[str] = []
        self._unsaid: dict[int, list[str]] = {}

    def advance(self, job: Job) -> bool:
        if job.sink.cancelled:
            self.end(job, "cancelled")
            return False
        words = self._words(job)
        if words:
            self.packets_made += 1
            self.said.append(words.pop(0))
            job.sink.put(frame_of(self.said[-1], 0))
            job.made += 1
        elif job.utterance.feed is None or job.utterance.feed.closed:
            self.end(job, "end")
            return False
        return True

    def _words(self, job: Job) -> list[str]:
        utterance: Utterance = job.utterance
        words = self._unsaid.setdefault(id(job), utterance.text.split())
        if utterance.feed is not None:
            words += utterance.feed.take().split()
        return words
