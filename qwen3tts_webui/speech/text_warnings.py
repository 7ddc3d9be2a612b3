"""Warnings about languages that no engine knows: text left out for its script, and text read as another.

In: raw text without markup, whole or stretch by stretch. Out: the text without what is left out, and the warnings.
"""

from __future__ import annotations

from qwen3tts_webui.errors import EmptyText, ErrorDetail, RequestError, UnknownLanguage
from qwen3tts_webui.speech.events import ForeignText, SkippedText, TextWarning
from qwen3tts_webui.text import (
    AUTO,
    LANGUAGES,
    TELLING_CHARS,
    detect_language,
    find_unsupported,
    foreign_language,
    split_lines,
    without_unsupported,
)

_MAX_WARNINGS = 20
_MAX_LENGTH = 80


class TextWarnings:
    """The warnings of one request in `language`: `add` for each stretch that is left out, `check` for each line.

    After the first 20 nothing is added.
    """

    def __init__(self, language: str = AUTO) -> None:
        self.warnings: list[TextWarning] = []
        self._language = language
        self._line_start = ""

    def add(self, line: int, language: str, text: str) -> None:
        """`line` counts as in `Segment`, `language` is the English name."""
        if len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(SkippedText(line, language, text[:_MAX_LENGTH]))

    def check(self, line: int, text: str) -> None:
        """Warn if the whole line is in a language that is read as another one."""
        foreign = foreign_language(text) if len(self.warnings) < _MAX_WARNINGS else ""
        if foreign:
            code = detect_language(text[:TELLING_CHARS]) if self._language == AUTO else self._language
            read_as = next(language.name for language in LANGUAGES if language.code == code)
            self.warnings.append(ForeignText(line, foreign, text[:TELLING_CHARS].strip()[:_MAX_LENGTH], read_as))

    def check_piece(self, line: int, piece: str) -> None:
        """`check` a line that is still being written, as soon as enough of it is there."""
        if len(self._line_start) < TELLING_CHARS:
            self._line_start += piece
            if len(self._line_start) >= TELLING_CHARS:
                self.check(line, self._line_start)

    def end_line(self, line: int) -> None:
        """The line is complete."""
        if len(self._line_start) < TELLING_CHARS:
            self.check(line, self._line_start)
        self._line_start = ""


def skip_unsupported(text: str, language: str = AUTO) -> tuple[str, tuple[TextWarning, ...]]:
    """Return `text` without what no engine reads, with as many lines, and the warnings."""
    warnings = TextWarnings(language)
    for number, line in enumerate(line for line in split_lines(text) if line.strip()):
        for part in find_unsupported(line):
            warnings.add(number, part.language, line[part.start : part.end])
        warnings.check(number, line)
    return without_unsupported(text), tuple(warnings.warnings)


def nothing_to_say(warnings: tuple[TextWarning, ...]) -> RequestError:
    """The error for a text without speech: its language is at fault, if there are warnings."""
    if not warnings:
        return EmptyText()
    known = ", ".join([AUTO, *(language.code for language in LANGUAGES)])
    return UnknownLanguage(got=language_detail(warnings[0].language), known=known)


def language_detail(language: str) -> ErrorDetail:
    """The English name of a language as a part of a message, to be translated."""
    return ErrorDetail(f"language_{language.lower()}", language)
