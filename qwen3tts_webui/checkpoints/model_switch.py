"""The switch from one model to another while the program runs.

In: the folder of a checkpoint. Out: an engine for it in place of the active one, or the error why not. If the memory
holds both, the old engine is active until the new one is ready. Otherwise new requests wait in the new engine's queue,
the old engine finishes its utterances and is unloaded, and only then the new model is loaded; if that fails, the old
engine is active again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Protocol

from qwen3tts_webui.checkpoints.local_store import display_name
from qwen3tts_webui.errors import EngineStopped, InsufficientMemory, SpeechError
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.readiness import load_failure, wait_until_ready
from qwen3tts_webui.types import MemoryRelease, Synthesizer, UnloadableSynthesizer

_log = logging.getLogger(__name__)

_POLL_S = 0.05


class StartingEngine(Synthesizer, Protocol):
    """An engine that loads in the background."""

    @property
    def failure(self) -> SpeechError | None:
        """Why it will never be ready; None while it loads or once it is ready."""
        ...


class StartEngine(Protocol):
    """Starts an engine for the checkpoint in `folder`, or raises a `SpeechError`."""

    def __call__(self, folder: Path, *, release: MemoryRelease | None = None) -> StartingEngine:
        """With `release`, the engine waits for the memory of another one before it loads."""
        ...


class ModelSwitch:
    """Switches `synthesizer` to other models, one at a time. `close` ends a switch in progress."""

    def __init__(self, synthesizer: HotSwapSynthesizer, start: StartEngine) -> None:
        self._synthesizer = synthesizer
        self._start = start
        self._closed = threading.Event()

    def to(self, folder: Path, on_replacing: Callable[[str], None]) -> None:
        """Make an engine for `folder` the active one; blocks until it is ready, or raises why it is not.

        `on_replacing` receives the name of the active model if it has to be unloaded first. A model that was loaded in
        addition is active at once, and the active one stays loaded.
        """
        old = self._synthesizer.current
        loaded = self._find(display_name(folder))
        if loaded is not None:
            self._synthesizer.promote(loaded)
            return
        try:
            engine = self._start(folder)
            self._wait_until_ready(engine)
        except InsufficientMemory as error:
            if not isinstance(old, UnloadableSynthesizer) or self._closed.is_set():
                raise
            _log.info("%s: unloading %s first", error, old.info.model)
            self._load_instead_of(old, folder, on_replacing)
        else:
            self._synthesizer.swap_to(engine)

    def add(self, folder: Path) -> None:
        """Load the model in `folder` in addition; blocks until it is ready, or raises why it is not.

        Waits for the active model first, so that its memory is known.
        """
        name = display_name(folder)
        if name == self._synthesizer.info.model or self._find(name) is not None:
            return
        while not self._synthesizer.ready and load_failure(self._synthesizer.current) is None:
            if self._closed.wait(_POLL_S):
                raise EngineStopped()
        engine = self._start(folder)
        self._wait_until_ready(engine)
        self._synthesizer.add(engine)

    def unload(self, name: str) -> bool:
        """Retire the engine of a model that was loaded in addition; False if there is none."""
        engine = self._find(name)
        if engine is None:
            return False
        self._synthesizer.remove(engine)
        return True

    def _find(self, name: str) -> Synthesizer | None:
        others = self._synthesizer.engines[1:]
        return next((engine for engine in others if engine.info.model == name), None)

    def close(self) -> None:
        """Let a switch in progress fail soon. Idempotent."""
        self._closed.set()

    def _load_instead_of(self, old: Synthesizer, folder: Path, on_replacing: Callable[[str], None]) -> None:
        assert isinstance(old, UnloadableSynthesizer)
        release = _Release(old.memory_bytes or 0)
        engine = self._start(folder, release=release)  # raises if it would not fit even alone
        on_replacing(old.info.model)
        self._synthesizer.replace(engine)
        try:
            self._synthesizer.drain(old)
            self._unload(old)
            release.grant()
            self._wait_until_ready(engine)
        except Exception:
            self._synthesizer.replace(old)
            old.resume()
            release.abandon()
            engine.close()
            raise
        old.close()

    def _unload(self, old: UnloadableSynthesizer) -> None:
        suspension = old.suspend()
        while not suspension.done():
            if self._closed.wait(_POLL_S):
                raise EngineStopped()
        try:
            suspension.result()
        except CancelledError:
            raise EngineStopped() from None

    def _wait_until_ready(self, engine: StartingEngine) -> None:
        try:
            wait_until_ready(engine, cancelled=self._closed)
        except SpeechError:
            engine.close()
            raise


class _Release:
    """Implements `MemoryRelease`: memory that is granted, or abandoned, by another thread."""

    def __init__(self, num_bytes: int) -> None:
        self.num_bytes = num_bytes
        self._decided = threading.Event()
        self._granted = False

    def grant(self) -> None:
        self._granted = True
        self._decided.set()

    def abandon(self) -> None:
        self._decided.set()

    def wait(self) -> None:
        self._decided.wait()
        if not self._granted:
            raise EngineStopped()
