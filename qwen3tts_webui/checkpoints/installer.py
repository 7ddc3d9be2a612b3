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
from qwen3tts_webui.checkpoints.local_store import LocalStore, display_name, folder_bytes, verify_checkpoint
from qwen3tts_webui.checkpoints.memory_estimate import MemoryBudget, MemoryEstimate, estimate_memory
from qwen3tts_webui.checkpoints.model_switch import ModelSwitch, StartEngine
from qwen3tts_webui.checkpoints.progress import DownloadProgress
from qwen3tts_webui.checkpoints.speed_meter import SpeedMeter
from qwen3tts_webui.errors import ErrorDetail, NotFound, SpeechError
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.types import UnloadableSynthesizer

_log = logging.getLogger(__name__)

_MAX_RATIO = 8.0  # of the sizes of two models: beyond it, the time of one says nothing about the other
_LOADED_MODEL = ErrorDetail("loaded_model", "model loaded in addition")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """One released checkpoint. `bytes` is `approximate` until the hub has answered or the model is installed.

    `active`: it is the model of the active engine; `loaded`: that of any engine. `about_s`: seconds to load it, judged
    by the last load of another model; None if there was none. `speed`: seconds of speech per second, measured on this
    machine; None before that.
    """

    id: str
    kind: str
    default: bool
    installed: bool
    bytes: int
    approximate: bool
    partial_bytes: int
    active: bool
    loaded: bool
    fit: MemoryEstimate
    speed: float | None = None
    about_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStart:
    """The most recent start of an engine for a model.

    `replacing`: the model that had to leave memory first, "" if none; after a failure it is active again. `also`: the
    active model stays, this one is loaded in addition.
    """

    model: str
    state: Literal["loading", "ready", "failed"]
    error: SpeechError | None = None
    replacing: str = ""
    also: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsOverview:
    """The released models, the download, the engine that is loading, the name of the `active` model ("" if none)."""

    models: tuple[ModelState, ...]
    download: DownloadProgress | None
    loading: EngineStart | None
    measuring: bool
    active: str


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
        self._background = BackgroundDownload(store, self._on_download, retry_policy=retry_policy)
        self._also = False  # what to do with the model that is being downloaded
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
        info = self._synthesizer.info
        active = "" if info.preview else info.model
        return ModelsOverview(
            models=models, download=progress, loading=self._loading, measuring=measuring, active=active
        )

    def measure(self, model: CatalogModel) -> bool:
        """Measure the speed of `model` on this machine in the background; False if that is not possible now."""
        return self._speed_meter is not None and self._speed_meter.start(model.size)

    def download(self, model: str = DEFAULT_MODEL.id, mirror: str = "", *, also: bool = False) -> None:
        """Download the model with this id and activate it; an installed one is activated at once.

        With `also`, the active model stays and this one is loaded in addition.

        Raises InvalidValue for an unknown mirror, Busy while another model is being downloaded.
        """
        folder = self.store.find(model)
        if folder is None:
            self._background.start(model, source_for(mirror or self.mirror))
            self._also = also
        else:
            self._load_in_background(self.load_also if also else self.activate, model, folder)

    def use_folder(self, folder: Path) -> None:
        """Activate the checkpoint in `folder`, in the background. Raises `CheckpointError` if it is not complete."""
        verify_checkpoint(folder)
        self._load_in_background(self.activate, display_name(folder), folder)

    def _load_in_background(self, load: Callable[[str, Path], None], model: str, folder: Path) -> None:
        if self._loading is None or self._loading.state != "loading":
            threading.Thread(target=load, args=(model, folder), name="loading", daemon=True).start()

    def unload(self, model: str) -> None:
        """Close the engine of a model that was loaded in addition. Raises `NotFound` if there is none."""
        if not self._switch.unload(_name(model)):
            raise NotFound(what=_LOADED_MODEL, got=model)

    def stop(self) -> bool:
        """Stop the download soon; False if there is none."""
        return self._background.stop()

    def activate(self, model: str, folder: Path) -> None:
        """Start an engine for `folder` and make it the active one; blocks until it is ready or has failed."""

        def on_replacing(replaced: str) -> None:
            assert self._loading is not None
            self._loading = replace(self._loading, replacing=replaced)

        self._load(EngineStart(model=model, state="loading"), lambda: self._switch.to(folder, on_replacing))

    def load_also(self, model: str, folder: Path) -> None:
        """Start an engine for `folder` in addition to the active one; blocks until it is ready or has failed."""
        self._load(EngineStart(model=model, state="loading", also=True), lambda: self._switch.add(folder))

    def _on_download(self, model: str, folder: Path) -> None:
        (self.load_also if self._also else self.activate)(model, folder)

    def _load(self, start: EngineStart, load: Callable[[], None]) -> None:
        with self._start_lock:
            self._loading = start
            try:
                load()
            except Exception as error:
                is_known = isinstance(error, SpeechError)
                _log.error("%s cannot be loaded: %s", start.model, error, exc_info=not is_known)
                reported = error if isinstance(error, SpeechError) else SpeechError()
                self._loading = replace(self._loading, state="failed", error=reported)
            else:
                self._loading = replace(self._loading, state="ready")

    def close(self) -> None:
        """Stop the download and any engine that is loading. Idempotent."""
        self._switch.close()
        self._background.close()

    def _state(self, model: CatalogModel, budget: MemoryBudget, progress: DownloadProgress | None) -> ModelState:
        folder = self.store.find(model.id)
        size, approximate, counts = model.approximate_bytes, True, model.counts
        if folder is not None:
            size, approximate, counts = folder_bytes(folder), False, verify_checkpoint(folder)
        elif progress is not None and progress.model == model.id and progress.total_bytes is not None:
            size, approximate = progress.total_bytes, False
        engines = [engine.info for engine in self._synthesizer.engines]
        loaded = [not info.preview and info.model == _name(model.id) for info in engines]
        fit = estimate_memory(counts, budget)
        return ModelState(
            id=model.id,
            kind=model.kind,
            default=model is DEFAULT_MODEL,
            installed=folder is not None,
            bytes=size,
            approximate=approximate,
            partial_bytes=self.store.partial_bytes(model.id),
            active=loaded[0],
            loaded=any(loaded),
            fit=fit,
            speed=None if self._speed_meter is None else self._speed_meter.speed(model.size),
            about_s=self._seconds_to_load(fit.needed_bytes),
        )

    def _seconds_to_load(self, num_bytes: int) -> float | None:
        for engine in self._synthesizer.engines:
            if isinstance(engine, UnloadableSynthesizer) and engine.memory_bytes and engine.load_state.load_s:
                ratio = num_bytes / engine.memory_bytes
                return engine.load_state.load_s * ratio if ratio < _MAX_RATIO else None
        return None


def _name(model: str) -> str:
    """Return the name of the model "owner/name", as engines show it."""
    return model.rsplit("/", 1)[-1]
