"""How long a text takes to say, before anybody has said it.

The unit is the *letter*: about 70 ms of speech. Scripts that put more sound into one character count for more.
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.language import AUTO, detect_language

LETTERS_PER_SECOND = {
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
"""Letters a calm reader says in a second, the pauses between sentences included."""

_HEAVY = regex.compile(r"(?P<han>\p{Han})|(?P<kana>[\p{Hiragana}\p{Katakana}])|(?P<hangul>\p{Hangul})|(?P<digit>\p{N})")
EXTRA_LETTERS = {"han": 2.2, "kana": 0.9, "hangul": 1.4, "digit": 2.0}


def letters(text: str) -> float:
    """The length of cleaned `text` in letters: a Latin letter or a mark is 1, a kana 1.9, a Chinese character 3.2."""
    return len(text) + sum(EXTRA_LETTERS[match.lastgroup or ""] for match in _HEAVY.finditer(text))


def estimate_seconds(text: str, language: str) -> float:
    """About how many seconds cleaned `text` lasts at speed 1; `language` is a code or "auto"."""
    if language == AUTO:
        language = detect_language(text)
    return letters(text) / LETTERS_PER_SECOND[language]
