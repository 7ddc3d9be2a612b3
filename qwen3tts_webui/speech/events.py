"""The events of one request.

All positions are samples at 24 kHz in the audio of the whole request, after speed changes and pauses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.types import FinishReason, Pcm, Segment, Timings

VoiceSource = Literal["new", "continued", "same_seed"]
"""Where the voice of a segment comes from: newly designed, continued, or similar (same description and seed)."""


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    """A segment begins at `start_sample`; its audio follows."""

    segment: Segment
    start_sample: int
    voice_source: VoiceSource


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """The next audio, float32 (samples,): speech, or the silence of a pause."""

    pcm: Pcm


@dataclass(frozen=True, slots=True)
class SegmentEnded:
    """A segment is complete. `num_samples` excludes the pause after it; `timings` are those of the engine."""

    segment: Segment
    start_sample: int
    num_samples: int
    finish_reason: FinishReason
    timings: Timings


@dataclass(frozen=True, slots=True)
class SegmentFailed:
    """A segment failed before its end. The request continues with the next one."""

    segment: Segment
    error: SpeechError


@dataclass(frozen=True, slots=True)
class TextWarning:
    """`text` in line `line` is written in `language` (its English name), which neither engine knows."""

    code: ClassVar[str]

    line: int
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class SkippedText(TextWarning):
    """A warning: no engine reads the script of `text`."""

    code = "unsupported_script"

    def __str__(self) -> str:
        return f"line {self.line + 1}: {self.language} is not supported and is skipped"


@dataclass(frozen=True, slots=True)
class ForeignText(TextWarning):
    """A warning: `text` is the start of a line that is read by the rules of `read_as` (an English name)."""

    code = "foreign_language"

    read_as: str

    def __str__(self) -> str:
        return f"line {self.line + 1}: {self.language} is not supported and is read as {self.read_as}"


@dataclass(frozen=True, slots=True)
class Flushed:
    """All text before a flush is in the audio up to `sample`."""

    sample: int


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word, in the text as it was typed (characters `start` to `end`) and in the audio.

    `start` and `end` are None for a word that is not in the typed text as it stands.
    """

    text: str
    start: int | None
    end: int | None
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class WordsTimed:
    """Words of a segment. They replace what earlier events said about the segment from the first of them on.

    `estimated`: the engine does not know where the words are; they share the audio by their length.
    """

    segment: Segment
    words: tuple[TimedWord, ...]
    estimated: bool


Event = WordsTimed | SegmentStarted | AudioChunk | SegmentEnded | SegmentFailed | TextWarning | Flushed
