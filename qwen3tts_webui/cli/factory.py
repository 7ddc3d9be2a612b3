"""Build the components. In: `Settings`. Out: the engine, `Speech`, the model installer, the app with its page."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import DownloadError, ErrorDetail, ModelError, SpeechError
from qwen3tts_webui.readiness import wait_until_ready
from qwen3tts_webui.types import MemoryRelease, Synthesizer

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from qwen3tts_webui.checkpoints import LocalStore, MemoryBudget, ModelInstaller
    from qwen3tts_webui.engine import Engine, GpuMonitor
    from qwen3tts_webui.history import HistoryStore
    from qwen3tts_webui.hot_swap import HotSwapSynthesizer
    from qwen3tts_webui.speech import Speech

_TEXT_WAIT_S = 30.0  # then the text front end is prepared although the engine still loads


def build_store(settings: Settings) -> LocalStore:
    """Return the checkpoints of this machine: in the configured or default folder, and in the caches of the hubs."""
    from qwen3tts_webui.checkpoints import LocalStore, default_models_folder

    return LocalStore((settings.models or default_models_folder()).expanduser().absolute())


def choose_synthesizer(settings: Settings, store: LocalStore) -> Synthesizer:
    """Return an engine for the configured model, loading in the background; the preview voice if there is no model.

    Raises a `ModelError` for a model that was configured by name and is installed, but cannot be used.
    """
    folder = None if settings.preview else store.find(settings.model)
    if folder is not None:
        try:
            return start_model(settings, folder)
        except ModelError as error:
            if settings.model != "auto":
                raise
            print(f"{error}\nUsing the preview voice instead.", file=sys.stderr)
    from qwen3tts_webui.preview import PreviewSynthesizer

    return PreviewSynthesizer(queue_size=settings.queue_size)


def start_model(settings: Settings, folder: Path, *, release: MemoryRelease | None = None) -> Engine:
    """Return an engine for the checkpoint in `folder`, loading in the background; see `start_engine`."""
    from qwen3tts_webui.checkpoints import display_name
    from qwen3tts_webui.engine import start_engine

    return start_engine(
        folder,
        name=display_name(folder),
        device=settings.device,
        dtype=settings.dtype,
        slots=settings.slots,
        queue_size=settings.queue_size,
        idle_unload_s=60 * settings.idle_unload,
        release=release,
    )


def probe_memory_budget(settings: Settings, store: LocalStore) -> MemoryBudget:
    """Return where a model would be loaded, and how much memory is free there now."""
    from qwen3tts_webui.diagnostics import collect_facts, memory_budget

    return memory_budget(collect_facts(settings, store, serving=True), settings.device, settings.dtype)


def build_model_installer(settings: Settings, store: LocalStore, synthesizer: HotSwapSynthesizer) -> ModelInstaller:
    """Return the installer that downloads and activates models while the program runs."""
    from qwen3tts_webui.checkpoints import ModelInstaller, SpeedMeter, bench_speed

    options = ("--device", settings.device, "--dtype", settings.dtype)
    speeds = store.folder / f"speed-{settings.device.replace(':', '-')}-{settings.dtype}.json"

    return ModelInstaller(
        store,
        synthesizer,
        partial(start_model, settings),
        lambda: probe_memory_budget(settings, store),
        mirror=settings.mirror,
        speed_meter=SpeedMeter(speeds, partial(bench_speed, options=options)),
    )


def find_more_models(settings: Settings, store: LocalStore) -> list[tuple[str, Path]]:
    """Return name and folder of each model to load in addition.

    Raises `DownloadError` for one that is not installed, `CheckpointError` for one that is not complete.
    """
    found = []
    for model in settings.also_load:
        folder = store.find(model)
        if folder is None:
            raise DownloadError(what=model, reason=ErrorDetail("not_installed", "it is not installed on this machine"))
        found.append((model, folder))
    return found


def load_more_models(installer: ModelInstaller, models: Sequence[tuple[str, Path]]) -> None:
    """Load `models` one after another in the background, once the active one is ready."""

    def load() -> None:
        for model, folder in models:
            installer.load_also(model, folder)

    if models:
        threading.Thread(target=load, name="loading", daemon=True).start()


def warm_up_text(synthesizer: Synthesizer) -> None:
    """Prepare the text front end in the background once `synthesizer` is ready, so that no request waits for it."""
    from qwen3tts_webui.text import prepare_languages

    def prepare() -> None:
        with contextlib.suppress(SpeechError):
            wait_until_ready(synthesizer, timeout_s=_TEXT_WAIT_S)
        prepare_languages()

    threading.Thread(target=prepare, name="text warm-up", daemon=True).start()


def build_history(settings: Settings) -> contextlib.closing[HistoryStore]:
    """Return the history below `settings.outputs`, as a context manager that closes it."""
    from qwen3tts_webui.history import HistoryStore

    return contextlib.closing(HistoryStore(settings.outputs, network=settings.outputs_network))


def build_speech(settings: Settings, synthesizer: Synthesizer, history: HistoryStore | None = None) -> Speech:
    """Return `Speech` with the presets and the lexicon; without a history nothing else is stored.

    Raises `InvalidValue` for a damaged file of the lexicon.
    """
    from qwen3tts_webui.speech import Speech
    from qwen3tts_webui.voices import LexiconFile, Presets

    lexicon = None
    if settings.lexicon is not None:
        lexicon = LexiconFile(settings.lexicon.expanduser().absolute())
        lexicon.read()
    return Speech(synthesizer, Presets.load(), history, max_text=settings.max_text, lexicon=lexicon)


def gradio_installed() -> bool:
    """Return True if the page can be shown; the API does not need Gradio."""
    return find_spec("gradio") is not None


def build_app(settings: Settings, speech: Speech, gpu: GpuMonitor, installer: ModelInstaller) -> Starlette:
    """Return the app: the routes of the API, and the page if Gradio is installed."""
    from qwen3tts_webui.diagnostics import Finding, check_engine, collect_facts, run_checks
    from qwen3tts_webui.recognition import find_recognizer
    from qwen3tts_webui.server import create_app

    def run_doctor() -> list[Finding]:
        return [*run_checks(collect_facts(settings, installer.store, serving=True)), check_engine(speech.info)]

    page = None
    if gradio_installed():
        from qwen3tts_webui.ui import mount_page

        page = partial(mount_page, speech=speech, settings=settings)
    return create_app(
        speech,
        settings,
        page=page,
        gpu=lambda: gpu.latest,
        model_installer=installer,
        run_doctor=run_doctor,
        recognizer=find_recognizer(settings.recognizer),
    )
