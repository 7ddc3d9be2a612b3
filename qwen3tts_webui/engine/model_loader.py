"""Load a model onto its device, unload it, and know how long that took.

In: a `DeviceChoice`. Out: a warmed-up `ModelRunner`. Used by the engine's thread; attributes may be read from others.
Knows no queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.engine.sequence import Clock
from qwen3tts_webui.errors import NumericalError
from qwen3tts_webui.hardware import DeviceChoice, fallback_dtype
from qwen3tts_webui.model import trim_host_memory

log = logging.getLogger(__name__)

LoadRunner = Callable[[DeviceChoice], ModelRunner]
"""Loads the model onto the device and in the dtype of a `DeviceChoice`. Called on the engine's thread."""


class ModelLoader:
    """Holds at most one runner, that of `choice`. `name` is for the log.

    `warm_up` raises if a runner does not work; `bf16`: the device supports it, so it is tried first when float16
    overflows. `load_s`: seconds of the last load, warm-up included; None before the first. `memory_bytes`: weights and
    caches of the last load.
    """

    def __init__(
        self,
        load: LoadRunner,
        choice: DeviceChoice,
        *,
        name: str,
        bf16: bool,
        warm_up: Callable[[ModelRunner], None],
        clock: Clock,
    ) -> None:
        self.choice = choice
        self.runner: ModelRunner | None = None
        self.load_s: float | None = None
        self.memory_bytes: int | None = None
        self._load = load
        self._name = name
        self._bf16 = bf16
        self._warm_up = warm_up
        self._clock = clock
        self._fell_back = False

    def load(self, choice: DeviceChoice) -> ModelRunner:
        """Return a runner for `choice` in place of the current one, in a wider dtype if its warm-up overflows.

        Raises whatever fails; then nothing is loaded, or what was loaded is unloaded by the next call.
        """
        self.unload()
        began = self._clock()
        self.runner, self.choice = self._load(choice), choice
        loaded = self._clock()
        self.runner.prepare()
        try:
            self._warm_up(self.runner)
        except NumericalError as error:
            if (wider := self.wider_choice()) is None:
                raise
            log.warning("%s: continuing in %s", error, wider.dtype)
            return self.load(wider)
        trim_host_memory()
        self.memory_bytes, self.load_s = self.runner.nbytes, self._clock() - began
        seconds = (loaded - began, self._clock() - loaded)
        log.info("%s: loaded in %.1f s, ready %.1f s later (%s)", self._name, *seconds, choice.reason)
        return self.runner

    def unload(self) -> None:
        """Release the memory of the device. Idempotent."""
        if self.runner is not None:
            self.runner.close()
            self.runner = None

    def wider_choice(self) -> DeviceChoice | None:
        """Return a wider dtype after invalid numbers in float16, once; else None."""
        dtype = fallback_dtype(self.choice.dtype, bf16=self._bf16)
        if self.choice.dtype != "float16" or self._fell_back or dtype is None:
            return None
        self._fell_back = True
        return replace(self.choice, dtype=dtype, reason=f"{self.choice.device}; {dtype} after invalid numbers")
