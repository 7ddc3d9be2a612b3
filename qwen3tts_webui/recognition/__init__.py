"""Speech recognition on this machine, for the transcript of a recording: the extra `verify`. Nothing is downloaded."""

from qwen3tts_webui.recognition.recognizer import INSTALL, Recognizer, Transcript, no_recognizer
from qwen3tts_webui.recognition.whisper import WhisperRecognizer, find_recognizer, wheel_weights

__all__ = [
    "INSTALL",
    "Recognizer",
    "Transcript",
    "WhisperRecognizer",
    "find_recognizer",
    "no_recognizer",
    "wheel_weights",
]
