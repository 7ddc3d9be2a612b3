"""What clients of /v1 send beyond OpenAI's documentation, put into the fields that this server knows.

In: any JSON object. Out: fields for the body's model, and a warning about each thing that was ignored or replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from qwen3tts_webui.server.http import JsonObject
from qwen3tts_webui.speech import SPEED_RANGE, Speech
from qwen3tts_webui.text import detect_language

_OPENAI_SPEED_RANGE = (0.25, 4.0)
_ALIASES = {"lang_code": "language", "instruct": "instructions"}
_WITHOUT_EFFECT = frozenset({"stream", "task_type"})  # audio is always streamed; the model decides on the task
_KOKORO_LANGUAGES = {"a": "en", "b": "en", "e": "es", "f": "fr", "i": "it", "j": "ja", "p": "pt", "z": "zh"}
_MAX_NAMES = 8

OPENAI_VOICES: Mapping[str, str] = MappingProxyType(
    {
        "alloy": "A woman of about 30, medium pitch, clear and neutral, at a steady pace, like a product guide.",
        "ash": "A man of about 35, medium-low pitch, clear and precise, relaxed but awake, like a good teacher.",
        "ballad": "A man of about 40, medium pitch, mellow and lyrical, unhurried, like a reader of poems.",
        "cedar": "A man of about 45, low pitch, warm and rich, calm and natural, like an old friend.",
        "coral": "A woman of about 28, medium-high pitch, warm and friendly, lively, like a welcoming host.",
        "echo": "A man of about 30, medium pitch, smooth and even, calm, like a navigation assistant.",
        "fable": "A British man of about 35, medium pitch, bright and expressive, like a teller of tales.",
        "marin": "A woman of about 35, medium pitch, natural and smooth, attentive, like a conversation partner.",
        "nova": "A woman of about 24, high pitch, bright and crisp, energetic, like a presenter of a young channel.",
        "onyx": "A man of about 50, very low pitch, deep and resonant, slow and sure, like a film trailer at rest.",
        "sage": "A woman of about 50, medium-low pitch, soft and thoughtful, unhurried, like a wise counsellor.",
        "shimmer": "A woman of about 26, high pitch, light and clear, gentle and optimistic, like a morning show.",
        "verse": "A man of about 28, medium pitch, versatile and lively, with feeling, like a stage actor.",
    }
)
"""The descriptions that OpenAI's voice names stand for: a similar character, not an imitation of OpenAI's voices."""


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


def _spell_voice(fields: JsonObject, speech: Speech) -> bool:
    """Spell a known voice as this server does. Return whether the voice is known, or left to validation."""
    voice = _voice_name(fields)
    if not isinstance(voice, str) or voice.startswith("saved-"):
        return True
    known = [*OPENAI_VOICES, *speech.info.speakers, *(preset.id for preset in speech.presets.of("auto"))]
    by_name = {name.casefold(): name for name in known}
    name = by_name.get(voice.strip().casefold())
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
