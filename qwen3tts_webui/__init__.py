"""A local studio and API for Qwen3-TTS VoiceDesign: describe a voice in plain words and hear it at once.

Names are imported on first use, so that `import qwen3tts_webui` is fast and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen3tts_webui.api import Audio, SpeechModel, load_model
    from qwen3tts_webui.text import Lexicon, LexiconEntry, NormalizedText, normalize_text, read_lexicon
    from qwen3tts_webui.types import AcousticPrompt, Sampling, Utterance, Voice

__version__ = "0.1.0"

__all__ = [
    "AcousticPrompt",
    "Audio",
    "Lexicon",
    "LexiconEntry",
    "NormalizedText",
    "Sampling",
    "SpeechModel",
    "Utterance",
    "Voice",
    "__version__",
    "load_model",
    "normalize_text",
    "read_lexicon",
]

_MODULE_OF = {
    "AcousticPrompt": "types",
    "Audio": "api",
    "Lexicon": "text",
    "LexiconEntry": "text",
    "NormalizedText": "text",
    "Sampling": "types",
    "SpeechModel": "api",
    "Utterance": "types",
    "Voice": "types",
    "load_model": "api",
    "normalize_text": "text",
    "read_lexicon": "text",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
