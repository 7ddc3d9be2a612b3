"""A local studio and API for Qwen3-TTS VoiceDesign: describe a voice in plain words and hear it at once.

Names are imported on first use, so that `import qwen3tts_webui` is fast and needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3tts_webui.lazy_exports import lazy_exports

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

_EXPORTS = {
    "api": (
        "Audio",
        "SpeechModel",
        "load_model",
    ),
    "text": (
        "Lexicon",
        "LexiconEntry",
        "NormalizedText",
        "normalize_text",
        "read_lexicon",
    ),
    "types": (
        "AcousticPrompt",
        "Sampling",
        "Utterance",
        "Voice",
    ),
}

__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
