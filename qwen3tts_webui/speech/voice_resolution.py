"""Resolve the voice of a request: a preset, a saved voice, a speaker of the model, or the voice of an earlier segment.

In: a `SpeechRequest`. Out: the same request with its `Voice` filled in. A description in the request is appended to the
one of the named voice, never replaces it. Of the engine, only its `EngineInfo` is used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwen3tts_webui.config import MAX_DESCRIPTION
from qwen3tts_webui.errors import DescriptionTooLong, ErrorDetail, InvalidValue, UnknownSpeaker, Unsupported
from qwen3tts_webui.text import clean_description
from qwen3tts_webui.types import EngineInfo, Feature, Sampling, SpeechRequest, Voice

if TYPE_CHECKING:
    from qwen3tts_webui.speech.session import SpeechSession
    from qwen3tts_webui.voices import Presets, SavedVoices


def resolve_voice(
    request: SpeechRequest, presets: Presets, saved: SavedVoices | None, info: EngineInfo
) -> SpeechRequest:
    """Fill in the voice that `voice_id` names. A saved voice also sets the seed, unless the request has one.

    Raises `UnknownVoice`, and `Unsupported` for a description that the engine would ignore.
    """
    voice_id = request.voice_id
    speaker = _canonical_speaker(request.voice.speaker, info)
    if voice_id is None:
        return request if speaker == request.voice.speaker else _with_speaker(request, speaker)
    seed = request.seed
    if saved is not None and voice_id.startswith("saved-"):
        saved_voice = saved.get(voice_id)
        named = saved_voice.voice
        seed = saved_voice.seed if seed is None else seed
    elif (known_speaker := _canonical_speaker(voice_id, info)) in info.speakers:
        named = Voice(speaker=known_speaker)
    else:
        named = Voice(description=presets.get(voice_id).description)
    return replace(with_voice(request, named, info), seed=seed)


def continue_voice(
    request: SpeechRequest, source: SpeechSession, segment: int | None, info: EngineInfo
) -> SpeechRequest:
    """Continue in the voice of `segment` of an earlier request; None takes its first segment that was completed.

    Raises `InvalidValue` for a segment that was not completed, or if the request names a voice as well; `Unsupported`
    if another model synthesized it, or if there is nothing to continue from.
    """
    if request.voice_id is not None or request.voice.speaker is not None:
        raise InvalidValue(
            field="continue_from",
            expected=ErrorDetail("without_a_voice", "given without voice and speaker"),
            got=ErrorDetail("combined", "combined with one"),
        )
    found = source.continuation_voice(segment)
    if found is None:
        raise InvalidValue(
            field="continue_from.segment",
            expected=ErrorDetail("completed_segment", "the index of a completed segment"),
            got=ErrorDetail("no_segment", "none of them") if segment is None else str(segment)[:24],
        )
    voice, report = found[1], source.report
    if (report.engine, report.model) != (info.name, info.model):
        hint = ErrorDetail("made_by", "It was made with {label} ({model}).", label=report.label, model=report.model)
        raise Unsupported(engine=info.label, feature="continue_from", hint=hint)
    if voice.acoustic_prompt is None and voice.engine_voice_id is None:
        hint = ErrorDetail("repeat_voice_and_seed", "Repeat voice_desc and seed instead.")
        raise Unsupported(engine=info.label, feature="continue_from", hint=hint)
    return with_voice(request, voice, info)


def with_voice(request: SpeechRequest, voice: Voice, info: EngineInfo) -> SpeechRequest:
    """Put `request` in `voice`, with the description of the request appended.

    Raises `Unsupported` for a description that the engine would ignore.
    """
    own = request.voice
    if own.description.strip() and voice.engine_voice_id is not None and "description" not in info.features:
        raise Unsupported(
            engine=info.label,
            feature=ErrorDetail("feature_added_description", "a description for a finished voice"),
            hint=ErrorDetail("leave_it_out", "Leave it out."),
        )
    description = " ".join(filter(None, (voice.description, own.description)))
    speaker = _canonical_speaker(own.speaker, info) or voice.speaker
    return replace(request, voice=replace(voice, description=description, speaker=speaker))


def check_voice(request: SpeechRequest, info: EngineInfo) -> Voice:
    """Return the voice with its description cleaned.

    Raises `DescriptionTooLong`, `UnknownSpeaker`, and `Unsupported` for anything that the engine would ignore.
    """
    voice = request.voice
    description = clean_description(voice.description) if voice.description else ""
    if len(description) > MAX_DESCRIPTION:
        raise DescriptionTooLong(length=len(description), limit=MAX_DESCRIPTION)
    required: list[tuple[Feature, bool]] = [
        ("speaker", voice.speaker is not None),
        ("continuation", voice.acoustic_prompt is not None),
        ("engine_voice", voice.engine_voice_id is not None),
        ("sampling", request.sampling != Sampling()),
        ("packet_size", request.frames_per_packet is not None),
    ]
    for feature, is_required in required:
        if is_required and feature not in info.features:
            raise Unsupported(engine=info.label, feature=feature)
    if voice.speaker is not None and voice.speaker not in info.speakers:
        raise UnknownSpeaker(got=voice.speaker[:40], known=", ".join(info.speakers))
    return voice if description == voice.description else replace(voice, description=description)


def _with_speaker(request: SpeechRequest, speaker: str | None) -> SpeechRequest:
    return replace(request, voice=replace(request.voice, speaker=speaker))


def _canonical_speaker(name: str | None, info: EngineInfo) -> str | None:
    """Return the speaker as the model spells it, ignoring case; an unknown name is returned unchanged."""
    return next((known for known in info.speakers if name is not None and known.casefold() == name.casefold()), name)
