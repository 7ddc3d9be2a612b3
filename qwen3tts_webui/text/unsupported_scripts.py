"""Scripts that neither engine reads: Arabic, Hebrew, Thai, Devanagari and others.

In: a text. Out: the languages it is (probably) written in besides the ten, with what will be skipped; and the text
without it. Knows scripts only, so each is named by the language that most people mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

_SCRIPTS = {
    "Arabic": "Arabic", "Hebrew": "Hebrew", "Thai": "Thai", "Devanagari": "Hindi", "Bengali": "Bengali",
    "Tamil": "Tamil", "Telugu": "Telugu", "Gujarati": "Gujarati", "Gurmukhi": "Punjabi", "Kannada": "Kannada",
    "Malayalam": "Malayalam", "Sinhala": "Sinhala", "Khmer": "Khmer", "Lao": "Lao", "Myanmar": "Burmese",
    "Georgian": "Georgian", "Armenian": "Armenian", "Ethiopic": "Amharic", "Tibetan": "Tibetan",
    "Mongolian": "Mongolian", "Greek": "Greek",
}  # fmt: skip
_RUN = regex.compile(
    "|".join(
        rf"(?P<{script}>\p{{{script}}}[\p{{{script}}}\p{{M}}\s\p{{P}}]*[\p{{{script}}}\p{{M}}]|\p{{{script}}})"
        for script in _SCRIPTS
    )
)
_LONGEST_GREEK_SIGN = 1  # "α", "π", "Ω" are signs in any language


@dataclass(frozen=True, slots=True)
class UnsupportedText:
    """`text[start:end]` is written in `language` (its English name) and will be skipped."""

    language: str
    start: int
    end: int


def find_unsupported(text: str) -> list[UnsupportedText]:
    """Every stretch of `text` in a script that no engine reads; a single Greek letter is a sign and stays."""
    found = []
    for match in _RUN.finditer(text):
        script = match.lastgroup or ""
        if script == "Greek" and len(match[0]) <= _LONGEST_GREEK_SIGN:
            continue
        found.append(UnsupportedText(_SCRIPTS[script], *match.span()))
    return found


def without_unsupported(text: str) -> str:
    """`text` with a space for each such stretch."""
    for part in reversed(find_unsupported(text)):
        text = f"{text[: part.start]} {text[part.end :]}"
    return text
