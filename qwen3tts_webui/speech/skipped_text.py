"""Warnings about text that a request leaves out because no engine reads its script.

In: raw text without markup, whole or stretch by stretch. Out: the text without it, and `SkippedText`s.
"""

from __future__ import annotations

from qwen3tts_webui.errors import EmptyText, ErrorDetail, RequestError, UnknownLanguage
from qwen3tts_webui.speech.events import SkippedText
from qwen3tts_webui.text import AUTO, LANGUAGES, find_unsupported, split_lines, without_unsupported

_MAX_WARNINGS = 20
_MAX_LENGTH = 80


class SkippedTexts:
    """The warnings of one request: `add` for each stretch. After the first 20 nothing is added."""

    def __init__(self) -> None:
        self.warnings: list[SkippedText] = []

    def add(self, line: int, language: str, text: str) -> None:
        """`line` counts as in `Segment`, `language` is the English name."""
        if len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(SkippedText(line, language, text[:_MAX_LENGTH]))


def skip_unsupported(text: str) -> tuple[str, tuple[SkippedText, ...]]:
    """Return `text` without what no engine reads, with as many lines, and the warnings."""
    if not find_unsupported(text):
        return text, ()
    skipped = SkippedTexts()
    for number, line in enumerate(line for line in split_lines(text) if line.strip()):
        for part in find_unsupported(line):
            skipped.add(number, part.language, line[part.start : part.end])
    return without_unsupported(text), tuple(skipped.warnings)


def nothing_to_say(skipped: tuple[SkippedText, ...] | list[SkippedText]) -> RequestError:
    """The error for a text without speech: its language is at fault, if something was skipped."""
    if not skipped:
        return EmptyText()
    known = ", ".join([AUTO, *(language.code for language in LANGUAGES)])
    return UnknownLanguage(got=language_detail(skipped[0].language), known=known)


def language_detail(language: str) -> ErrorDetail:
    """The English name of a language as a part of a message, to be translated."""
    return ErrorDetail(f"language_{language.lower()}", language)
