"""The embedded preview voice: Kokoro-82M, or espeak-ng where Kokoro cannot. It is not Qwen3-TTS and says so."""

from qwen3tts_webui.preview.synthesizer import PreviewSynthesizer

__all__ = ["PreviewSynthesizer"]
