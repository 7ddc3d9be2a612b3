"""Puts the parts together. In: `Settings`. Out: whoever speaks, `Speech`, and the web app with its page."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ..config import Settings
from ..types import Synthesizer

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ..engine.gpu_monitor import GpuMonitor
    from ..speech import Speech
    from ..voices.library import Library


def choose_synthesizer(settings: Settings) -> Synthesizer:
    """Whoever speaks on this machine with these settings. Raises a `ModelError` when that cannot be."""
    if not settings.preview and settings.model != "auto":
        from ..engine.start import start_engine

        return start_engine(
            settings.model,
            device=settings.device,
            dtype=settings.dtype,
            slots=settings.slots,
            queue_size=settings.queue_size,
        )
    from ..preview import PreviewSynthesizer

    return PreviewSynthesizer(queue_size=settings.queue_size)


def join_library(settings: Settings) -> contextlib.closing[Library]:
    """Where what is spoken is kept, below `settings.outputs`; closed at the end of a `with`."""
    from ..voices.library import Library

    return contextlib.closing(Library(settings.outputs))


def join_speech(settings: Settings, synthesizer: Synthesizer, library: Library | None = None) -> Speech:
    """`Speech` with the presets; without a library nothing is kept."""
    from ..speech import Speech
    from ..voices.presets import Presets

    return Speech(synthesizer, Presets.load(), library, max_text=settings.max_text)


def join_app(settings: Settings, speech: Speech, gpu: GpuMonitor) -> Starlette:
    """The routes of the API, then the page."""
    from ..server.app import create_app
    from ..ui.mount import mount_page

    return create_app(speech, settings, page=lambda app: mount_page(app, speech, settings), gpu=lambda: gpu.latest)
