"""Map what clients of /v1 send beyond OpenAI's documentation to the fields that this server knows.

In: any JSON object. Out: fields for the body's model, and a warning about each thing that was ignored or replaced.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from qwen3tts_webui.server.http import JsonObject
from qwen3tts_webui.speech import SPEED_RANGE, Speech
from qwen3tts_webui.text import detect_language
from qwen3tts_webui.voices import OPENAI_VOICES

_OPENAI_SPEED_RANGE = (0.25, 4.0)
_ALIASES = {"lang_code": "language", "instruct": "instructions"}
_WITHOUT_EFFECT = frozenset({"stream"})  # audio is always streamed
_KOKORO_LANGUAGES = {"a": "en", "b": "en", "e": "es", "f": "fr", "i": "it", "j": "ja", "p": "pt", "z": "zh"}
_MAX_NAMES = 8


def lenient_fields(
    given: JsonObject, speech: Speech, model: type[BaseModel], *, strict: bool = False
) -> tuple[JsonObject, list[str]]:
    """Return the fields of `model` and the warnings. null means not given, and names ignore case.

    With `strict`, nothing is ignored or replaced: what would be a warning is left to be rejected.
    """
    fields = {name: value for name, value in given.items() if value is not None and name not in _WITHOUT_EFFECT}
    for alias, name in _ALIASES.items():
        if alias in fields:
            fields.setdefault(name, fields.pop(alias))
            fields.pop(alias, None)
    warnings = []
    unknown = sorted(set(fields) - set(model.model_fields))
    if unknown and not strict:
        warnings.append("unknown fields ignored: " + ", ".join(map(_printable, unknown[:_MAX_NAMES])))
        fields = {name: value for name, value in fields.items() if name not in unknown}
    if isinstance(fields.get("language"), str):
        fields["language"] = _KOKORO_LANGUAGES.get(fields["language"].strip().casefold(), fields["language"])
    if isinstance(fields.get("response_format"), str):
        fields["response_format"] = fields["response_format"].strip().casefold()
    if not _spell_voice(fields, speech) and not strict:
        warnings += _replace_voice(fields, speech)
    return fields, warnings if strict else warnings + _clamp_speed(fields)


def _clamp_speed(fields: JsonObject) -> list[str]:
    speed, (low, high) = fields.get("speed"), SPEED_RANGE
    if isinstance(speed, bool) or not isinstance(speed, (int, float)) or low <= speed <= high:
        return []
    if not _OPENAI_SPEED_RANGE[0] <= speed <= _OPENAI_SPEED_RANGE[1]:
        return []  # an error, which names the range
    fields["speed"] = min(max(float(speed), low), high)
    return [f"speed {speed:g} replaced by {fields['speed']:g}"]


def find_voice(name: str, speech: Speech) -> str | None:
    """Return the voice with this name in any case: OpenAI's, a speaker or a preset; not one that was saved."""
    known = (*OPENAI_VOICES, *speech.speakers, *(preset.id for preset in speech.presets.of("auto")))
    return {one.casefold(): one for one in known}.get(name.strip().casefold())


def _spell_voice(fields: JsonObject, speech: Speech) -> bool:
    """Spell a known voice as this server does. Return whether the voice is known, or left to validation."""
    voice = _voice_name(fields)
    if not isinstance(voice, str) or voice.startswith("saved-"):
        return True
    name = find_voice(voice, speech)
    if name is not None:
        fields["voice"] = name
    return name is not None


def _replace_voice(fields: JsonObject, speech: Speech) -> list[str]:
    """Replace an unknown voice by the first preset of the text's language; a description needs none."""
    voice = _voice_name(fields)
    del fields["voice"]
    if fields.get("instructions"):
        return [f"unknown voice {_printable(voice)} ignored"] if voice.strip() else []
    presets = speech.presets.of(detect_language(str(fields.get("input", ""))))
    fields["voice"] = presets[0].id if presets else "alloy"
    return [f"unknown voice {_printable(voice)} replaced by {fields['voice']}"]


def _voice_name(fields: JsonObject) -> Any:
    """Return `voice`, which OpenAI's clients may also send as `{"id": ...}`."""
    voice = fields.get("voice")
    return voice["id"] if isinstance(voice, dict) and set(voice) == {"id"} else voice


def _printable(name: str) -> str:
    return re.sub(r"[^\x21-\x3a\x3c-\x7e]", "?", name)[:40]
