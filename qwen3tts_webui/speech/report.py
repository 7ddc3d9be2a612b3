"""The report of a request: the request itself and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.speech.cloning import voice_kind
from qwen3tts_webui.speech.events import Report, SegmentReport, SkippedText
from qwen3tts_webui.speech.validation import PreparedRequest
from qwen3tts_webui.speech.word_timing import heard_chars
from qwen3tts_webui.types import EngineInfo, FinishReason, Timings


def request_report(
    prepared: PreparedRequest,
    info: EngineInfo,
    *,
    text: str,
    num_samples: int,
    finish_reason: FinishReason,
    error: SpeechError | None,
    total_ms: float | None,
    segments: Sequence[SegmentReport],
    warnings: tuple[SkippedText, ...],
) -> Report:
    """Return the report; `text` is as it was typed, `total_ms` None while the request runs."""
    request = prepared.request
    first = next((one.timings for one in segments if one.timings is not None), Timings())
    return Report(
        request_id=request.request_id,
        text=text,
        language=prepared.language,
        description=prepared.voice.description,
        voice=request.voice_id,
        voice_kind=voice_kind(prepared.voice),
        speaker=prepared.voice.speaker,
        seed=prepared.seed,
        speed=request.speed,
        sampling=request.sampling,
        frames_per_packet=request.frames_per_packet,
        continue_voice=request.continue_voice,
        loudness=request.loudness,
        engine=info.name,
        label=info.label,
        preview=info.preview,
        model=info.model,
        num_samples=num_samples,
        finish_reason=finish_reason,
        failed=None if error is None else error.code,
        timings=replace(first, total_ms=total_ms),
        segments=tuple(segments),
        spoken_chars=heard_chars(segments, num_samples),
        warnings=warnings,
    )
