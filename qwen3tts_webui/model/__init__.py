"""Qwen3-TTS itself: text -> prompt -> frames of codes -> sound, in plain PyTorch.

`load_model(folder)` gives a `Qwen3TTS`, which speaks one utterance at a time; the engine drives the same parts for
many. The names are looked up on first use, so that specs and prompts can be imported where there is no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen3tts_webui.model.generate import Packet, Qwen3TTS
    from qwen3tts_webui.model.load import load_model

__all__ = ["Packet", "Qwen3TTS", "load_model"]

_HOME = {"Packet": "generate", "Qwen3TTS": "generate", "load_model": "load"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
