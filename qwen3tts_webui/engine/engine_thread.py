"""The engine's thread: load, step, change the dtype, unload, wake and stop.

In: utterances and changes that `Engine` has noted from other threads. Out: audio in the sinks. The thread steps the
`EngineCore`, sleeps when there is nothing to do and is woken, never polled.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace

from qwen3tts_webui.engine.core import EngineCore
from qwen3tts_webui.engine.failures import as_speech_error, fail_sink
from qwen3tts_webui.engine.model_loader import LoadRunner, ModelLoader
from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.engine.sequence import Clock, SequenceState
from qwen3tts_webui.engine.warmup import warm_up
from qwen3tts_webui.errors import EngineStopped, ModelError, NestedError, NotReady, SpeechError
from qwen3tts_webui.hardware import DeviceChoice, Dtype
from qwen3tts_webui.model import ModelConfig, PromptBuilder, Tokenizer
from qwen3tts_webui.types import EncodesReferences, PcmSink, PrecisionChange, Utterance

log = logging.getLogger(__name__)

_MAX_CONSECUTIVE_FAILURES = 8
"""Failures in a row without a successful step, after which a warm-up must prove that the device still works."""


class EngineThread:
    """The state that the engine's thread shares with the threads that use the engine, and what it does with it."""

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
        idle_unload_s: float = 0.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._loader = ModelLoader(load, choice, name=model, bf16=bf16, warm_up=self._warm_up, clock=clock)
        self._spec = spec
        self._encoder = encoder
        self._prompts = PromptBuilder(spec, encoder)
        self._name = model
        self._queue_size = queue_size
        self._max_prefill_batch = max_prefill_batch
        self.references = references
        self._idle_unload_s = idle_unload_s
        self._clock = clock
        self._lock = threading.Lock()
        self._wakeup = threading.Event()
        self._inbox: list[SequenceState] = []
        self._queue: list[SequenceState] = []  # survives a change of the dtype
        self._core: EngineCore | None = None
        self._unloaded = False
        self._suspension: Future[None] | None = None
        self._busy_at = clock()
        self._failure: SpeechError | None = None
        self._pending_precision: tuple[Dtype, Future[PrecisionChange]] | None = None
        self._close_at: float | None = None  # on the clock
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def _new_sequence(self, utterance: Utterance, sink: PcmSink) -> SequenceState:
        return SequenceState(utterance, sink, encoder=self._encoder, prompts=self._prompts, clock=self._clock)

    # the loop

    def _run(self) -> None:
        try:
            self._core = self._load(self._loader.choice)
            while True:
                self._wakeup.clear()  # before checking: any later change sets it again
                if self._should_stop():
                    break
                if self._wake() if self._core is None else self._run_step(self._core):
                    self._busy_at = self._clock()
                else:
                    self._wakeup.wait(self._seconds_to_wait())
        except Exception as error:
            log.critical("the engine cannot continue: %s", error, exc_info=error)
            self._failure = as_speech_error(error)
        finally:
            self._shutdown()

    def _run_step(self, core: EngineCore) -> bool:
        """Move submissions to the queue and step the core; change the dtype or unload if that is due and nothing runs.

        Return False if there was nothing to do.
        """
        with self._lock:
            self._queue.extend(self._inbox)
            self._inbox.clear()
        busy = core.step(admitting=self._pending_precision is None and self._suspension is None)
        if core.num_invalid:
            self._handle_invalid(core)
        if core.consecutive_failures >= _MAX_CONSECUTIVE_FAILURES and not core.has_started:
            self._warm_up(core.runner)
            core.consecutive_failures = 0
        if self._pending_precision is not None and not core.has_started:
            self._change_precision(*self._pending_precision)
            return True
        if (self._suspension is not None and not core.has_started) or self._unload_at <= self._clock():
            self._unload()
        return busy

    @property
    def _has_requests(self) -> bool:
        return bool(self._queue or self._inbox or (self._core is not None and self._core.running))

    @property
    def _unload_at(self) -> float:
        """When an idle model is unloaded, on the clock."""
        due = self._idle_unload_s > 0 and self._core is not None and not self._has_requests
        return self._busy_at + self._idle_unload_s if due else math.inf

    def _seconds_to_wait(self) -> float | None:
        until = min(math.inf if self._close_at is None else self._close_at, self._unload_at)
        return None if until == math.inf else max(0.0, until - self._clock())

    def _should_stop(self) -> bool:
        return self._close_at is not None and (not self._has_requests or self._clock() >= self._close_at)

    def _load(self, choice: DeviceChoice) -> EngineCore:
        self._core = None
        runner = self._loader.load(choice)
        self._busy_at = self._clock()
        return EngineCore(runner, self._queue, max_prefill_batch=self._max_prefill_batch, clock=self._clock)

    def _warm_up(self, runner: ModelRunner) -> None:
        warm_up(runner, self._new_sequence, clock=self._clock)

    def _unload(self) -> None:
        self._loader.unload()
        if self.references is not None:
            self.references.free()
        self._unloaded = True
        self._core = None
        log.info("%s: unloaded", self._name)
        with self._lock:
            if self._suspension is not None and not self._suspension.done():
                self._suspension.set_result(None)

    def _wake(self) -> bool:
        """Load the unloaded model if a request waits for it; on failure, fail the requests and stay unloaded."""
        if self._suspension is not None or not (self._has_requests or self._pending_precision):
            return False
        try:
            self._core = self._load(self._loader.choice)
        except Exception as error:
            log.error("%s cannot be loaded again: %s", self._name, error, exc_info=error)
            self._loader.unload()
            self._fail_pending(NotReady(reason=NestedError(as_speech_error(error))))
        else:
            self._unloaded = False
        return True

    def _change_precision(self, dtype: Dtype, future: Future[PrecisionChange]) -> None:
        """Carry out `switch`; on failure, restore the previous dtype. The queue is kept."""
        before, began, bytes_before = self._loader.choice, self._clock(), self._loader.memory_bytes or 0
        if not future.set_running_or_notify_cancel():
            self._pending_precision = None
            return
        try:
            core = self._load(replace(before, dtype=dtype, reason=f"{before.device}; {dtype} as requested", speed=None))
        except Exception as error:
            log.error("cannot use %s, restoring %s: %s", dtype, before.dtype, error)
            core = self._load(before)
            future.set_exception(as_speech_error(error))
        else:
            bytes_after, after = core.runner.nbytes, self._loader.choice.dtype
            log.info("%s -> %s: %d -> %d bytes", before.dtype, after, bytes_before, bytes_after)
            sizes = {"bytes_before": bytes_before, "bytes_after": bytes_after}
            seconds = self._clock() - began
            future.set_result(PrecisionChange(before=before.dtype, after=after, **sizes, seconds=seconds))
        self._core, self._pending_precision = core, None

    def _handle_invalid(self, core: EngineCore) -> None:
        """After invalid numbers, request a wider dtype if there is one. Utterances without audio so far are retried."""
        retryable, core.retryable, core.num_invalid = core.retryable, [], 0
        with self._lock:
            if self._pending_precision is None and (wider := self._loader.wider_choice()) is not None:
                log.warning("invalid numbers in float16: continuing in %s", wider.dtype)
                self._pending_precision = (wider.dtype, Future())
        if self._loader.choice.dtype == "float16" and self._pending_precision is not None:
            self._queue[:0] = [sequence.reset_copy() for sequence, _ in retryable]
            return
        for sequence, error in retryable:
            sequence.sink.fail(error)

    def _shutdown(self) -> None:
        """Fail pending utterances; release the device."""
        with self._lock:
            self._close_at = self._close_at or self._clock()
            suspension, self._suspension = self._suspension, None
        self._fail_pending(self._shutdown_error())
        if suspension is not None and not suspension.done():
            suspension.set_exception(self._shutdown_error())
        self._core = None
        self._unloaded = False
        self._loader.unload()

    def _fail_pending(self, error: SpeechError) -> None:
        """Fail all utterances and a pending change of the dtype."""
        with self._lock:
            pending = [*(self._core.running if self._core is not None else ()), *self._queue, *self._inbox]
            change, self._pending_precision = self._pending_precision, None
            self._queue.clear()
            self._inbox.clear()
        for sequence in pending:
            fail_sink(sequence, error)
        if change is not None:
            with contextlib.suppress(InvalidStateError):  # the request may have been cancelled
                change[1].set_exception(error)

    def _shutdown_error(self) -> SpeechError:
        return NotReady(reason=NestedError(self._failure)) if isinstance(self._failure, ModelError) else EngineStopped()
