"""The engine: one thread that owns the device and accepts work from any other.

In: utterances and their sinks, from any thread. Out: audio in the sinks. `EngineThread` is what the thread does: it
loads the model, reloads it in another dtype on request or after invalid numbers, and unloads it while it is idle or
suspended. Implements `Synthesizer`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future

from qwen3tts_webui.engine.device import resolve_dtype
from qwen3tts_webui.engine.engine_thread import EngineThread
from qwen3tts_webui.engine.info import engine_info
from qwen3tts_webui.errors import CLOSING, ErrorDetail, NestedError, NotReady, SpeechError
from qwen3tts_webui.fair_share import check_capacity
from qwen3tts_webui.hardware import supported_dtypes
from qwen3tts_webui.types import (
    EngineInfo,
    EngineLoad,
    LoadState,
    LoadStateName,
    PcmSink,
    PrecisionChange,
    Utterance,
)


class Engine(EngineThread):
    """Qwen3-TTS for many listeners.

    Loads at once, in the background; requests submitted meanwhile wait. `model` is the display name. At most
    `queue_size` utterances wait for a slot; at most `max_prefill_batch` prompts are prefilled together. `bf16`: the
    device supports it, so it is tried first when float16 overflows. `references`: encodes recordings to clone. After
    `idle_unload_s` seconds without work the model is unloaded until the next request; 0: never.
    """

    @property
    def info(self) -> EngineInfo:
        return engine_info(self._spec, self._name, self._loader.choice, self._loader.runner)

    @property
    def ready(self) -> bool:
        is_usable = self._core is not None or self._unloaded
        return is_usable and self._failure is None and self._close_at is None

    @property
    def load_state(self) -> LoadState:
        if self._unloaded:
            state: LoadStateName = "waking" if self._has_requests and self._suspension is None else "unloaded"
        else:
            state = "loading" if self._core is None else "loaded"
        return LoadState(state=state, load_s=self._loader.load_s)

    @property
    def failure(self) -> SpeechError | None:
        """The error that ended the engine; None while it works."""
        return self._failure

    @property
    def load(self) -> EngineLoad:
        """Requests cancelled while they waited do not count."""
        core, runner = self._core, self._loader.runner
        running = 0 if core is None else core.num_running
        slots = 0 if runner is None else runner.slots
        queued = sum(not sequence.sink.cancelled for sequence in (*self._inbox, *self._queue))
        return EngineLoad(
            running=running,
            queued=queued,
            slots=slots,
            queue_size=self._queue_size,
            clients=self._clients(),
            service_s=None if core is None else core.service_time.mean_s,
        )

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        """As `Synthesizer.submit`. Utterances submitted together are prefilled together if slots are free."""
        for utterance, _ in jobs:
            self._prompts.check(utterance)
        with self._lock:
            if self._failure is not None or self._close_at is not None:
                raise NotReady(reason=CLOSING if self._failure is None else NestedError(self._failure))
            check_capacity(self.load, [utterance.client for utterance, _ in jobs])
            self._inbox.extend(self._new_sequence(utterance, sink) for utterance, sink in jobs)
        for utterance, sink in jobs:
            sink.watch(self._wakeup.set)
            if utterance.text_stream is not None:
                utterance.text_stream.watch(self._wakeup.set)
        self._wakeup.set()

    @property
    def precisions(self) -> tuple[str, ...]:
        return ("auto", *supported_dtypes(self._loader.choice.device))

    @property
    def memory_bytes(self) -> int | None:
        return 0 if self._unloaded else self._loader.memory_bytes

    def switch(self, dtype: str) -> Future[PrecisionChange]:
        """Reload the model in `dtype` once the running utterances have ended; the queue waits meanwhile.

        On failure, the previous dtype is restored and the future fails. Cancelling the future before the change begins
        withdraws the request. Raises InvalidValue for a dtype that the device does not support, and NotReady.
        """
        requested = resolve_dtype(self._loader.choice.device, dtype)
        future: Future[PrecisionChange] = Future()
        with self._lock:
            if self._pending_precision is not None or self._failure is not None or self._close_at is not None:
                raise NotReady(reason=ErrorDetail("changing", "it is busy with another change, or has ended"))
            self._pending_precision = (requested, future)
        self._wakeup.set()
        return future

    def suspend(self) -> Future[None]:
        """Unload the model once the running utterances have ended, until `resume`; the queue waits meanwhile."""
        with self._lock:
            suspension = self._suspension = self._suspension or Future()
        self._wakeup.set()
        return suspension

    def resume(self) -> None:
        """Allow the model to be loaded again, for the requests that wait."""
        with self._lock:
            suspension, self._suspension = self._suspension, None
        if suspension is not None:
            suspension.cancel()
        self._wakeup.set()

    def close(self, *, grace_s: float = 0.0) -> None:
        close_at = self._clock() + grace_s
        with self._lock:
            self._close_at = close_at if self._close_at is None else min(self._close_at, close_at)
        self._wakeup.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _clients(self) -> frozenset[str]:
        running = () if self._core is None else tuple(self._core.running)
        return frozenset(sequence.utterance.client for sequence in (*running, *self._queue, *self._inbox))
