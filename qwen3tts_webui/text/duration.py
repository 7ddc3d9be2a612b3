"""Estimate how long a text takes to say.

The unit is the *speech unit*: about 70 ms of speech, a Latin letter on average. Scripts with more speech per character
count for more.
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.language import AUTO, detect_language

SPEECH_UNITS_PER_SECOND = {
    "zh": 14.0,  # 4.4 characters
    "en": 14.5,
    "ja": 14.5,  # 7.6 kana
    "ko": 13.5,  # 5.6 syllables
    "de": 14.0,
    "fr": 15.5,
    "ru": 13.5,
    "pt": 15.0,
    "es": 15.5,
    "it": 15.0,
}
"""Speech units per second of a calm reader, pauses between sentences included."""

_WIDE_SCRIPTS = regex.compile(
    r"(?P<han>\p{Han})|(?P<kana>[\p{Hiragana}\p{Katakana}])|(?P<hangul>\p{Hangul})|(?P<digit>\p{N})"
)
EXTRA_SPEECH_UNITS = {"han": 2.2, "kana": 0.9, "hangul": 1.4, "digit": 2.0}


def speech_units(text: str) -> float:
    """Return the length of cleaned `text`: a Latin letter or punctuation is 1, a kana 1.9, a Chinese character 3.2."""
    return len(text) + sum(EXTRA_SPEECH_UNITS[match.lastgroup or ""] for match in _WIDE_SCRIPTS.finditer(text))


def estimate_duration_s(text: str, language: str) -> float:
    """Return about how many seconds cleaned `text` takes at speed 1; `language` is a code or "auto"."""
    if language == AUTO:
        language = detect_language(text)
    return speech_units(text) / SPEECH_UNITS_PER_SECOND[language]
