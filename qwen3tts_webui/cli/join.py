"""Puts the parts together. In: `Settings`. Out: whoever speaks, `Speech`, and the web app with its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import Settings
from ..types import Synthesizer

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ..engine.gpu_monitor import GpuMonitor
    from ..speech import Speech


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


def join_speech(settings: Settings, synthesizer: Synthesizer, *, keep: bool) -> Speech:
    """`Speech` with the presets and, if what is spoken shall be kept, the library below `settings.outputs`."""
    from ..speech import Speech
    from ..voices.presets import Presets

    library = None
    if keep:
        from ..voices.library import Library

        library = Library(settings.outputs)
    return Speech(synthesizer, Presets.load(), library, max_text=settings.max_text)


def join_app(settings: Settings, speech: Speech, gpu: GpuMonitor) -> Starlette:
    """The routes of the API, then the page."""
    from ..server.app import create_app
    from ..ui.mount import mount_page

    return create_app(speech, settings, page=lambda app: mount_page(app, speech, settings), gpu=lambda: gpu.latest)
