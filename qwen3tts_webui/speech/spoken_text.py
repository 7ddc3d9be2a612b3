"""How the lines of one request are spoken: their language, their normalization mode, the user's lexicon.

In: a line as it was typed (cleaned, without markup). Out: its language and its spoken form. Made once per request.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

from qwen3tts_webui.text import (
    AUTO,
    DEFAULT_OPTIONS,
    Lexicon,
    MarkupOptions,
    NormalizedText,
    StreamingNormalizer,
    clean_line,
    detect_language,
    normalize_text,
    parse_language,
    split_lines,
    strip_markup,
)
from qwen3tts_webui.types import NormalizeMode

_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")


@dataclass(frozen=True, slots=True)
class SpokenText:
    """`language` is a code or "auto"; `text` is the whole text of the request (as far as it is known), `hint` the
    language of its voice, if that has one.
    """

    language: str = AUTO
    mode: NormalizeMode = "auto"
    lexicon: Lexicon | None = None
    text: str = ""
    hint: str = ""

    def language_of(self, line: str) -> str:
        """The code of a line's language."""
        if self.language != AUTO:
            return self.language
        return detect_language(line, context=self.text, hint=self.hint)

    def engine_language(self, line: str, *, preview: bool) -> str:
        """The language for the engine: "auto" is left to Qwen3-TTS, except for kanji in a Japanese text."""
        language = self.language_of(line)
        if self.language != AUTO or preview or (language == "ja" and not _KANA.search(line)):
            return language
        return AUTO

    def normalized(self, line: str) -> NormalizedText:
        """The line as the engine gets it."""
        return normalize_text(line, self.language_of(line), mode=self.mode, lexicon=self.lexicon)

    def stream(self, beginning: str) -> StreamingNormalizer:
        """The same for a line that is still being written and starts with `beginning`."""
        return StreamingNormalizer(self.language_of(beginning), mode=self.mode, lexicon=self.lexicon)


RAW = SpokenText(mode="off")
"""Normalizes nothing, for text that is ready."""


def spoken_lines(
    text: str,
    language: str = AUTO,
    mode: NormalizeMode = "auto",
    lexicon: Lexicon | None = None,
    hint: str = "",
    markup: MarkupOptions = DEFAULT_OPTIONS,
) -> list[NormalizedText]:
    """Every line of raw `text` that is not empty, as it will be read: the answer of `POST /api/normalize`.

    Positions count in the cleaned line without markup (`NormalizedText.written`). Raises `UnknownLanguage`.
    """
    plain = text if mode == "off" else strip_markup(text, markup)
    written = [clean_line(line) for line in split_lines(plain) if line.strip()]
    front_end = SpokenText(parse_language(language), mode, lexicon, "\n".join(written), hint)
    return [front_end.normalized(line) for line in written]
