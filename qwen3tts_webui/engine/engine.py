"""The engine: one thread that owns the device, and the door through which everyone else hands it work.

In: utterances and their sinks, from any thread. Out: sound in the sinks. The thread does what the floor says, sleeps
when there is nothing to do and is woken, never polled; it also loads the model, and loads it anew in another numeric
type when asked to or when numbers overflow. Implements `Synthesizer`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace

from qwen3tts_webui.engine.core import Floor, as_speech_error, tell_failure
from qwen3tts_webui.engine.device import Choice, Dtype, allowed_dtypes, asked_dtype, wider
from qwen3tts_webui.engine.info import engine_info
from qwen3tts_webui.engine.model_runner import Runner
from qwen3tts_webui.engine.sequence import Clock, Seat
from qwen3tts_webui.engine.warmup import Load, warm_up
from qwen3tts_webui.errors import (
    CLOSING,
    Busy,
    EngineStopped,
    ErrorDetail,
    ModelError,
    NestedError,
    NotReady,
    NumericalError,
    SpeechError,
)
from qwen3tts_webui.model import ModelConfig, PromptBuilder, Tokenizer
from qwen3tts_webui.types import EncodesReferences, EngineInfo, EngineLoad, PcmSink, PrecisionChange, Utterance

log = logging.getLogger(__name__)

_MOST_FAULTS = 8
"""Faults in a row, without one good turn between them, after which the device must show that it still works."""


class Engine:
    """Qwen3-TTS for many listeners.

    Loading starts at once, in the background; what is submitted meanwhile waits for it. `model` is the name people see.
    At most `queue_size` utterances wait for a slot; at most `group` prompts are read together. `bf16`: the device
    computes it, so that it is the first to try when float16 overflows. `references`: encodes recordings to clone.
    """

    def __init__(
        self,
        load: Load,
        choice: Choice,
        *,
        spec: ModelConfig,
        encoder: Tokenizer,
        model: str,
        queue_size: int,
        group: int = 8,
        bf16: bool = True,
        references: EncodesReferences | None = None,
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
        self.references = references
        self._clock = clock
        self._lock = threading.Lock()
        self._bell = threading.Event()
        self._inbox: list[Seat] = []
        self._queue: list[Seat] = []  # outlives a change of the type
        self._runner: Runner | None = None
        self._held_bytes: int | None = None
        self._floor: Floor | None = None
        self._failure: SpeechError | None = None
        self._wish: tuple[Dtype, Future[PrecisionChange]] | None = None
        self._widened = False
        self._closing: float | None = None  # when to stop, on the clock
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    # everyone's side

    @property
    def info(self) -> EngineInfo:
        runner = self._runner
        return engine_info(self._spec, self._name, self._choice, slots=0 if runner is None else runner.slots)

    @property
    def ready(self) -> bool:
        return self._floor is not None and self._failure is None and self._closing is None

    @property
    def failure(self) -> SpeechError | None:
        """Why nothing can be spoken any more; None while all is well."""
        return self._failure

    @property
    def load(self) -> EngineLoad:
        """Those who left while they waited do not count."""
        floor, runner = self._floor, self._runner
        active = 0 if floor is None else floor.num_speaking
        slots = 0 if runner is None else runner.slots
        waiting = sum(not seat.sink.cancelled for seat in (*self._inbox, *self._queue))
        return EngineLoad(running=active, queued=waiting, slots=slots, queue_size=self._queue_size)

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        """As `Synthesizer.submit`. Jobs handed in together are prefilled together, as far as there are slots."""
        for utterance, _ in jobs:
            self._prompts.check(utterance)
        with self._lock:
            if self._failure is not None or self._closing is not None:
                raise NotReady(reason=CLOSING if self._failure is None else NestedError(self._failure))
            load = self.load
            free = max(0, load.slots - load.running)
            if load.queued + len(jobs) > self._queue_size + free:
                raise Busy(waiting=load.queued, retry_after_s=self._retry_after_s(load))
            self._inbox.extend(self._seat(utterance, sink) for utterance, sink in jobs)
        for utterance, sink in jobs:
            sink.watch(self._bell.set)
            if utterance.text_stream is not None:
                utterance.text_stream.watch(self._bell.set)
        self._bell.set()

    @property
    def precisions(self) -> tuple[str, ...]:
        return ("auto", *allowed_dtypes(self._choice.device))

    @property
    def memory_bytes(self) -> int | None:
        return self._held_bytes

    def switch(self, dtype: str) -> Future[PrecisionChange]:
        """Load the model in `dtype` once those who speak now have ended; others wait meanwhile.

        The result comes when it is done. If it cannot be done, the model is loaded as before and the future fails. A
        future cancelled before the change begins takes the wish back. Raises InvalidValue for a type, and NotReady.
        """
        wanted = asked_dtype(self._choice.device, dtype)
        future: Future[PrecisionChange] = Future()
        with self._lock:
            if self._wish is not None or self._failure is not None or self._closing is not None:
                raise NotReady(reason=ErrorDetail("changing", "it is busy with another change, or has ended"))
            self._wish = (wanted, future)
        self._bell.set()
        return future

    def close(self, *, grace_s: float = 0.0) -> None:
        until = self._clock() + grace_s
        with self._lock:
            self._closing = until if self._closing is None else min(self._closing, until)
        self._bell.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _seat(self, utterance: Utterance, sink: PcmSink) -> Seat:
        return Seat(utterance, sink, encoder=self._encoder, prompts=self._prompts, clock=self._clock)

    def _retry_after_s(self, load: EngineLoad) -> int:
        rounds = (load.queued + 1) / max(1, load.slots)
        speech_s = 5.0 if self._floor is None else self._floor.speech_s
        return max(1, min(60, round(rounds * speech_s)))

    # the thread's side

    def _run(self) -> None:
        try:
            self._floor = self._open(self._choice)
            while True:
                self._bell.clear()  # before looking: whatever changes from here on rings again
                if self._over():
                    break
                if not self._turn(self._floor):
                    self._bell.wait(None if self._closing is None else max(0.0, self._closing - self._clock()))
        except Exception as error:
            log.critical("the engine cannot go on: %s", error, exc_info=error)
            self._failure = as_speech_error(error)
        finally:
            self._shut()

    def _turn(self, floor: Floor) -> bool:
        """Take in what came, then one turn of the floor; change the type when that is asked for and nobody speaks."""
        with self._lock:
            self._queue.extend(self._inbox)
            self._inbox.clear()
        busy = floor.turn(admitting=self._wish is None)
        if floor.overflows:
            self._widen(floor)
        if floor.faults_in_a_row >= _MOST_FAULTS and not floor.speakers:
            warm_up(floor.runner, self._seat, clock=self._clock)
            floor.faults_in_a_row = 0
        if self._wish is not None and not floor.speakers:
            self._change_type(*self._wish)
            return True
        return busy

    def _over(self) -> bool:
        if self._closing is None:
            return False
        idle = self._floor is None or not (self._floor.speakers or self._queue or self._inbox)
        return idle or self._clock() >= self._closing

    def _open(self, choice: Choice) -> Floor:
        """Load the model and speak a few words to nobody, so that the first listener does not pay for warming up."""
        self._floor = None
        if self._runner is not None:
            self._runner.close()
            self._runner = None
        began = self._clock()
        self._runner = self._load_runner(choice)
        self._choice = choice
        loaded = self._clock()
        self._runner.prepare()
        try:
            warm_up(self._runner, self._seat, clock=self._clock)
        except NumericalError as error:
            if (wide := self._wider()) is None:
                raise
            log.warning("%s: going on in %s", error, wide.dtype)
            return self._open(wide)
        self._held_bytes = self._runner.nbytes
        ready = self._clock()
        log.info(
            "%s: loaded in %.1f s, ready %.1f s later (%s)", self._name, loaded - began, ready - loaded, choice.reason
        )
        return Floor(self._runner, self._queue, group=self._group, clock=self._clock)

    def _change_type(self, dtype: Dtype, future: Future[PrecisionChange]) -> None:
        """Fulfil the wish of `switch`; on failure, go back and tell. Those who wait go on waiting."""
        assert self._runner is not None
        before, began, bytes_before = self._choice, self._clock(), self._runner.nbytes
        if not future.set_running_or_notify_cancel():
            self._wish = None
            return
        try:
            floor = self._open(replace(before, dtype=dtype, reason=f"{before.device}; {dtype} as asked"))
        except Exception as error:
            log.error("%s cannot be used, going back to %s: %s", dtype, before.dtype, error)
            floor = self._open(before)
            future.set_exception(as_speech_error(error))
        else:
            bytes_after, seconds = self._runner.nbytes, self._clock() - began
            log.info("%s -> %s: %d -> %d bytes", before.dtype, self._choice.dtype, bytes_before, bytes_after)
            sizes = {"bytes_before": bytes_before, "bytes_after": bytes_after}
            future.set_result(PrecisionChange(before=before.dtype, after=self._choice.dtype, **sizes, seconds=seconds))
        self._floor, self._wish = floor, None

    def _wider(self) -> Choice | None:
        """What to go on with after invalid numbers: a wider type than float16, once."""
        dtype = wider(self._choice.dtype, bf16=self._bf16)
        if self._choice.dtype != "float16" or self._widened or dtype is None:
            return None
        self._widened = True
        return replace(self._choice, dtype=dtype, reason=f"{self._choice.device}; {dtype} after invalid numbers")

    def _widen(self, floor: Floor) -> None:
        """After invalid numbers: wish for a wider type if there is one. Who heard nothing yet is tried again in it."""
        unheard, floor.unheard, floor.overflows = floor.unheard, [], 0
        with self._lock:
            if self._wish is None and (wide := self._wider()) is not None:
                log.warning("invalid numbers in float16: going on in %s", wide.dtype)
                self._wish = (wide.dtype, Future())
        if self._choice.dtype == "float16" and self._wish is not None:
            self._queue[:0] = [seat.again() for seat, _ in unheard]
            return
        for seat, error in unheard:
            seat.sink.fail(error)

    def _shut(self) -> None:
        """Tell everyone who still hopes, and give the device back."""
        with self._lock:
            self._closing = self._closing or self._clock()
            hoping = [*(self._floor.speakers if self._floor is not None else ()), *self._queue, *self._inbox]
            wish, self._wish = self._wish, None
            self._floor = None
            self._queue.clear()
            self._inbox.clear()
        for seat in hoping:
            tell_failure(seat, self._last_words())
        if wish is not None:
            with contextlib.suppress(InvalidStateError):  # whoever wished may have given up
                wish[1].set_exception(self._last_words())
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _last_words(self) -> SpeechError:
        return NotReady(reason=NestedError(self._failure)) if isinstance(self._failure, ModelError) else EngineStopped()
