"""Scripts that neither engine reads: Arabic, Hebrew, Thai, Devanagari and others.

In: a text, whole or in pieces. Out: the languages it is (probably) written in besides the ten, with what will be
skipped; and the text without it. Knows scripts only, so each is named by the language that most people mean. Greek
letters that spell no word are signs in any language ("Δt", "α, β") and stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.markup import LINE_KEEPER

_SCRIPTS = {
    "Arabic": "Arabic", "Hebrew": "Hebrew", "Thai": "Thai", "Devanagari": "Hindi", "Bengali": "Bengali",
    "Tamil": "Tamil", "Telugu": "Telugu", "Gujarati": "Gujarati", "Gurmukhi": "Punjabi", "Kannada": "Kannada",
    "Malayalam": "Malayalam", "Sinhala": "Sinhala", "Khmer": "Khmer", "Lao": "Lao", "Myanmar": "Burmese",
    "Georgian": "Georgian", "Armenian": "Armenian", "Ethiopic": "Amharic", "Tibetan": "Tibetan",
    "Mongolian": "Mongolian", "Greek": "Greek", "Oriya": "Odia",
    "Thaana": "Dhivehi", "Syriac": "Syriac", "Javanese": "Javanese", "Cherokee": "Cherokee", "Tifinagh": "Berber",
    "Yi": "Yi",
}  # fmt: skip
_RUN = regex.compile(
    "|".join(
        rf"(?P<{script}>\p{{{script}}}[\p{{{script}}}\p{{M}}\p{{Zs}}\t\p{{P}}]*[\p{{{script}}}\p{{M}}]|\p{{{script}}})"
        for script in _SCRIPTS
    )
)
_GROWING_RUN = regex.compile(
    "|".join(rf"\p{{{script}}}[\p{{{script}}}\p{{M}}\p{{Zs}}\t\p{{P}}]*" for script in _SCRIPTS)
)
_SPACED_RUN = regex.compile(rf"\s*(?:{_RUN.pattern})\s*")
_GREEK_WORD = regex.compile(r"[\p{Greek}\p{M}]{3}")


@dataclass(frozen=True, slots=True)
class UnsupportedText:
    """`text[start:end]` is written in `language` (its English name) and will be skipped."""

    language: str
    start: int
    end: int


def find_unsupported(text: str) -> list[UnsupportedText]:
    """Return every stretch of `text` in a script that no engine reads, none longer than its line."""
    found = []
    for match in _RUN.finditer(text):
        script = match.lastgroup or ""
        if script == "Greek" and not _GREEK_WORD.search(match[0]):
            continue
        found.append(UnsupportedText(_SCRIPTS[script], *match.span()))
    return found


def without_unsupported(text: str) -> str:
    """Return `text` with a space for each such stretch; a line that held nothing else keeps its number."""
    for part in reversed(find_unsupported(text)):
        text = f"{text[: part.start]} {LINE_KEEPER}{text[part.end :]}"
    return text


def drop_unsupported(text: AlignedText) -> None:
    """Do the same inside an `AlignedText`, dropping the whitespace around each stretch."""
    if _RUN.search(text.text):
        text.sub(_SPACED_RUN, _dropped, final=False)


def _dropped(match: regex.Match[str]) -> str | None:
    if not find_unsupported(match[0]):
        return None
    return " " if match.start() and match.end() < len(match.string) else ""


class StreamingScripts:
    """The same for text that is still being written: `push` piece after piece; `flush` when no more will come.

    `language` is called with the English name of the language of each stretch that is left out, and the stretch.
    """

    def __init__(self, on_skipped: Callable[[str, str], None]) -> None:
        self._on_skipped = on_skipped
        self._held = ""

    def push(self, piece: str) -> str:
        """Return the text that no later piece can change."""
        text = self._held + piece
        end = next((run.start() for run in _GROWING_RUN.finditer(text) if run.end() == len(text)), len(text))
        self._held = text[end:]
        return self._give(text[:end])

    def flush(self) -> str:
        """Return the rest."""
        text, self._held = self._held, ""
        return self._give(text)

    def _give(self, text: str) -> str:
        for part in find_unsupported(text):
            self._on_skipped(part.language, text[part.start : part.end])
        return without_unsupported(text)
