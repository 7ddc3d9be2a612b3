"""A request, checked and prepared before anything is spent.

In: a `SpeechRequest` as it came, and who would speak it. Out: a `Plan`, or the error that says what is wrong with it.
Submits nothing.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import (
    DeadlineExceeded,
    DescriptionTooLong,
    InvalidValue,
    TextTooLong,
    UnknownLanguage,
    UnknownSpeaker,
    Unsupported,
)
from qwen3tts_webui.speech.spoken_text import SpokenText
from qwen3tts_webui.text.clean import clean_description
from qwen3tts_webui.text.language import parse_language
from qwen3tts_webui.text.lexicon import Lexicon
from qwen3tts_webui.text.markup import strip_markup
from qwen3tts_webui.text.segment import segments
from qwen3tts_webui.types import (
    FRAMES_PER_SECOND,
    SAMPLE_RATE,
    EngineInfo,
    Feature,
    Sampling,
    Segment,
    SpeechRequest,
    Voice,
)

MAX_SEED = 2**63 - 1
MAX_PARALLEL = 64
SPEED_RANGE = (0.5, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be spoken. `seed` is always known; `continues` says that each segment waits for the one before.

    `max_samples` bounds the sound of the whole request, `max_frames` each utterance.
    """

    request: SpeechRequest
    segments: tuple[Segment, ...]
    language: str
    voice: Voice
    seed: int
    continues: bool
    max_samples: int | None
    max_frames: int | None
    spoken: SpokenText


def plan(
    request: SpeechRequest, info: EngineInfo, *, max_text: int, lexicon: Lexicon | None = None, hint: str = ""
) -> Plan:
    """Raises a `RequestError`, or `DeadlineExceeded` for a deadline that has passed already."""
    if len(request.text) > max_text:
        raise TextTooLong(length=len(request.text), limit=max_text)
    text = request.text if request.normalize == "off" else strip_markup(request.text)
    return plan_feed(request, info, segments(text, speed=request.speed), lexicon=lexicon, hint=hint)


def plan_feed(
    request: SpeechRequest,
    info: EngineInfo,
    parts: Sequence[Segment] = (),
    *,
    lexicon: Lexicon | None = None,
    hint: str = "",
) -> Plan:
    """The same without a text: the segments come later, from a feed."""
    _check_numbers(request)
    _check_sampling(request.sampling)
    language = _language(request.language, info)
    voice = _voice(request, info)
    if request.deadline is not None and request.deadline <= time.monotonic():
        raise DeadlineExceeded(deadline_ms=0)
    given = voice.passage is not None or voice.engine_voice is not None
    can_continue = bool(info.features & {"continuation", "engine_voice"})
    seconds = request.max_seconds
    return Plan(
        request=request,
        segments=tuple(parts),
        language=language,
        voice=voice,
        seed=secrets.randbelow(2**32) if request.seed is None else request.seed,
        continues=request.keep_voice and can_continue and not given,
        max_samples=None if seconds is None else int(seconds * SAMPLE_RATE),
        max_frames=None if seconds is None else math.ceil(seconds * FRAMES_PER_SECOND),
        spoken=SpokenText(language, request.normalize, lexicon, "\n".join(part.text for part in parts), hint),
    )


def _check_numbers(request: SpeechRequest) -> None:
    _within("speed", request.speed, *SPEED_RANGE)
    _within("parallel", request.parallel, 1, MAX_PARALLEL)
    if request.seed is not None:
        _within("seed", request.seed, 0, MAX_SEED)
    if request.max_seconds is not None:
        _within("max_seconds", request.max_seconds, 0.1, 86_400)
    if request.packet_frames is not None:
        _within("packet_frames", request.packet_frames, 1, 64)


def _check_sampling(sampling: Sampling) -> None:
    _within("temperature", sampling.temperature, 0.01, 5)
    _within("top_k", sampling.top_k, 0, 4_096)
    _within("top_p", sampling.top_p, 0.01, 1)
    _within("repetition_penalty", sampling.repetition_penalty, 0.5, 5)
    _within("predictor_temperature", sampling.predictor_temperature, 0.01, 5)
    _within("predictor_top_k", sampling.predictor_top_k, 0, 4_096)
    _within("predictor_top_p", sampling.predictor_top_p, 0.01, 1)


def _within(field: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # NaN is not
        raise InvalidValue(field=field, expected=f"{low} … {high}", got=str(value)[:24])


def _language(wish: str, info: EngineInfo) -> str:
    language = parse_language(wish)
    if language != "auto" and language not in info.languages:
        raise UnknownLanguage(got=language, known=", ".join(("auto", *info.languages)))
    return language


def _voice(request: SpeechRequest, info: EngineInfo) -> Voice:
    """The voice with its description cleaned. Raises for all that the engine would have to ignore."""
    voice = request.voice
    description = clean_description(voice.description) if voice.description else ""
    if len(description) > MAX_DESCRIPTION:
        raise DescriptionTooLong(length=len(description), limit=MAX_DESCRIPTION)
    asked: list[tuple[Feature, bool]] = [
        ("speaker", voice.speaker is not None),
        ("continuation", voice.passage is not None),
        ("engine_voice", voice.engine_voice is not None),
        ("sampling", request.sampling != Sampling()),
    ]
    for feature, wanted in asked:
        if wanted and feature not in info.features:
            raise Unsupported(engine=info.label, feature=feature, instead="")
    if voice.speaker is not None and voice.speaker not in info.speakers:
        raise UnknownSpeaker(got=voice.speaker[:40], known=", ".join(info.speakers))
    return voice if description == voice.description else replace(voice, description=description)
