"""The engine: one thread that owns the device, and the door through which everyone else hands it work.

In: utterances and their sinks, from any thread. Out: sound in the sinks. The thread does what the floor says, sleeps
when there is nothing to do and is woken, never polled; it also loads the model, and loads it anew in another numeric
type when asked to or when numbers overflow. Implements `Synthesizer`.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from qwen3tts_webui.engine.floor import Floor, as_speech_error
from qwen3tts_webui.engine.hardware import Choice, Dtype, wider
from qwen3tts_webui.engine.runner import Runner
from qwen3tts_webui.engine.seat import Clock, Seat
from qwen3tts_webui.errors import Busy, EngineStopped, NotReady, NumericalError, SpeechError
from qwen3tts_webui.model.prompt import PromptBuilder
from qwen3tts_webui.model.spec import ModelSpec
from qwen3tts_webui.model.tokens import TextEncoder
from qwen3tts_webui.stream import PcmStream
from qwen3tts_webui.text.language import LANGUAGES
from qwen3tts_webui.types import EngineInfo, EngineLoad, Feature, PcmSink, Utterance

log = logging.getLogger(__name__)

_MOST_FAULTS = 8
"""Faults in a row, without one good turn between them, after which the device counts as lost."""

Job = tuple[Utterance, PcmSink]
Load = Callable[[Choice], Runner]
"""Puts the model on the device that a `Choice` names, in its type. Called on the engine's thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a change of the numeric type did: bytes of weights and caches before and after."""

    before: Dtype
    after: Dtype
    bytes_before: int
    bytes_after: int
    seconds: float


class Engine:
    """Qwen3-TTS for many listeners.

    Loading starts at once, in the background; what is submitted meanwhile waits for it. `model` is the name people see.
    At most `queue_size` utterances wait for a slot.
    """

    def __init__(
        self,
        load: Load,
        choice: Choice,
        *,
        spec: ModelSpec,
        encoder: TextEncoder,
        model: str,
        queue_size: int,
        group: int = 8,
        bf16: bool = True,
        clock: Clock = time.monotonic,
    ) -> None:
        self._load_runner = load
        self._choice = choice
        self._spec = spec
        self._encoder = encoder
        self._prompts = PromptBuilder(spec, encoder)
        self._name = model
        self._queue_size = queue_size
        self._group = group
        self._bf16 = bf16
        self._clock = clock
        self._inbox: list[Job] = []
        self._change = threading.Condition()
        self._changed = False
        self._runner: Runner | None = None
        self._floor: Floor | None = None
        self._failure: SpeechError | None = None
        self._wish: tuple[Dtype, Future[Switched]] | None = None
        self._widened = False
        self._closing: float | None = None  # when to stop, on the clock
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    # everyone's side

    @property
    def info(self) -> EngineInfo:
        runner = self._runner
        features: set[Feature] = {"continuation", "sampling", "seed", "feed", "precision"}
        if self._spec.instructs:
            features.add("description")
        if self._spec.talker.speakers:
            features |= {"speaker", "dialect"}
        return EngineInfo(
            name="qwen3-tts",
            label=f"Qwen3-TTS, {self._name}",
            preview=False,
            model=self._name,
            model_type=self._spec.kind,
            device=self._choice.device,
            dtype=self._choice.dtype,
            languages=tuple(known.code for known in LANGUAGES if known.model in self._spec.languages),
            speakers=tuple(self._spec.talker.speakers),
            features=frozenset(features),
            slots=0 if runner is None else runner.slots,
        )

    @property
    def ready(self) -> bool:
        return self._floor is not None and not self._floor.cold and self._failure is None and self._closing is None

    @property
    def failure(self) -> SpeechError | None:
        """Why nothing can be spoken any more; None while all is well."""
        return self._failure

    @property
    def load(self) -> EngineLoad:
        floor, runner = self._floor, self._runner
        active = 0 if floor is None else len(floor.speakers)
        slots = 0 if runner is None else runner.slots
        return EngineLoad(active=active, waiting=self._num_waiting(), slots=slots, queue_size=self._queue_size)

    def submit(self, jobs: Sequence[Job]) -> None:
        for utterance, _ in jobs:
            self._prompts.check(utterance)
        with self._change:
            if self._failure is not None:
                raise NotReady(reason=str(self._failure).rstrip("."))
            if self._closing is not None:
                raise NotReady(reason="the engine is shutting down")
            load = self.load
            free = max(0, load.slots - load.active)
            if load.waiting + len(jobs) > self._queue_size + free:
                raise Busy(waiting=load.waiting, retry_after_s=self._retry_after_s(load))
            self._inbox.extend(jobs)
        for utterance, sink in jobs:
            sink.watch(self._wake)
            if utterance.feed is not None:
                utterance.feed.watch(self._wake)
        self._wake()

    def switch(self, dtype: Dtype) -> Future[Switched]:
        """Load the model in `dtype` once those who speak now have ended; others wait meanwhile.

        The result comes when it is done. If it cannot be done, the model is loaded as before and the future has the
        error.
        """
        future: Future[Switched] = Future()
        with self._change:
            if self._wish is not None or self._failure is not None or self._closing is not None:
                future.set_exception(NotReady(reason="the engine is busy with another change"))
                return future
            self._wish = (dtype, future)
        self._wake()
        return future

    def close(self, *, grace_s: float = 0.0) -> None:
        with self._change:
            if self._closing is None:
                self._closing = self._clock() + grace_s
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _wake(self) -> None:
        with self._change:
            self._changed = True
            self._change.notify()

    def _num_waiting(self) -> int:
        return len(self._inbox) + (0 if self._floor is None else len(self._floor.queue))

    def _retry_after_s(self, load: EngineLoad) -> int:
        rounds = (load.waiting + 1) / max(1, load.slots)
        speech_s = 5.0 if self._floor is None else self._floor.speech_s
        return max(1, min(60, round(rounds * speech_s)))

    # the thread's side

    def _run(self) -> None:
        try:
            self._floor = self._open(self._choice)
            while not self._over():
                busy = self._turn(self._floor)
                if not busy and not self._floor.speakers and self._runner is not None:
                    busy = self._runner.improve()
                self._sleep(busy)
        except Exception as error:
            log.critical("the engine cannot go on: %s", error, exc_info=error)
            self._failure = as_speech_error(error)
        finally:
            self._shut()

    def _turn(self, floor: Floor) -> bool:
        """Take in what came, then one turn of the floor; change the type when that is asked for and nobody speaks."""
        with self._change:
            jobs, self._inbox = self._inbox, []
        floor.queue.extend(self._seat(job) for job in jobs)
        busy = floor.turn(admitting=self._wish is None)
        if floor.overflowed:
            self._widen(floor)
        if floor.faults_in_a_row >= _MOST_FAULTS:
            raise EngineStopped
        if self._wish is not None and not floor.speakers:
            self._change_type(floor)
            return True
        return busy

    def _sleep(self, busy: bool) -> None:
        """Until something changes; not at all when there is more to do."""
        with self._change:
            if not busy:
                left = None if self._closing is None else max(0.0, self._closing - self._clock())
                self._change.wait_for(lambda: self._changed, left)
            self._changed = False

    def _over(self) -> bool:
        if self._closing is None:
            return False
        floor = self._floor
        idle = floor is None or not (floor.speakers or self._num_waiting())
        return idle or self._clock() >= self._closing

    def _seat(self, job: Job) -> Seat:
        assert self._runner is not None
        utterance, sink = job
        return Seat(
            utterance,
            sink,
            encoder=self._encoder,
            prompts=self._prompts,
            kv_length=self._runner.kv_length,
            clock=self._clock,
        )

    def _open(self, choice: Choice) -> Floor:
        """Load the model and speak a few frames to nobody, so that the first listener does not pay for warming up."""
        began = self._clock()
        self._runner = runner = self._load_runner(choice)
        self._choice = choice
        loaded = self._clock()
        runner.prepare()
        floor = Floor(runner, group=self._group, clock=self._clock)
        floor.queue.append(self._seat((Utterance(text="Hello.", max_frames=4), PcmStream())))
        while floor.turn():
            pass
        if floor.overflowed or floor.faults_in_a_row:
            log.error("the first words failed in %s", choice.dtype)
        floor.overflowed.clear()
        floor.cold = False
        log.info(
            "%s: ready after %.1f s, %.1f s of them to load (%s)",
            self._name,
            self._clock() - began,
            loaded - began,
            choice.reason,
        )
        return floor

    def _reopen(self, choice: Choice) -> Floor:
        """Give back all memory, then load anew."""
        self._floor = None
        if self._runner is not None:
            self._runner.close()
        self._runner = None
        gc.collect()
        return self._open(choice)

    def _change_type(self, floor: Floor) -> None:
        """Fulfil the wish of `switch`; on failure, go back and tell. Those who waited go on waiting."""
        assert self._wish is not None and self._runner is not None
        (dtype, future), before, began = self._wish, self._choice, self._clock()
        bytes_before, waiting = self._runner.nbytes, floor.queue
        del floor
        try:
            opened = self._reopen(replace(before, dtype=dtype, reason=f"{before.device}; {dtype} as asked"))
        except Exception as error:
            log.error("%s cannot be used, going back to %s: %s", dtype, before.dtype, error)
            opened = self._reopen(before)
            future.set_exception(as_speech_error(error))
        else:
            switched = Switched(
                before=before.dtype,
                after=dtype,
                bytes_before=bytes_before,
                bytes_after=self._runner.nbytes,
                seconds=self._clock() - began,
            )
            log.info("%s -> %s: %d -> %d bytes", before.dtype, dtype, bytes_before, switched.bytes_after)
            future.set_result(switched)
        opened.queue.extend(waiting)
        self._floor = opened
        self._wish = None

    def _widen(self, floor: Floor) -> None:
        """After invalid numbers in half precision: once, a wider type. Who heard nothing yet gets another try in it."""
        overflowed, floor.overflowed = floor.overflowed, []
        unheard = [seat for seat in overflowed if not (seat.num_packets or seat.utterance.feed is not None)]
        dtype = wider(self._choice.dtype, bf16=self._bf16)
        if self._choice.dtype != "float16" or self._widened or dtype is None:
            for seat in unheard:
                seat.sink.fail(NumericalError(where="logits", dtype=self._choice.dtype))
            return
        self._widened = True
        log.warning("invalid numbers in float16: going on in %s", dtype)
        floor.queue[:0] = [self._seat((seat.utterance, seat.sink)) for seat in unheard]
        with self._change:
            if self._wish is None:
                self._wish = (dtype, Future())

    def _shut(self) -> None:
        """Tell everyone who still hopes, and give the device back."""
        with self._change:
            self._closing = self._closing or self._clock()
            jobs, self._inbox = self._inbox, []
            wish, self._wish = self._wish, None
        if self._floor is not None:
            self._floor.fail_all(EngineStopped)
        for _, sink in jobs:
            sink.fail(EngineStopped())
        if wish is not None:
            wish[1].set_exception(EngineStopped())
        if self._runner is not None:
            self._runner.close()
