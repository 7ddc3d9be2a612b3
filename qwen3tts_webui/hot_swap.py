"""A synthesizer with an engine that can be replaced while it is running, and with more engines in addition.

In: utterances, as any engine takes them. Out: what the active engine makes of them; `engines_of` lists all engines. An
engine that was replaced finishes its utterances and is closed once it has been idle for a while. All engines share the
limit of one queue (`SharedQueue`). Knows no particular engine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from qwen3tts_webui.errors import NotReady
from qwen3tts_webui.fair_share import check_capacity
from qwen3tts_webui.synthesizer_proxy import SynthesizerProxy
from qwen3tts_webui.types import EngineLoad, PcmSink, Synthesizer, Utterance


class HotSwapSynthesizer(SynthesizerProxy):
    """Implements `Synthesizer`. A retired engine closes after `idle_timeout_s` without work, or after `grace_s`."""

    def __init__(self, engine: Synthesizer, *, idle_timeout_s: float = 10.0, grace_s: float = 600.0) -> None:
        super().__init__(engine)
        self._idle_timeout_s = idle_timeout_s
        self._grace_s = grace_s
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._retiring: list[threading.Thread] = []
        self._others: tuple[Synthesizer, ...] = ()

    @property
    def current(self) -> Synthesizer:
        """The active engine."""
        return self._engine

    @property
    def engines(self) -> tuple[Synthesizer, ...]:
        """All engines, the active one first."""
        return (self._engine, *self._others)

    def add(self, engine: Synthesizer) -> None:
        """Keep `engine` next to the active one. Closes it at once if this synthesizer is closed already."""
        with self._lock:
            if self._closed.is_set():
                engine.close()
                return
            self._others = (*self._others, engine)

    def remove(self, engine: Synthesizer) -> None:
        """Retire an engine that is not the active one."""
        with self._lock:
            self._others = tuple(other for other in self._others if other is not engine)
        self.retire(engine)

    def promote(self, engine: Synthesizer) -> None:
        """Make one of the other engines the active one; the active one stays in its place."""
        with self._lock:
            self._others = tuple(self._engine if other is engine else other for other in self._others)
            self._engine = engine

    def submit(self, requests: Sequence[tuple[Utterance, PcmSink]]) -> None:
        while True:
            engine = self._engine
            try:
                engine.submit(requests)
                return
            except NotReady:
                if engine is self._engine:  # otherwise it was replaced meanwhile: try the new one
                    raise

    def swap_to(self, engine: Synthesizer) -> None:
        """Make `engine` the active one. Closes it at once if this synthesizer is closed already."""
        old = self.replace(engine)
        if old is not None:
            self.retire(old)

    def replace(self, engine: Synthesizer) -> Synthesizer | None:
        """Make `engine` the active one as `swap_to` does, but leave the previous one to the caller.

        Return None if there is nothing to do: `engine` was active, or this synthesizer is closed.
        """
        with self._lock:
            if self._closed.is_set():
                engine.close()
                return None
            if engine is self._engine:
                return None
            old, self._engine = self._engine, engine
            return old

    def retire(self, engine: Synthesizer) -> None:
        """Close an engine that is no longer active once it is idle, from a thread of its own."""
        with self._lock:
            thread = threading.Thread(target=self._retire, args=(engine,), name="retiring-engine", daemon=True)
            self._retiring.append(thread)
            thread.start()

    def drain(self, engine: Synthesizer) -> None:
        """Wait until an engine has been idle for a while: a request may be between two of its segments."""
        end = time.monotonic() + self._grace_s
        busy_at = time.monotonic()
        poll_s = self._idle_timeout_s / 20
        while time.monotonic() < min(end, busy_at + self._idle_timeout_s) and not self._closed.wait(poll_s):
            load = engine.load
            if load.running or load.queued:
                busy_at = time.monotonic()

    def close(self, *, grace_s: float = 0.0) -> None:
        with self._lock:
            self._closed.set()
        for engine in self.engines:
            engine.close(grace_s=grace_s)
        for thread in self._retiring:
            thread.join()

    def _retire(self, engine: Synthesizer) -> None:
        self.drain(engine)
        engine.close()


def current_engine(synthesizer: Synthesizer) -> Synthesizer:
    """Return the active engine, so that one engine synthesizes a request from its first segment to its last."""
    return synthesizer.current if isinstance(synthesizer, HotSwapSynthesizer) else synthesizer


def engines_of(synthesizer: Synthesizer) -> tuple[Synthesizer, ...]:
    """Return all engines, the active one first."""
    return synthesizer.engines if isinstance(synthesizer, HotSwapSynthesizer) else (synthesizer,)


def total_load(engines: Sequence[Synthesizer]) -> EngineLoad:
    """Return the load of all engines together; the queue is that of the first one."""
    loads = [engine.load for engine in engines]
    measured = [load for load in loads if load.service_s and load.slots]
    slots_per_s = sum(load.slots / load.service_s for load in measured if load.service_s)
    return EngineLoad(
        running=sum(load.running for load in loads),
        queued=sum(load.queued for load in loads),
        slots=sum(load.slots for load in loads),
        queue_size=loads[0].queue_size,
        clients=frozenset().union(*(load.clients for load in loads)),
        service_s=sum(load.slots for load in measured) / slots_per_s if measured else None,
    )


class SharedQueue(SynthesizerProxy):
    """Implements `Synthesizer`: an engine that accepts no more than the queue shared by all `engines` can hold."""

    def __init__(self, engine: Synthesizer, engines: Sequence[Synthesizer]) -> None:
        super().__init__(engine)
        self._engines = engines

    def submit(self, requests: Sequence[tuple[Utterance, PcmSink]]) -> None:
        own, total = self._engine.load, total_load(self._engines)
        free_slots = max(0, own.slots - own.running)  # those of other engines are of no use to these requests
        load = replace(total, running=total.slots - free_slots)
        check_capacity(load, [utterance.client for utterance, _ in requests])
        self._engine.submit(requests)
