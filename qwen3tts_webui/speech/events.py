"""The events of one request, and the report that remains afterwards.

All positions are samples at 24 kHz in the audio of the whole request, after speed changes and pauses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.types import FinishReason, NormalizeMode, Pcm, Sampling, Segment, Timings
from qwen3tts_webui.voices import VoiceKind

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
class SkippedText:
    """A warning: `text` in line `line` is written in `language` (its English name), which no engine reads."""

    code: ClassVar[str] = "unsupported_script"

    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"line {self.line + 1}: {self.language} is not supported and is skipped"


@dataclass(frozen=True, slots=True)
class Flushed:
    """All text before a flush is in the audio up to `sample`."""

    sample: int


Event = SegmentStarted | AudioChunk | SegmentEnded | SegmentFailed | SkippedText | Flushed


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """The outcome of one segment. If it failed, `failed` is the error code and `finish_reason` None."""

    segment: Segment
    voice_source: VoiceSource
    start_sample: int
    num_samples: int = 0
    finish_reason: FinishReason | None = None
    failed: str | None = None
    timings: Timings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The request, its engine and its outcome: everything that the history and sidecar files store.

    `engine`, `label` and `preview` identify the engine. `voice` is the requested voice id, if any; `voice_kind` says
    how the voice was made. `failed` is the code
    of the error that ended the whole request, if any. `timings` are those of the first segment, with `total_ms` of the
    whole request. `warnings` says what was left out.
    """

    request_id: str
    text: str
    language: str
    description: str
    voice: str | None
    voice_kind: VoiceKind
    speaker: str | None
    seed: int
    speed: float
    sampling: Sampling
    frames_per_packet: int | None
    continue_voice: bool
    loudness: bool
    normalize: NormalizeMode = "auto"
    skip_code: bool = True
    skip_tables: bool = True
    engine: str
    label: str
    preview: bool
    model: str
    num_samples: int
    finish_reason: FinishReason
    failed: str | None
    timings: Timings
    segments: tuple[SegmentReport, ...]
    warnings: tuple[SkippedText, ...] = ()
