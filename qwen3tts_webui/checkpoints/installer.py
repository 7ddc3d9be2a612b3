"""Models while the program runs: what is installed, what is being downloaded, and the switch to a new model.

In: requests to download or stop. Out: a `ModelsOverview`. When a model is complete, its engine starts in the background
and replaces the active one (`model_switch`). The way to start an engine is passed in; no particular engine is known.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from qwen3tts_webui.checkpoints.background_download import BackgroundDownload
from qwen3tts_webui.checkpoints.catalog import CATALOG, DEFAULT_MODEL, CatalogModel
from qwen3tts_webui.checkpoints.download import source_for
from qwen3tts_webui.checkpoints.file_download import RetryPolicy
from qwen3tts_webui.checkpoints.local_store import LocalStore, folder_bytes, verify_checkpoint
from qwen3tts_webui.checkpoints.memory_estimate import MemoryBudget, MemoryEstimate, estimate_memory
from qwen3tts_webui.checkpoints.model_switch import ModelSwitch, StartEngine
from qwen3tts_webui.checkpoints.progress import DownloadProgress
from qwen3tts_webui.checkpoints.speed_meter import SpeedMeter
from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.hot_swap import HotSwapSynthesizer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """One released checkpoint. `bytes` is `approximate` until the hub has answered or the model is installed.

    `speed` is in seconds of speech per second, measured on this machine; None before that.
    """

    id: str
    kind: str
    default: bool
    installed: bool
    bytes: int
    approximate: bool
    partial_bytes: int
    active: bool
    fit: MemoryEstimate
    speed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStart:
    """The most recent start of an engine for a model.

    `replacing`: the model that had to leave memory first, "" if none; after a failure it is active again.
    """

    model: str
    state: Literal["loading", "ready", "failed"]
    error: SpeechError | None = None
    replacing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsOverview:
    """The released models, the current download and the engine that is loading."""

    models: tuple[ModelState, ...]
    download: DownloadProgress | None
    loading: EngineStart | None
    measuring: bool


class ModelInstaller:
    """Downloads models and activates them. `start` starts an engine for a folder.

    `memory_budget` returns the memory that this machine has free now; `mirror` is the default source.
    """

    def __init__(
        self,
        store: LocalStore,
        synthesizer: HotSwapSynthesizer,
        start: StartEngine,
        memory_budget: Callable[[], MemoryBudget],
        *,
        mirror: str = "hf",
        retry_policy: RetryPolicy | None = None,
        speed_meter: SpeedMeter | None = None,
    ) -> None:
        self.store = store
        self._synthesizer = synthesizer
        self._switch = ModelSwitch(synthesizer, start)
        self._memory_budget = memory_budget
        self._speed_meter = speed_meter
        self.mirror = mirror
        self._background = BackgroundDownload(store, self.activate, retry_policy=retry_policy)
        self._loading: EngineStart | None = None
        self._start_lock = threading.Lock()  # one engine is started at a time

    @property
    def progress(self) -> DownloadProgress | None:
        """The progress of the current or last download; None before the first."""
        return self._background.progress

    @property
    def loading(self) -> EngineStart | None:
        """The most recent start of an engine; None before the first."""
        return self._loading

    def overview(self) -> ModelsOverview:
        """Return the state of every released model, of the download and of the loading engine."""
        budget, progress = self._memory_budget(), self.progress
        models = tuple(self._state(model, budget, progress) for model in CATALOG)
        measuring = self._speed_meter is not None and self._speed_meter.measuring is not None
        return ModelsOverview(models=models, download=progress, loading=self._loading, measuring=measuring)

    def measure(self, model: CatalogModel) -> bool:
        """Measure the speed of `model` on this machine in the background; False if that is not possible now."""
        return self._speed_meter is not None and self._speed_meter.start(model.size)

    def download(self, model: str = DEFAULT_MODEL.id, mirror: str = "") -> None:
        """Download the model with this id and activate it; an installed one is activated at once.

        Raises InvalidValue for an unknown mirror, Busy while another model is being downloaded.
        """
        folder = self.store.find(model)
        if folder is None:
            self._background.start(model, source_for(mirror or self.mirror))
        elif self._loading is None or self._loading.state != "loading":
            threading.Thread(target=self.activate, args=(model, folder), name="loading", daemon=True).start()

    def stop(self) -> bool:
        """Stop the download soon; False if there is none."""
        return self._background.stop()

    def activate(self, model: str, folder: Path) -> None:
        """Start an engine for `folder` and make it the active one; blocks until it is ready or has failed."""
        with self._start_lock:
            start = self._loading = EngineStart(model=model, state="loading")

            def on_replacing(replaced: str) -> None:
                nonlocal start
                start = self._loading = replace(start, replacing=replaced)

            try:
                self._switch.to(folder, on_replacing)
            except Exception as error:
                is_known = isinstance(error, SpeechError)
                _log.error("%s cannot be activated: %s", model, error, exc_info=not is_known)
                reported = error if isinstance(error, SpeechError) else SpeechError()
                self._loading = replace(start, state="failed", error=reported)
            else:
                self._loading = replace(start, state="ready")

    def close(self) -> None:
        """Stop the download and any engine that is loading. Idempotent."""
        self._switch.close()
        self._background.close()

    def _state(self, model: CatalogModel, budget: MemoryBudget, progress: DownloadProgress | None) -> ModelState:
        folder = self.store.find(model.id)
        size, approximate, weights = model.approximate_bytes, True, model.weights
        if folder is not None:
            size, approximate, weights = folder_bytes(folder), False, verify_checkpoint(folder)
        elif progress is not None and progress.model == model.id and progress.total_bytes is not None:
            size, approximate = progress.total_bytes, False
        engine = self._synthesizer.info
        return ModelState(
            id=model.id,
            kind=model.kind,
            default=model is DEFAULT_MODEL,
            installed=folder is not None,
            bytes=size,
            approximate=approximate,
            partial_bytes=self.store.partial_bytes(model.id),
            active=not engine.preview and engine.model == model.id.split("/")[1],
            fit=estimate_memory(weights, budget),
            speed=None if self._speed_meter is None else self._speed_meter.speed(model.size),
        )
