"""Design a voice in plain words and hear it at once: a local studio and API for Qwen3-TTS VoiceDesign."""

__version__ = "0.1.0"
