"""Small real engines for tests and benchmarks: they implement `types.Synthesizer` and synthesize computable audio.

In: utterances. Out: PCM that anyone can compute in advance (`audio_of`), at once, step by step, or at a steady rate.
They count their packets (`packets_made`) and record the requested `utterances`.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qwen3tts_webui.errors import CLOSING, EngineStopped, NotReady
from qwen3tts_webui.fair_share import (
    FairShares,
    RunningClaim,
    ServiceTime,
    WaitingClaim,
    admit,
    check_capacity,
    client_key,
)
from qwen3tts_webui.types import (
    FRAMES_PER_SECOND,
    NUM_CODEBOOKS,
    SAMPLES_PER_FRAME,
    Codes,
    EngineInfo,
    EngineLoad,
    Feature,
    FinishReason,
    Pcm,
    PcmSink,
    SynthesisResult,
    Timings,
    Utterance,
)

LANGUAGES = ("zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it")


def frame_of(text: str, number: int, num_samples: int = SAMPLES_PER_FRAME) -> Pcm:
    """Return frame `number` of `text`: (samples,) float32, never 0, exact in 16 bits, unique per text and number."""
    start = zlib.crc32(f"{number}:{text}".encode()) % 9_000
    steps = (start + np.arange(num_samples) * 7) % 16_000 + 1
    return (steps / 32_768).astype(np.float32)


def audio_of(text: str, num_frames: int) -> Pcm:
    """Return all audio of a fake engine for `text`: (num_frames * 1920,) float32."""
    return np.concatenate([frame_of(text, number) for number in range(num_frames)])


def codes_of(text: str, num_frames: int) -> Codes:
    """Return the codes that a continuing fake reports for `text`: (num_frames, 16) int16."""
    start = zlib.crc32(text.encode()) % 2_000
    return np.full((num_frames, NUM_CODEBOOKS), start, dtype=np.int16)


@dataclass(eq=False)
class Job:
    """One utterance in progress: how many frames it will have, and how many were made."""

    utterance: Utterance
    sink: PcmSink
    num_frames: int
    submitted_at: float = field(default_factory=time.monotonic)
    made: int = 0
    made_in_turn: int = 0
    first_at: float | None = None

    @property
    def client(self) -> str:
        return client_key(self.utterance.client, self)

    @property
    def timings(self) -> Timings:
        """The engine's timings so far."""
        first = None if self.first_at is None else (self.first_at - self.submitted_at) * 1000
        return Timings(queued_ms=0.0, first_pcm_ms=first, total_ms=(time.monotonic() - self.submitted_at) * 1000)


class ZeroCostSynthesizer:
    """Synthesizes everything inside `submit`, in no time, so that only the rest of the program is measured.

    Every utterance has `num_frames`. `features` is what `info` claims; "continuation" adds codes to the result.
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
        return EngineLoad(running=0, queued=0, slots=self.info.slots, queue_size=self.queue_size)

    def submit(self, requests: Sequence[tuple[Utterance, PcmSink]]) -> None:
        if self.closed or not self.ready:
            raise NotReady(reason=CLOSING)
        self.start([Job(utterance, sink, self.frames_for(utterance)) for utterance, sink in requests])
        self.utterances += [utterance for utterance, _ in requests]

    def frames_for(self, utterance: Utterance) -> int:
        """Return how many frames `utterance` will have."""
        return min(self.num_frames, utterance.max_frames or self.num_frames)

    def start(self, jobs: list[Job]) -> None:
        """Run `jobs` now, or keep them for later; subclasses differ in this."""
        for job in jobs:
            while self.advance(job):
                pass

    def advance(self, job: Job) -> bool:
        """Make the next packet, of one frame, or finish; return True while there is more."""
        if job.sink.cancelled:
            self.finish(job, "cancelled")
            return False
        if job.made < job.num_frames:
            if job.first_at is None:
                job.first_at = time.monotonic()
                job.sink.begin(job.timings)
            self.packets_made += 1
            job.sink.put(frame_of(job.utterance.text, job.made))
            job.made += 1
            job.made_in_turn += 1
        if job.made < job.num_frames:
            return True
        self.finish(job, "length" if job.num_frames < self.num_frames else "stop")
        return False

    def finish(self, job: Job, reason: FinishReason) -> None:
        """Report the result of `job`."""
        continuing = "continuation" in self.info.features
        job.sink.finish(
            SynthesisResult(
                num_samples=job.made * SAMPLES_PER_FRAME,
                finish_reason=reason,
                timings=job.timings,
                seed=job.utterance.seed,
                codes=codes_of(job.utterance.text, job.made) if continuing else None,
            )
        )

    def close(self, *, grace_s: float = 0.0) -> None:
        self.closed = True


class SteppedSynthesizer(ZeroCostSynthesizer):
    """Makes one packet for each running utterance on each `step()`, so that a test decides when time passes.

    `slots` utterances run, `queue_size` more may be queued; beyond that `submit` raises `Busy`. Clients take turns in
    the slots, as in every engine (`fair_share`).
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
        self._running: list[Job] = []
        self._queued: list[Job] = []
        self._shares = FairShares()
        self._service_time = ServiceTime()

    @property
    def load(self) -> EngineLoad:
        return EngineLoad(
            running=len(self._running),
            queued=len(self._queued),
            slots=self.info.slots,
            queue_size=self.queue_size,
            clients=frozenset(job.utterance.client for job in (*self._running, *self._queued)),
            service_s=self._service_time.mean_s,
        )

    def start(self, jobs: list[Job]) -> None:
        with self._lock:
            check_capacity(self.load, [job.utterance.client for job in jobs])
            self._queued.extend(jobs)
            self._fill_slots()

    def step(self) -> None:
        """Make one packet for every running utterance; one that ends frees its slot for the next."""
        with self._lock:
            running = list(self._running)
        for job in running:
            self._advance_in_turn(job)
        with self._lock:
            self._fill_slots()

    def _advance_in_turn(self, job: Job) -> None:
        if job.sink.is_backpressured and not job.sink.cancelled:
            return
        before = job.made
        more = self.advance(job)
        self._shares.charge(job.client, job.utterance.weight, (job.made - before) / FRAMES_PER_SECOND)
        if not more:
            self._service_time.add(time.monotonic() - job.submitted_at)
            with self._lock:
                self._running = [other for other in self._running if other is not job]

    def _fill_slots(self) -> None:
        jobs = (*self._running, *self._queued)
        self._shares.set_active(job.client for job in jobs)
        running = [
            RunningClaim(
                client=job.client, weight=job.utterance.weight, served_s=self._shares.served(job.client),
                buffered_ahead_s=job.made / FRAMES_PER_SECOND, idle=job.sink.is_backpressured,
                may_yield=job.made_in_turn > 0,
            )
            for job in self._running
        ]  # fmt: skip
        waiting = [
            WaitingClaim(
                client=job.client, weight=job.utterance.weight, served_s=self._shares.served(job.client),
                started=job.made > 0, idle=job.sink.is_backpressured and not job.sink.cancelled,
            )
            for job in self._queued
        ]  # fmt: skip
        admissions = admit(running, waiting, slots=self.info.slots, limit=len(waiting))
        displaced = [self._running[one.displaced] for one in admissions if one.displaced is not None]
        admitted = [self._queued[one.position] for one in admissions]
        for job in displaced:
            job.made_in_turn = 0
        self._running = [job for job in self._running if job not in displaced] + admitted
        self._queued = [job for job in self._queued if job not in admitted] + displaced

    def close(self, *, grace_s: float = 0.0) -> None:
        super().close()
        with self._lock:
            left = self._running + self._queued
            self._running.clear()
            self._queued.clear()
        for job in left:
            job.sink.fail(EngineStopped())


class RealTimeSynthesizer(SteppedSynthesizer):
    """A stepped engine with a clock: frames of 80 ms at `rate` times real time, from its own thread, until `close`."""

    def __init__(self, *, rate: float = 1.0, num_frames: int = 25, slots: int = 256, queue_size: int = 64) -> None:
        super().__init__(num_frames=num_frames, slots=slots, queue_size=queue_size)
        self.info = replace(self.info, speed=rate)
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
