"""Puts the parts together. In: `Settings`. Out: whoever speaks, `Speech`, and the web app with its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import Settings
from ..errors import ModelError
from ..types import Synthesizer

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ..engine.gpu_monitor import GpuMonitor
    from ..speech import Speech


def choose_synthesizer(settings: Settings) -> Synthesizer:
    """Whoever speaks on this machine with these settings. Raises a `ModelError` when that cannot be."""
    from ..preview import PreviewSynthesizer

    if not settings.preview and settings.model != "auto":
        raise ModelError(reason="a checkpoint can speak through the command `say` so far; start with --preview")
    return PreviewSynthesizer(queue_size=settings.queue_size)


def join_speech(settings: Settings, synthesizer: Synthesizer, *, keep: bool) -> Speech:
    """`Speech` with the presets and, if what is spoken shall be kept, the library below `settings.outputs`."""
    from ..speech import Speech
    from ..voices.library import Library
    from ..voices.presets import Presets

    library = Library(settings.outputs) if keep else None
    return Speech(synthesizer, Presets.load(), library, max_text=settings.max_text)


def join_app(settings: Settings, speech: Speech, gpu: GpuMonitor) -> Starlette:
    """The routes of the API, then the page."""
    from ..server.app import create_app
    from ..ui.mount import mount_page

    return create_app(speech, settings, page=lambda app: mount_page(app, speech, settings), gpu=lambda: gpu.latest)
