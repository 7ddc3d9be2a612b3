"""The engine: one thread that owns the device and accepts work from any other.

In: utterances and their sinks, from any thread. Out: audio in the sinks. The thread steps the `EngineCore`, sleeps when
there is nothing to do and is woken, never polled. It loads the model, and reloads it in another dtype on request or
after invalid numbers. Implements `Synthesizer`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace

from qwen3tts_webui.engine.core import EngineCore
from qwen3tts_webui.engine.device import resolve_dtype
from qwen3tts_webui.engine.failures import as_speech_error, fail_sink
from qwen3tts_webui.engine.info import engine_info
from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.engine.sequence import Clock, SequenceState
from qwen3tts_webui.engine.warmup import warm_up
from qwen3tts_webui.errors import (
    CLOSING,
    EngineStopped,
    ErrorDetail,
    ModelError,
    NestedError,
    NotReady,
    NumericalError,
    SpeechError,
)
from qwen3tts_webui.fair_share import ServiceTime, check_room
from qwen3tts_webui.hardware import DeviceChoice, Dtype, fallback_dtype, supported_dtypes
from qwen3tts_webui.model import ModelConfig, PromptBuilder, Tokenizer
from qwen3tts_webui.types import EncodesReferences, EngineInfo, EngineLoad, PcmSink, PrecisionChange, Utterance

log = logging.getLogger(__name__)

LoadRunner = Callable[[DeviceChoice], ModelRunner]
"""Loads the model onto the device and in the dtype of a `DeviceChoice`. Called on the engine's thread."""

_MAX_CONSECUTIVE_FAILURES = 8
"""Failures in a row without a successful step, after which a warm-up must prove that the device still works."""


class Engine:
    """Qwen3-TTS for many listeners.

    Loads at once, in the background; requests submitted meanwhile wait. `model` is the display name. At most
    `queue_size` utterances wait for a slot; at most `max_prefill_batch` prompts are prefilled together. `bf16`: the
    device supports it, so it is tried first when float16 overflows. `references`: encodes recordings to clone.
    """

    def __init__(
        self,
        load: LoadRunner,
        choice: DeviceChoice,
        *,
        spec: ModelConfig,
        encoder: Tokenizer,
        model: str,
        queue_size: int,
        max_prefill_batch: int = 8,
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
        self._max_prefill_batch = max_prefill_batch
        self._bf16 = bf16
        self.references = references
        self._clock = clock
        self._lock = threading.Lock()
        self._wakeup = threading.Event()
        self._inbox: list[SequenceState] = []
        self._queue: list[SequenceState] = []  # survives a change of the dtype
        self._runner: ModelRunner | None = None
        self._memory_bytes: int | None = None
        self._core: EngineCore | None = None
        self._failure: SpeechError | None = None
        self._pending_precision: tuple[Dtype, Future[PrecisionChange]] | None = None
        self._fell_back = False
        self._close_at: float | None = None  # on the clock
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    # called from any thread

    @property
    def info(self) -> EngineInfo:
        runner = self._runner
        return engine_info(self._spec, self._name, self._choice, slots=0 if runner is None else runner.slots)

    @property
    def ready(self) -> bool:
        return self._core is not None and self._failure is None and self._close_at is None

    @property
    def failure(self) -> SpeechError | None:
        """The error that ended the engine; None while it works."""
        return self._failure

    @property
    def load(self) -> EngineLoad:
        """Requests cancelled while they waited do not count."""
        core, runner = self._core, self._runner
        running = 0 if core is None else core.num_running
        slots = 0 if runner is None else runner.slots
        queued = sum(not sequence.sink.cancelled for sequence in (*self._inbox, *self._queue))
        return EngineLoad(running=running, queued=queued, slots=slots, queue_size=self._queue_size)

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        """As `Synthesizer.submit`. Utterances submitted together are prefilled together if slots are free."""
        for utterance, _ in jobs:
            self._prompts.check(utterance)
        with self._lock:
            if self._failure is not None or self._close_at is not None:
                raise NotReady(reason=CLOSING if self._failure is None else NestedError(self._failure))
            clients = [utterance.client for utterance, _ in jobs]
            service_time = ServiceTime() if self._core is None else self._core.service_time
            check_room(self.load, clients, self._clients(), service_time)
            self._inbox.extend(self._new_sequence(utterance, sink) for utterance, sink in jobs)
        for utterance, sink in jobs:
            sink.watch(self._wakeup.set)
            if utterance.text_stream is not None:
                utterance.text_stream.watch(self._wakeup.set)
        self._wakeup.set()

    @property
    def precisions(self) -> tuple[str, ...]:
        return ("auto", *supported_dtypes(self._choice.device))

    @property
    def memory_bytes(self) -> int | None:
        return self._memory_bytes

    def switch(self, dtype: str) -> Future[PrecisionChange]:
        """Reload the model in `dtype` once the running utterances have ended; the queue waits meanwhile.

        On failure, the previous dtype is restored and the future fails. Cancelling the future before the change begins
        withdraws the request. Raises InvalidValue for a dtype that the device does not support, and NotReady.
        """
        requested = resolve_dtype(self._choice.device, dtype)
        future: Future[PrecisionChange] = Future()
        with self._lock:
            if self._pending_precision is not None or self._failure is not None or self._close_at is not None:
                raise NotReady(reason=ErrorDetail("changing", "it is busy with another change, or has ended"))
            self._pending_precision = (requested, future)
        self._wakeup.set()
        return future

    def close(self, *, grace_s: float = 0.0) -> None:
        close_at = self._clock() + grace_s
        with self._lock:
            self._close_at = close_at if self._close_at is None else min(self._close_at, close_at)
        self._wakeup.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _new_sequence(self, utterance: Utterance, sink: PcmSink) -> SequenceState:
        return SequenceState(utterance, sink, encoder=self._encoder, prompts=self._prompts, clock=self._clock)

    def _clients(self) -> set[str]:
        running = () if self._core is None else tuple(self._core.running)
        return {sequence.utterance.client for sequence in (*running, *self._queue, *self._inbox)}

    # called on the engine's thread

    def _run(self) -> None:
        try:
            self._core = self._load(self._choice)
            while True:
                self._wakeup.clear()  # before checking: any later change sets it again
                if self._should_stop():
                    break
                if not self._run_step(self._core):
                    self._wakeup.wait(None if self._close_at is None else max(0.0, self._close_at - self._clock()))
        except Exception as error:
            log.critical("the engine cannot continue: %s", error, exc_info=error)
            self._failure = as_speech_error(error)
        finally:
            self._shutdown()

    def _run_step(self, core: EngineCore) -> bool:
        """Move submissions to the queue and step the core; change the dtype if requested and nothing runs."""
        with self._lock:
            self._queue.extend(self._inbox)
            self._inbox.clear()
        busy = core.step(admitting=self._pending_precision is None)
        if core.num_invalid:
            self._handle_invalid(core)
        if core.consecutive_failures >= _MAX_CONSECUTIVE_FAILURES and not core.has_started:
            warm_up(core.runner, self._new_sequence, clock=self._clock)
            core.consecutive_failures = 0
        if self._pending_precision is not None and not core.has_started:
            self._change_precision(*self._pending_precision)
            return True
        return busy

    def _should_stop(self) -> bool:
        if self._close_at is None:
            return False
        idle = self._core is None or not (self._core.running or self._queue or self._inbox)
        return idle or self._clock() >= self._close_at

    def _load(self, choice: DeviceChoice) -> EngineCore:
        self._core = None
        if self._runner is not None:
            self._runner.close()
            self._runner = None
        began = self._clock()
        self._runner, self._choice = self._load_runner(choice), choice
        loaded = self._clock()
        self._runner.prepare()
        try:
            warm_up(self._runner, self._new_sequence, clock=self._clock)
        except NumericalError as error:
            if (wider := self._fallback_choice()) is None:
                raise
            log.warning("%s: continuing in %s", error, wider.dtype)
            return self._load(wider)
        self._memory_bytes = self._runner.nbytes
        seconds = (loaded - began, self._clock() - loaded)
        log.info("%s: loaded in %.1f s, ready %.1f s later (%s)", self._name, *seconds, choice.reason)
        return EngineCore(self._runner, self._queue, max_prefill_batch=self._max_prefill_batch, clock=self._clock)

    def _change_precision(self, dtype: Dtype, future: Future[PrecisionChange]) -> None:
        """Carry out `switch`; on failure, restore the previous dtype. The queue is kept."""
        assert self._runner is not None
        before, began, bytes_before = self._choice, self._clock(), self._runner.nbytes
        if not future.set_running_or_notify_cancel():
            self._pending_precision = None
            return
        try:
            core = self._load(replace(before, dtype=dtype, reason=f"{before.device}; {dtype} as requested"))
        except Exception as error:
            log.error("cannot use %s, restoring %s: %s", dtype, before.dtype, error)
            core = self._load(before)
            future.set_exception(as_speech_error(error))
        else:
            bytes_after, seconds = self._runner.nbytes, self._clock() - began
            log.info("%s -> %s: %d -> %d bytes", before.dtype, self._choice.dtype, bytes_before, bytes_after)
            sizes = {"bytes_before": bytes_before, "bytes_after": bytes_after}
            future.set_result(PrecisionChange(before=before.dtype, after=self._choice.dtype, **sizes, seconds=seconds))
        self._core, self._pending_precision = core, None

    def _fallback_choice(self) -> DeviceChoice | None:
        """Return a wider dtype after invalid numbers in float16, once; else None."""
        dtype = fallback_dtype(self._choice.dtype, bf16=self._bf16)
        if self._choice.dtype != "float16" or self._fell_back or dtype is None:
            return None
        self._fell_back = True
        return replace(self._choice, dtype=dtype, reason=f"{self._choice.device}; {dtype} after invalid numbers")

    def _handle_invalid(self, core: EngineCore) -> None:
        """After invalid numbers, request a wider dtype if there is one. Utterances without audio so far are retried."""
        retryable, core.retryable, core.num_invalid = core.retryable, [], 0
        with self._lock:
            if self._pending_precision is None and (wider := self._fallback_choice()) is not None:
                log.warning("invalid numbers in float16: continuing in %s", wider.dtype)
                self._pending_precision = (wider.dtype, Future())
        if self._choice.dtype == "float16" and self._pending_precision is not None:
            self._queue[:0] = [sequence.reset_copy() for sequence, _ in retryable]
            return
        for sequence, error in retryable:
            sequence.sink.fail(error)

    def _shutdown(self) -> None:
        """Fail pending utterances; release the device."""
        with self._lock:
            self._close_at = self._close_at or self._clock()
            pending = [*(self._core.running if self._core is not None else ()), *self._queue, *self._inbox]
            change, self._pending_precision = self._pending_precision, None
            self._core = None
            self._queue.clear()
            self._inbox.clear()
        for sequence in pending:
            fail_sink(sequence, self._shutdown_error())
        if change is not None:
            with contextlib.suppress(InvalidStateError):  # the request may have been cancelled
                change[1].set_exception(self._shutdown_error())
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _shutdown_error(self) -> SpeechError:
        return NotReady(reason=NestedError(self._failure)) if isinstance(self._failure, ModelError) else EngineStopped()
