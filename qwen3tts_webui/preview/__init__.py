"""The embedded preview voice: Kokoro-82M, or espeak-ng where Kokoro is unavailable. It is not Qwen3-TTS and says so."""

from qwen3tts_webui.preview.synthesizer import PreviewBackend, PreviewSynthesizer

__all__ = ["PreviewBackend", "PreviewSynthesizer"]
