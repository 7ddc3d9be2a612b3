"""What a recognizer does. In: a recording. Out: its words, for a person to correct."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from qwen3tts_webui.errors import ErrorDetail, Unsupported
from qwen3tts_webui.types import Pcm

INSTALL = 'pip install "qwen3tts-webui[verify]"'


@dataclass(frozen=True, slots=True)
class Transcript:
    """The recognized `text`, "" if there are no words, and the code of its language."""

    text: str
    language: str


class Recognizer(Protocol):
    """Recognizes speech; from any thread, one recording at a time."""

    @property
    def label(self) -> str:
        """Its name for readers, such as "Whisper base"."""
        ...

    def transcribe(self, pcm: Pcm, language: str = "auto") -> Transcript:
        """Return what is said in `pcm` (samples,) at 24 kHz; blocks. `language` is a code, or "auto".

        Raises `CheckpointError` if the weights are damaged.
        """
        ...


def no_recognizer() -> Unsupported:
    """The error where no recognizer is installed."""
    hint = ErrorDetail("install_recognizer", "Install it with: {command}", command=INSTALL)
    return Unsupported(engine=ErrorDetail("this_installation", "This installation"), feature="recognition", hint=hint)
