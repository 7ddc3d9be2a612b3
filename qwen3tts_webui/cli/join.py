"""Puts the parts together. In: `Settings`. Out: whoever speaks, `Speech`, the models' desk, the app with its page."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import ModelError
from qwen3tts_webui.types import Synthesizer

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from qwen3tts_webui.engine.engine import Engine
    from qwen3tts_webui.engine.gpu_monitor import GpuMonitor
    from qwen3tts_webui.models import Room, Store
    from qwen3tts_webui.models.desk import Desk
    from qwen3tts_webui.speech import Speech
    from qwen3tts_webui.switch import Switch
    from qwen3tts_webui.voices.library import Library


def join_store(settings: Settings) -> Store:
    """Where models lie: the folder of the settings, or this user's own, and the caches of the hubs."""
    from qwen3tts_webui.models import Store, default_folder

    return Store((settings.models or default_folder()).expanduser().absolute())


def choose_synthesizer(settings: Settings, store: Store) -> Synthesizer:
    """Whoever can speak now: the model, loading in the background, or the preview voice while there is none.

    Raises a `ModelError` for a model that was asked for by name and is here, but cannot be used.
    """
    folder = None if settings.preview else store.find(settings.model)
    if folder is not None:
        try:
            return start_model(settings, folder)
        except ModelError as error:
            if settings.model != "auto":
                raise
            print(f"{error}\nThe preview voice speaks instead.", file=sys.stderr)
    from qwen3tts_webui.preview import PreviewSynthesizer

    return PreviewSynthesizer(queue_size=settings.queue_size)


def start_model(settings: Settings, folder: Path) -> Engine:
    """An engine for the checkpoint in `folder`, loading in the background."""
    from qwen3tts_webui.engine.start import start_engine
    from qwen3tts_webui.models.store import name_of

    return start_engine(
        folder,
        name=name_of(folder),
        device=settings.device,
        dtype=settings.dtype,
        slots=settings.slots,
        queue_size=settings.queue_size,
    )


def join_room(settings: Settings, store: Store) -> Room:
    """Where a model would be loaded here, and how much memory is free there now."""
    from qwen3tts_webui.doctor import look, room

    return room(look(settings, store, serving=True), settings.device, settings.dtype)


def join_desk(settings: Settings, store: Store, switch: Switch) -> Desk:
    """What brings models here and lets them speak while the program runs."""
    from qwen3tts_webui.models.desk import Desk

    return Desk(
        store,
        switch,
        lambda folder: start_model(settings, folder),
        lambda: join_room(settings, store),
        mirror=settings.mirror,
    )


def join_library(settings: Settings) -> contextlib.closing[Library]:
    """Where what is spoken is kept, below `settings.outputs`; closed at the end of a `with`."""
    from qwen3tts_webui.voices.library import Library

    return contextlib.closing(Library(settings.outputs, network=settings.outputs_network))


def join_speech(settings: Settings, synthesizer: Synthesizer, library: Library | None = None) -> Speech:
    """`Speech` with the presets; without a library nothing is kept."""
    from qwen3tts_webui.speech import Speech
    from qwen3tts_webui.voices.presets import Presets

    return Speech(synthesizer, Presets.load(), library, max_text=settings.max_text)


def page_is_here() -> bool:
    """Whether what draws the page is installed; the API needs none of it."""
    return find_spec("gradio") is not None


def join_app(settings: Settings, speech: Speech, gpu: GpuMonitor, desk: Desk) -> Starlette:
    """The routes of the API, then the page, where Gradio is installed."""
    from qwen3tts_webui.doctor import check, look
    from qwen3tts_webui.server.app import create_app

    page = None
    if page_is_here():
        from qwen3tts_webui.ui.mount import mount_page

        page = partial(mount_page, speech=speech, settings=settings)
    return create_app(
        speech,
        settings,
        page=page,
        gpu=lambda: gpu.latest,
        desk=desk,
        examine=lambda: check(look(settings, desk.store, serving=True)),
    )
