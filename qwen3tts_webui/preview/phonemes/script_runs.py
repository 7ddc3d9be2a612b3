"""Text of mixed scripts -> runs of one language each.

In: cleaned text and the language it is mostly in. Out: `Run`s that together are the text. Knows scripts, not words:
Latin letters inside Chinese are English, Han inside English are Chinese, and so on.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

_SCRIPT = regex.compile(
    r"(?P<han>[\p{Han}々〇]+)|(?P<kana>[\p{Hiragana}\p{Katakana}ー]+)|(?P<hangul>\p{Hangul}+)"
    r"|(?P<cyrillic>\p{Cyrillic}\p{M}*)|(?P<latin>(?:\p{Latin}\p{M}*|[’'](?=\p{Latin}))+\d*)|(?P<other>.)",
    regex.S,
)
_LATIN_LANGUAGES = frozenset({"en", "de", "fr", "pt", "es", "it"})
_LANGUAGE_OF = {"han": "zh", "kana": "ja", "hangul": "ko", "cyrillic": "ru", "latin": "en"}


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text in one language."""

    language: str
    text: str


def runs(text: str, language: str) -> list[Run]:
    """Split `text` where the language it is read in changes.

    Digits are read in the main language, unless they end a word ("MP3"); signs and spaces stay with what they follow.
    """
    has_kana = regex.search(r"[\p{Hiragana}\p{Katakana}]", text) is not None
    found: list[Run] = []
    for match in _SCRIPT.finditer(text):
        piece = match.group()
        speaker = _speaker(match.lastgroup or "other", piece, language, has_kana)
        if found and speaker in (None, found[-1].language):
            found[-1] = Run(found[-1].language, found[-1].text + piece)
        else:
            found.append(Run(speaker or language, piece))
    return found


def _speaker(script: str, piece: str, language: str, has_kana: bool) -> str | None:
    """The language that `piece` is read in; None if it makes no difference."""
    if script == "other":
        return language if regex.match(r"[\p{Nd}$€£¥￥₽₩]", piece) else None
    if script == "latin" and language in _LATIN_LANGUAGES:
        return language
    if script == "han" and (language == "ja" or (has_kana and language != "zh")):
        return "ja"
    return _LANGUAGE_OF[script]
