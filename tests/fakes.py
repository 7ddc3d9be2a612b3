"""Small real engines for tests and benchmarks: they implement `types.Synthesizer` and speak numbers instead of words.

In: utterances. Out: PCM that anybody can compute beforehand (`sound_of`), at once, step by step, at a steady rate, or
not at all. They count what they make (`packets_made`) and keep what they were asked (`utterances`).
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import numpy as np

from qwen3tts_webui.errors import Busy, EngineStopped, InvalidValue, NotReady, SynthesisError
from qwen3tts_webui.types import (
    NUM_CODEBOOKS,
    SAMPLES_PER_FRAME,
    Codes,
    EngineInfo,
    EngineLoad,
    Feature,
    Pcm,
    PcmSink,
    Spoken,
    Stopped,
    Switched,
    Timings,
    Utterance,
)

LANGUAGES = ("zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it")


def frame_of(text: str, number: int, num_samples: int = SAMPLES_PER_FRAME) -> Pcm:
    """Frame `number` of `text`: (samples,) float32, never 0, exact in 16 bits, different for each text and number."""
    start = zlib.crc32(f"{number}:{text}".encode()) % 9_000
    steps = (start + np.arange(num_samples) * 7) % 16_000 + 1
    return (steps / 32_768).astype(np.float32)


def sound_of(text: str, num_frames: int) -> Pcm:
    """All that a fake engine says for `text`: (num_frames * 1920,) float32."""
    return np.concatenate([frame_of(text, number) for number in range(num_frames)])


def codes_of(text: str, num_frames: int) -> Codes:
    """The codes that a continuing fake reports for `text`: (num_frames, 16) int16."""
    start = zlib.crc32(text.encode()) % 2_000
    return np.full((num_frames, NUM_CODEBOOKS), start, dtype=np.int16)


@dataclass(eq=False)
class Job:
    """One utterance on its way: how many frames were made, and what it has to say."""

    utterance: Utterance
    sink: PcmSink
    num_frames: int
    asked_at: float = field(default_factory=time.monotonic)
    made: int = 0
    first_at: float | None = None

    @property
    def timings(self) -> Timings:
        first = None if self.first_at is None else (self.first_at - self.asked_at) * 1000
        return Timings(queued_ms=0.0, first_pcm_ms=first, total_ms=(time.monotonic() - self.asked_at) * 1000)


class ZeroCostSynthesizer:
    """Says everything inside `submit`, in no time: what is left to measure is everybody else.

    `num_frames` is how long every utterance is; `features` what `info` claims ("continuation" adds codes to `Spoken`).
    """

    def __init__(
        self,
        *,
        num_frames: int = 5,
        features: Sequence[Feature] = ("description", "seed", "sampling"),
        languages: Sequence[str] = LANGUAGES,
        speakers: Sequence[str] = (),
        slots: int = 4,
        queue_size: int = 64,
        ready: bool = True,
    ) -> None:
        self.num_frames = num_frames
        self.queue_size = queue_size
        self.ready = ready
        self.utterances: list[Utterance] = []
        self.packets_made = 0
        self.closed = False
        self.info = EngineInfo(
            name="fake",
            label="fake voice for tests",
            preview=True,
            model="fake",
            model_type="fake",
            device="cpu",
            dtype="float32",
            languages=tuple(languages),
            speakers=tuple(speakers),
            features=frozenset(features),
            slots=slots,
        )

    @property
    def load(self) -> EngineLoad:
        return EngineLoad(active=0, waiting=0, slots=self.info.slots, queue_size=self.queue_size)

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        if self.closed or not self.ready:
            raise NotReady(reason="the fake voice is not there")
        self.take([Job(utterance, sink, self.frames_for(utterance)) for utterance, sink in jobs])
        self.utterances += [utterance for utterance, _ in jobs]

    def frames_for(self, utterance: Utterance) -> int:
        return min(self.num_frames, utterance.max_frames or self.num_frames)

    def take(self, jobs: list[Job]) -> None:
        """Where kinds of fakes differ: speak `jobs` now, or keep them for later."""
        for job in jobs:
            while self.advance(job):
                pass

    def advance(self, job: Job) -> bool:
        """Make the next packet, of one frame, or end; True while there is more to say."""
        if job.sink.cancelled:
            self.end(job, "cancelled")
            return False
        if job.made < job.num_frames:
            job.first_at = job.first_at or time.monotonic()
            self.packets_made += 1
            job.sink.put(frame_of(job.utterance.text, job.made))
            job.made += 1
        if job.made < job.num_frames:
            return True
        self.end(job, "cap" if job.num_frames < self.num_frames else "end")
        return False

    def end(self, job: Job, stopped: Stopped) -> None:
        continuing = "continuation" in self.info.features
        job.sink.finish(
            Spoken(
                num_samples=job.made * SAMPLES_PER_FRAME,
                stopped=stopped,
                timings=job.timings,
                seed=job.utterance.seed,
                codes=codes_of(job.utterance.text, job.made) if continuing else None,
            )
        )

    def close(self, *, grace_s: float = 0.0) -> None:
        self.closed = True


class FailingSynthesizer(ZeroCostSynthesizer):
    """Fails each utterance for which `fails` is True after `after` packets, with what `error` makes."""

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
    """A zero-cost engine whose voices can be continued: `Spoken.codes` is `codes_of(text, frames)`."""

    def __init__(self, *, num_frames: int = 5) -> None:
        super().__init__(num_frames=num_frames, features=("description", "seed", "sampling", "continuation"))


class PreciseSynthesizer(ZeroCostSynthesizer):
    """Can be switched to bfloat16 and back, at once; each value it holds then takes half the bytes."""

    precisions = ("auto", "float32", "bfloat16")

    def __init__(self, *, num_frames: int = 5) -> None:
        super().__init__(num_frames=num_frames, features=("description", "seed", "sampling", "packets", "precision"))

    @property
    def memory_bytes(self) -> int:
        return 4_000 if self.info.dtype == "float32" else 2_000

    def switch(self, dtype: str) -> Future[Switched]:
        if dtype not in self.precisions:
            raise InvalidValue(field="dtype", expected=", ".join(self.precisions), got=dtype)
        before, bytes_before = self.info.dtype, self.memory_bytes
        self.info = replace(self.info, dtype="bfloat16" if dtype == "auto" else dtype)
        future: Future[Switched] = Future()
        after, bytes_after = self.info.dtype, self.memory_bytes
        future.set_result(
            Switched(before=before, after=after, bytes_before=bytes_before, bytes_after=bytes_after, seconds=0.0)
        )
        return future


class SteppedSynthesizer(ZeroCostSynthesizer):
    """Makes one packet for each active utterance on each `step()`, so that a test decides when time passes.

    `slots` utterances are active, `queue_size` more may wait; beyond that `submit` raises `Busy`.
    """

    def __init__(
        self,
        *,
        num_frames: int = 5,
        slots: int = 4,
        queue_size: int = 64,
        features: Sequence[Feature] = ("description", "seed", "sampling"),
    ) -> None:
        super().__init__(num_frames=num_frames, slots=slots, queue_size=queue_size, features=features)
        self._lock = threading.Lock()
        self._active: list[Job] = []
        self._waiting: deque[Job] = deque()

    @property
    def load(self) -> EngineLoad:
        return EngineLoad(
            active=len(self._active), waiting=len(self._waiting), slots=self.info.slots, queue_size=self.queue_size
        )

    def take(self, jobs: list[Job]) -> None:
        with self._lock:
            room = self.info.slots - len(self._active) + self.queue_size - len(self._waiting)
            if len(jobs) > room:
                raise Busy(waiting=len(self._waiting), retry_after_s=1)
            self._waiting.extend(jobs)
            self._fill()

    def step(self) -> None:
        """One packet for everybody who is speaking; whoever ends makes room for the next."""
        with self._lock:
            active = list(self._active)
        ended = [job for job in active if not job.sink.full and not self.advance(job)]
        with self._lock:
            self._active = [job for job in self._active if job not in ended]
            self._fill()

    def _fill(self) -> None:
        while self._waiting and len(self._active) < self.info.slots:
            self._active.append(self._waiting.popleft())

    def close(self, *, grace_s: float = 0.0) -> None:
        super().close()
        with self._lock:
            left = self._active + list(self._waiting)
            self._active.clear()
            self._waiting.clear()
        for job in left:
            job.sink.fail(EngineStopped())


class RealTimeSynthesizer(SteppedSynthesizer):
    """A stepped engine with a clock: frames of 80 ms at `rate` times real time, from its own thread, until `close`."""

    def __init__(self, *, rate: float = 1.0, num_frames: int = 25, slots: int = 256, queue_size: int = 64) -> None:
        super().__init__(num_frames=num_frames, slots=slots, queue_size=queue_size)
        self._period_s = 0.08 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-engine", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self.step()
            due += self._period_s

    def close(self, *, grace_s: float = 0.0) -> None:
        self._stop.set()
        self._thread.join()
        super().close()
