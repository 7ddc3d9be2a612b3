"""Validate and prepare a request before anything is submitted.

In: a `SpeechRequest` with its voice resolved, and the engine's info. Out: a `PreparedRequest`, or the error that says
what is wrong.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qwen3tts_webui.errors import DeadlineExceeded, EmptyText, InvalidValue, TextTooLong, UnknownLanguage, in_range
from qwen3tts_webui.speech.events import TextWarning
from qwen3tts_webui.speech.spoken_text import SpokenText
from qwen3tts_webui.speech.text_warnings import nothing_to_say, skip_unsupported
from qwen3tts_webui.speech.voice_resolution import check_voice, is_fixed_voice
from qwen3tts_webui.text import Lexicon, MarkupOptions, parse_language, split_segments, strip_markup
from qwen3tts_webui.types import (
    FRAMES_PER_SECOND,
    SAMPLE_RATE,
    EngineInfo,
    Sampling,
    Segment,
    SpeechRequest,
    Voice,
)

MAX_SEED = 2**63 - 1
MAX_PARALLEL_SEGMENTS = 64
SPEED_RANGE = (0.5, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """A request validated for the engine that `info` describes. `seed` is always set.

    With `continues`, each segment waits for the one before and continues its voice. `max_samples` bounds the audio of
    the whole request, `max_frames` each utterance.
    """

    request: SpeechRequest
    info: EngineInfo
    segments: tuple[Segment, ...]
    language: str
    voice: Voice
    seed: int
    continues: bool
    max_samples: int | None
    max_frames: int | None
    spoken: SpokenText
    warnings: tuple[TextWarning, ...] = ()


def prepare(
    request: SpeechRequest, info: EngineInfo, *, max_text: int, lexicon: Lexicon | None = None, hint: str = ""
) -> PreparedRequest:
    """Validate `request` and split its text; `hint` is the code of its voice's language.

    Raises a `RequestError` (`UnknownLanguage` when nothing is left but text in a script that no engine reads), or
    `DeadlineExceeded` for a past deadline.
    """
    if len(request.text) > max_text:
        raise TextTooLong(length=len(request.text), limit=max_text)
    options = MarkupOptions(skip_code=request.skip_code, skip_tables=request.skip_tables)
    text = request.text if request.normalize == "off" else strip_markup(request.text, options)
    text, warnings = skip_unsupported(text, parse_language(request.language))
    try:
        segments = split_segments(text, speed=request.speed)
    except EmptyText:
        raise nothing_to_say(warnings) from None
    return replace(prepare_stream(request, info, segments, lexicon=lexicon, hint=hint), warnings=warnings)


def prepare_stream(
    request: SpeechRequest,
    info: EngineInfo,
    segments: Sequence[Segment] = (),
    *,
    lexicon: Lexicon | None = None,
    hint: str = "",
) -> PreparedRequest:
    """Validate everything but the text, which comes later from a text stream. Raises like `prepare`."""
    _check_numbers(request)
    _check_sampling(request.sampling)
    language = _parse_language(request.language, info)
    voice = check_voice(request, info)
    if request.deadline is not None and request.deadline <= time.monotonic():
        raise DeadlineExceeded(deadline_ms=0)
    can_continue = bool(info.features & {"continuation", "engine_voice"})
    max_s = request.max_duration_s
    return PreparedRequest(
        request=request,
        info=info,
        segments=tuple(segments),
        language=language,
        voice=voice,
        seed=draw_seed() if request.seed is None else request.seed,
        continues=request.continue_voice and can_continue and not is_fixed_voice(voice),
        max_samples=None if max_s is None else int(max_s * SAMPLE_RATE),
        max_frames=None if max_s is None else math.ceil(max_s * FRAMES_PER_SECOND),
        spoken=SpokenText(language, request.normalize, lexicon, "\n".join(part.text for part in segments), hint),
    )


def draw_seed() -> int:
    """Return a random seed."""
    return secrets.randbelow(2**32)


def _check_numbers(request: SpeechRequest) -> None:
    _check_range("speed", request.speed, *SPEED_RANGE)
    _check_range("max_parallel_segments", request.max_parallel_segments, 1, MAX_PARALLEL_SEGMENTS)
    if request.seed is not None:
        _check_range("seed", request.seed, 0, MAX_SEED)
    if request.max_duration_s is not None:
        _check_range("max_duration_s", request.max_duration_s, 0.1, 86_400)
    if request.frames_per_packet is not None:
        _check_range("frames_per_packet", request.frames_per_packet, 1, 64)


def _check_sampling(sampling: Sampling) -> None:
    _check_range("temperature", sampling.temperature, 0.01, 5)
    _check_range("top_k", sampling.top_k, 0, 4_096)
    _check_range("top_p", sampling.top_p, 0.01, 1)
    _check_range("repetition_penalty", sampling.repetition_penalty, 0.5, 5)
    _check_range("subtalker_temperature", sampling.subtalker_temperature, 0.01, 5)
    _check_range("subtalker_top_k", sampling.subtalker_top_k, 0, 4_096)
    _check_range("subtalker_top_p", sampling.subtalker_top_p, 0.01, 1)


def _check_range(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also catches NaN
        raise InvalidValue(field=field, expected=in_range(low, high), got=str(value)[:24])


def _parse_language(requested: str, info: EngineInfo) -> str:
    language = parse_language(requested)
    if language != "auto" and language not in info.languages:
        raise UnknownLanguage(got=language, known=", ".join(("auto", *info.languages)))
    return language
