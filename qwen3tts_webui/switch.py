"""A synthesizer that can be given another engine while it is running.

In: utterances, as any engine takes them. Out: whatever the present engine makes of them. Knows no kind of engine. What
the old one is speaking is finished by the old one, which is closed once nobody has used it for a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from qwen3tts_webui.errors import NotReady
from qwen3tts_webui.types import EngineInfo, EngineLoad, PcmSink, Synthesizer, Utterance


class Switch:
    """Implements `Synthesizer`. A retired engine closes after `quiet_s` of idleness, or after `grace_s`."""

    def __init__(self, engine: Synthesizer, *, quiet_s: float = 10.0, grace_s: float = 600.0) -> None:
        self._engine = engine
        self._quiet_s = quiet_s
        self._grace_s = grace_s
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._retiring: list[threading.Thread] = []

    @property
    def present(self) -> Synthesizer:
        """The engine that speaks now."""
        return self._engine

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    @property
    def ready(self) -> bool:
        return self._engine.ready

    @property
    def load(self) -> EngineLoad:
        return self._engine.load

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        while True:
            engine = self._engine
            try:
                engine.submit(jobs)
                return
            except NotReady:
                if engine is self._engine:  # it was not switched over meanwhile
                    raise

    def use(self, engine: Synthesizer) -> None:
        """From now on `engine` speaks. Closes it at once when the switch is closed already."""
        with self._lock:
            if self._closed.is_set():
                engine.close()
                return
            if engine is self._engine:
                return
            old, self._engine = self._engine, engine
            thread = threading.Thread(target=self._retire, args=(old,), name="retiring-engine", daemon=True)
            self._retiring.append(thread)
            thread.start()

    def close(self, *, grace_s: float = 0.0) -> None:
        with self._lock:
            self._closed.set()
        self._engine.close(grace_s=grace_s)
        for thread in self._retiring:
            thread.join()

    def _retire(self, engine: Synthesizer) -> None:
        """Wait until `engine` has been idle for a while: a request may be between two of its segments."""
        end = time.monotonic() + self._grace_s
        busy_at = time.monotonic()
        while time.monotonic() < min(end, busy_at + self._quiet_s) and not self._closed.wait(self._quiet_s / 20):
            load = engine.load
            if load.active or load.waiting:
                busy_at = time.monotonic()
        engine.close()


def pinned(synthesizer: Synthesizer) -> Synthesizer:
    """Who speaks now, for a request that shall be spoken by one engine from its first segment to its last."""
    return synthesizer.present if isinstance(synthesizer, Switch) else synthesizer
