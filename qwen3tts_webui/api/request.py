"""The arguments of `generate` and `stream` as a `SpeechRequest`."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypedDict

from qwen3tts_webui.api.audio import Audio
from qwen3tts_webui.errors import UNREADABLE, InvalidFile, InvalidValue
from qwen3tts_webui.speech import Speech, continue_voice
from qwen3tts_webui.types import NormalizeMode, Sampling, SpeechRequest, TextMode, Voice
from qwen3tts_webui.voices import MAX_VOICE_FILE_BYTES, VOICE_FILE_EXTENSION, SavedVoice, parse_voice

VoiceArgument = str | Path | Voice | SavedVoice
_SAMPLING = {field.name for field in fields(Sampling)}


class GenerationOptions(TypedDict, total=False):
    """Optional arguments of `SpeechModel.generate` and `stream`.

    `voice` is a description in plain words, the id of a preset, the path of a .voice file, a `SavedVoice` or a `Voice`.
    A saved voice also sets the seed, unless one is given. `continue_from` continues in the voice of an earlier result.
    `max_duration_s` is in seconds. `normalize` says how much is spelled out: "auto" (what Qwen3-TTS misreads), "on" or
    "off"; `skip_code` and `skip_tables` leave out Markdown's code blocks and tables (default: True). The fields from
    `greedy` on are those of `Sampling`.
    """

    voice: VoiceArgument
    speaker: str | None
    language: str
    seed: int | None
    continue_from: Audio | None
    speed: float
    text_mode: TextMode
    normalize: NormalizeMode
    skip_code: bool
    skip_tables: bool
    max_duration_s: float | None
    frames_per_packet: int | None
    continue_voice: bool
    max_parallel_segments: int
    loudness: bool
    greedy: bool
    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    subtalker_temperature: float
    subtalker_top_k: int
    subtalker_top_p: float


def build_request(
    speech: Speech,
    text: str,
    *,
    voice: VoiceArgument = "",
    speaker: str | None = None,
    continue_from: Audio | None = None,
    **options: Any,
) -> SpeechRequest:
    """Return the request. Raises a `RequestError` for the voice or `continue_from`, TypeError for an unknown option."""
    sampling = Sampling(**{name: options.pop(name) for name in _SAMPLING & options.keys()})
    request = SpeechRequest(text=text, sampling=sampling, **options)
    if isinstance(voice, Path) or (isinstance(voice, str) and voice.endswith(f".{VOICE_FILE_EXTENSION}")):
        voice = _read_voice(Path(voice))
    if isinstance(voice, SavedVoice):
        request = replace(request, seed=voice.seed if request.seed is None else request.seed)
        voice = voice.voice
    elif isinstance(voice, str) and any(preset.id == voice for preset in speech.presets.of("auto")):
        request = replace(request, voice_id=voice)
        voice = Voice()
    elif isinstance(voice, str):
        voice = Voice(description=voice)
    request = replace(request, voice=voice if speaker is None else replace(voice, speaker=speaker))
    if continue_from is None:
        return request
    session = continue_from._session
    if session is None:
        raise InvalidValue(field="continue_from", expected="a result of generate", got="other audio")
    return continue_voice(request, session, None, speech.engines)


def _read_voice(path: Path) -> SavedVoice:
    try:
        with path.expanduser().open("rb") as file:
            return parse_voice(file.read(MAX_VOICE_FILE_BYTES + 1))
    except OSError as error:
        raise InvalidFile(reason=UNREADABLE) from error
