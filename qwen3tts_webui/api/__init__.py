"""The Python API: `load_model` gives a `SpeechModel`, which generates and streams on the same engine as the server.

`SpeechModel` holds an engine and a `Speech`; `Audio` is what `generate` returns.
"""

from qwen3tts_webui.api.audio import Audio
from qwen3tts_webui.api.loading import load_model
from qwen3tts_webui.api.request import GenerationOptions
from qwen3tts_webui.api.speech_model import SpeechModel

__all__ = ["Audio", "GenerationOptions", "SpeechModel", "load_model"]
