"""The result of `SpeechModel.generate`: samples that can be saved and played in a notebook."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path

from qwen3tts_webui.atomic_files import write_atomically
from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.errors import InvalidValue, one_of
from qwen3tts_webui.speech import SpeechSession, TimedWord
from qwen3tts_webui.types import SAMPLE_RATE, FinishReason, Pcm, Timings

_FORMAT_OF = {".wav": "wav", ".flac": "flac", ".mp3": "mp3", ".aac": "aac", ".opus": "opus", ".ogg": "opus"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audio:
    """Generated audio: `samples` is float32 (num_samples,) in [-1, 1] at `sample_rate` Hz.

    `timings` are those of the first segment, with `total_ms` of all of it. Pass `seed` again to reproduce the audio on
    the same engine, device and dtype. Pass the result itself as `continue_from` to continue in its voice. `words` says
    where each word is, in the text and in the samples; `words_estimated` if the engine does not know it exactly.
    """

    samples: Pcm
    finish_reason: FinishReason
    timings: Timings
    seed: int
    words: tuple[TimedWord, ...] = ()
    words_estimated: bool = True
    sample_rate: int = SAMPLE_RATE
    _session: SpeechSession | None = field(default=None, repr=False)

    @property
    def duration_s(self) -> float:
        """The duration in seconds."""
        return len(self.samples) / self.sample_rate

    def save(self, path: str | Path) -> Path:
        """Write a WAV, FLAC, MP3 or Ogg Opus file, by the extension of `path`, and return its path.

        The file is complete or not written at all. Raises `InvalidValue` for another extension, and OSError.
        """
        path = Path(path).expanduser()
        format = _FORMAT_OF.get(path.suffix.lower())
        if format is None:
            raise InvalidValue(field="path", expected=one_of(_FORMAT_OF), got=path.suffix or "without an extension")
        write_atomically(path, encode_all(self.samples, format))
        return path

    def _repr_html_(self) -> str:
        """The player in a notebook."""
        data = base64.b64encode(encode_all(self.samples, "wav")).decode("ascii")
        return f'<audio controls src="data:audio/wav;base64,{data}"></audio>'

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """The player, and text for programs that show no HTML."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def __repr__(self) -> str:
        return f"Audio({self.duration_s:.2f} s, {self.sample_rate} Hz, {self.finish_reason}, seed={self.seed})"

    def __len__(self) -> int:
        return len(self.samples)
