"""What a listener hears of one request while it is spoken, and the account that is left afterwards.

All positions are samples at 24 kHz in the sound of the whole request, after speed and pauses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.types import FinishReason, Pcm, Sampling, Segment, Timings

VoiceSource = Literal["new", "continued", "seed"]
"""Whose voice a segment has: a new one, the same one continued, or a similar one (same description, same seed)."""


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    segment: Segment
    start_sample: int
    voice: VoiceSource


@dataclass(frozen=True, slots=True, eq=False)
class AudioChunk:
    """The next piece of sound, float32 (samples,): speech, or the silence of a pause."""

    pcm: Pcm


@dataclass(frozen=True, slots=True)
class SegmentEnded:
    """`num_samples` counts the speech without the pause after it; `timings` are the engine's."""

    segment: Segment
    start_sample: int
    num_samples: int
    finish_reason: FinishReason
    timings: Timings


@dataclass(frozen=True, slots=True)
class SegmentFailed:
    """One segment could not be spoken, or not to its end; the others go on."""

    segment: Segment
    error: SpeechError


Event = SegmentStarted | AudioChunk | SegmentEnded | SegmentFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """How one segment went. `finish_reason` is None when it `failed` (the error's code) or was never begun."""

    segment: Segment
    voice: VoiceSource
    start_sample: int
    num_samples: int = 0
    finish_reason: FinishReason | None = None
    failed: str | None = None
    timings: Timings | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was asked, who spoke, and how it went: all that the history and the file beside the sound need.

    `engine`, `label` and `preview` say who spoke; `failed` is the code of the error that ended the whole request, if
    one did. `voice` is the id that was asked for, if there was one. `timings` are those of the first segment, with
    `total_ms` of the whole.
    """

    request_id: str
    text: str
    language: str
    description: str
    voice: str | None
    speaker: str | None
    seed: int
    speed: float
    sampling: Sampling
    frames_per_packet: int | None
    continue_voice: bool
    loudness: bool
    engine: str
    label: str
    preview: bool
    model: str
    num_samples: int
    finish_reason: FinishReason
    failed: str | None
    timings: Timings
    segments: tuple[SegmentReport, ...]
