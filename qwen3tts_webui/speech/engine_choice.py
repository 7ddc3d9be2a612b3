"""Choose the engine for a request, where several models are loaded: its voice says which kind of model it needs.

In: a `SpeechRequest` and the engines, the active one first. Out: one of them, and the error for a voice that none of
them can use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType

from qwen3tts_webui.errors import ErrorDetail, UnknownVoice, Unsupported
from qwen3tts_webui.types import EngineInfo, Feature, SpeechRequest, Synthesizer, Voice
from qwen3tts_webui.voices import SavedVoices

MODEL_FOR: MappingProxyType[Feature, str] = MappingProxyType(
    {
        "cloning": "Qwen/Qwen3-TTS-12Hz-0.6B-Base",
        "speaker": "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
        "description": "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
    }
)
"""What to load for a kind of voice; for cloning the smaller of the two Base checkpoints."""

_Suits = Callable[[EngineInfo], bool]


def choose_engine(request: SpeechRequest, engines: Sequence[Synthesizer], saved: SavedVoices | None) -> Synthesizer:
    """Return the engine that suits the voice of `request`; the first one if none does."""
    if len(engines) == 1:
        return engines[0]
    suits = _suits(request, engines, saved)
    return next((engine for engine in engines if suits(engine.info)), engines[0])


def needs_model(info: EngineInfo, feature: Feature, model: str = "") -> Unsupported:
    """The error for a voice that the engine `info` cannot use; `model` is the one to load, if it is known."""
    hint = ErrorDetail("needs_model", "Load {model}.", model=model or MODEL_FOR[feature])
    return Unsupported(engine=info.label, feature=feature, hint=hint)


def _suits(request: SpeechRequest, engines: Sequence[Synthesizer], saved: SavedVoices | None) -> _Suits:
    if request.model:
        return lambda info: info.model == request.model
    voice = _named_voice(request, engines, saved)
    reference, speaker = voice.reference, request.voice.speaker or voice.speaker
    if reference is not None:
        return lambda info: info.x_vector_dim == len(reference.x_vector)
    if speaker is not None:
        return lambda info: speaker.casefold() in map(str.casefold, info.speakers)
    if voice.engine_voice_id is not None:
        return lambda info: "engine_voice" in info.features
    if voice.description or voice.acoustic_prompt is not None:
        return lambda info: info.model_type == "voice_design"
    return lambda info: info.model_type != "base"  # it speaks with a recorded voice only


def _named_voice(request: SpeechRequest, engines: Sequence[Synthesizer], saved: SavedVoices | None) -> Voice:
    """Return the voice as far as it is known by now; a preset is a description."""
    name = request.voice_id
    if name is None:
        return request.voice
    if saved is not None and name.startswith("saved-"):
        try:
            return saved.get(name).voice
        except UnknownVoice:
            return request.voice  # reported once the voice is resolved
    speakers = {speaker.casefold() for engine in engines for speaker in engine.info.speakers}
    return Voice(speaker=name) if name.casefold() in speakers else Voice(description=name)
