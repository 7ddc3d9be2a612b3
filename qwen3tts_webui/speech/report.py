"""The outcome of a request: how each segment went, and the report that history, files and `/api/requests` show.

All positions are samples at 24 kHz in the audio of the whole request, after speed changes and pauses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from qwen3tts_webui.speech.cloning import voice_kind
from qwen3tts_webui.speech.drift import Similarity
from qwen3tts_webui.speech.events import TextWarning, TimedWord, VoiceSource
from qwen3tts_webui.speech.validation import PreparedRequest
from qwen3tts_webui.speech.word_timing import heard_chars
from qwen3tts_webui.types import EngineInfo, FinishReason, NormalizeMode, Sampling, Segment, Timings
from qwen3tts_webui.voices import VoiceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """The outcome of one segment. If it failed, `failed` is the error code and `finish_reason` None.

    `similarity` to the voice of the request (-1 to 1) is known some time after the request, and only while a model that
    clones is loaded; `drifted` marks a segment that sounds like another voice.
    `words_estimated`: its words share the audio by their length.
    """

    segment: Segment
    voice_source: VoiceSource
    start_sample: int
    num_samples: int = 0
    finish_reason: FinishReason | None = None
    failed: str | None = None
    timings: Timings | None = None
    similarity: float | None = None
    drifted: bool = False
    words: tuple[TimedWord, ...] = ()
    words_estimated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The request, its engine and its outcome: everything that the history and sidecar files store.

    `engine`, `label` and `preview` identify the engine. `voice` is the requested voice id, if any; `voice_kind` says
    how the voice was made. `failed` is the code
    of the error that ended the whole request, if any. `timings` are those of the first segment, with `total_ms` of the
    whole request. `warnings` says what was left out. `spoken_chars` is how much of the text was spoken, to the end of
    the last whole word.
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
    spoken_chars: int = 0
    warnings: tuple[TextWarning, ...] = ()

    @property
    def words(self) -> tuple[TimedWord, ...]:
        """The words of all segments."""
        return _words(self.segments)

    @property
    def words_estimated(self) -> bool:
        """Whether the words of any segment share the audio by their length."""
        return any(segment.words_estimated for segment in self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a request went so far, apart from its segments; see `Report`. `early_timings` until a segment has ended."""

    text: str
    num_samples: int
    finish_reason: FinishReason
    failed: str | None
    total_ms: float | None
    warnings: tuple[TextWarning, ...]
    early_timings: Timings


def add_similarity(report: SegmentReport, similarity: Similarity | None) -> SegmentReport:
    """Return `report` with the similarity of the segment, if it was measured."""
    if similarity is None:
        return report
    return replace(report, similarity=similarity.value, drifted=similarity.drifted)


def make_report(
    prepared: PreparedRequest, info: EngineInfo, segments: tuple[SegmentReport, ...], outcome: Outcome
) -> Report:
    """Return the report of `prepared`, which the engine `info` synthesizes."""
    request, voice = prepared.request, prepared.voice
    first = next((one.timings for one in segments if one.timings is not None), outcome.early_timings)
    return Report(
        request_id=request.request_id,
        text=outcome.text,
        language=prepared.language,
        description=voice.description,
        voice=request.voice_id,
        voice_kind=voice_kind(voice),
        speaker=voice.speaker,
        seed=prepared.seed,
        speed=request.speed,
        sampling=request.sampling,
        frames_per_packet=request.frames_per_packet,
        continue_voice=request.continue_voice,
        loudness=request.loudness,
        normalize=request.normalize,
        skip_code=request.skip_code,
        skip_tables=request.skip_tables,
        engine=info.name,
        label=info.label,
        preview=info.preview,
        model=info.model,
        num_samples=outcome.num_samples,
        finish_reason=outcome.finish_reason,
        failed=outcome.failed,
        timings=replace(first, total_ms=outcome.total_ms),
        segments=segments,
        spoken_chars=heard_chars(_words(segments), outcome.num_samples),
        warnings=outcome.warnings,
    )


def _words(segments: tuple[SegmentReport, ...]) -> tuple[TimedWord, ...]:
    return tuple(word for segment in segments for word in segment.words)
