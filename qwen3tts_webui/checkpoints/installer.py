"""Everything about models while the program runs: what is here, what is coming, and who speaks when it has come.

In: a person's wishes. Out: an `ModelsOverview`; when a model is whole, its engine is started in the background, and the
switch goes over to it once it can speak. Is handed the way to start an engine; knows no kind of engine.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from qwen3tts_webui.checkpoints.background_download import BackgroundDownload
from qwen3tts_webui.checkpoints.catalog import CATALOG, DEFAULT_MODEL, CatalogModel
from qwen3tts_webui.checkpoints.download import source_for
from qwen3tts_webui.checkpoints.file_download import RetryPolicy
from qwen3tts_webui.checkpoints.local_store import LocalStore, folder_bytes, verify_checkpoint
from qwen3tts_webui.checkpoints.memory_estimate import MemoryBudget, MemoryEstimate, estimate_memory
from qwen3tts_webui.checkpoints.progress import DownloadProgress
from qwen3tts_webui.errors import EngineStopped, SpeechError
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.types import Synthesizer

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.05


class StartingEngine(Synthesizer, Protocol):
    """An engine that loads in the background; `failure` is why it never will be ready."""

    @property
    def failure(self) -> SpeechError | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """One released checkpoint on this machine; `bytes` are approximate until the hub was asked or the model is here."""

    id: str
    kind: str
    default: bool
    here: bool
    bytes: int
    approximate: bool
    partial_bytes: int
    speaking: bool
    fit: MemoryEstimate


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStart:
    """The last engine that was started for a model."""

    model: str
    state: Literal["loading", "ready", "failed"]
    error: SpeechError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsOverview:
    models: tuple[ModelState, ...]
    download: DownloadProgress | None
    loading: EngineStart | None


class ModelInstaller:
    """`start(folder)` starts an engine or raises from our tree; `room` says what this machine has now.

    `mirror` is the one that is taken when a wish names none.
    """

    def __init__(
        self,
        store: LocalStore,
        switch: HotSwapSynthesizer,
        start: Callable[[Path], StartingEngine],
        room: Callable[[], MemoryBudget],
        *,
        mirror: str = "hf",
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        self.store = store
        self._switch = switch
        self._start = start
        self._room = room
        self.mirror = mirror
        self._background = BackgroundDownload(store, self.load, retry_policy=retry_policy)
        self._loading: EngineStart | None = None
        self._loads = threading.Lock()  # one engine is started at a time
        self._closed = threading.Event()

    @property
    def progress(self) -> DownloadProgress | None:
        return self._background.progress

    @property
    def loading(self) -> EngineStart | None:
        return self._loading

    def overview(self) -> ModelsOverview:
        room, progress = self._room(), self.progress
        models = tuple(self._state(model, room, progress) for model in CATALOG)
        return ModelsOverview(models=models, download=progress, loading=self._loading)

    def download(self, model: str = DEFAULT_MODEL.id, mirror: str = "") -> None:
        """Bring a model here, by its id, and let it speak; one that is here already is loaded at once.

        Raises InvalidValue for an unknown mirror, Busy while another one is under way.
        """
        folder = self.store.find(model)
        if folder is None:
            self._background.start(model, source_for(mirror or self.mirror))
        elif self._loading is None or self._loading.state != "loading":
            threading.Thread(target=self.load, args=(model, folder), name="loading", daemon=True).start()

    def stop(self) -> bool:
        """Stop the download, soon; False when there is none."""
        return self._background.stop()

    def load(self, model: str, folder: Path) -> None:
        """Start an engine and switch over once it can speak; takes as long as that takes."""
        with self._loads:
            self._loading = EngineStart(model=model, state="loading")
            try:
                self._activate(folder)
            except Exception as error:
                log.error("%s cannot speak: %s", model, error, exc_info=not isinstance(error, SpeechError))
                told = error if isinstance(error, SpeechError) else SpeechError()
                self._loading = EngineStart(model=model, state="failed", error=told)
            else:
                self._loading = EngineStart(model=model, state="ready")

    def close(self) -> None:
        """Stop what is under way. Idempotent."""
        self._closed.set()
        self._background.close()

    def _activate(self, folder: Path) -> None:
        engine = self._start(folder)
        while not engine.ready:
            if self._closed.wait(_LOOK_EVERY_S) or engine.failure is not None:
                engine.close()
                raise engine.failure or EngineStopped()
        self._switch.swap_to(engine)

    def _state(self, model: CatalogModel, room: MemoryBudget, progress: DownloadProgress | None) -> ModelState:
        folder = self.store.find(model.id)
        size, approximate, weights = model.approximate_bytes, True, model.weights
        if folder is not None:
            size, approximate, weights = folder_bytes(folder), False, verify_checkpoint(folder)
        elif progress is not None and progress.model == model.id and progress.total_bytes is not None:
            size, approximate = progress.total_bytes, False
        return ModelState(
            id=model.id,
            kind=model.kind,
            default=model is DEFAULT_MODEL,
            here=folder is not None,
            bytes=size,
            approximate=approximate,
            partial_bytes=self.store.partial_bytes(model.id),
            speaking=not self._switch.info.preview and self._switch.info.model == model.id.split("/")[1],
            fit=estimate_memory(weights, room),
        )
