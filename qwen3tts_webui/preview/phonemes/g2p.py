"""Text in any of the ten languages, or in several at once -> phonemes that Kokoro knows, with its punctuation.

In: cleaned text and a language code. Out: a string of Kokoro's symbols, words separated by spaces. Knows which module
converts which script; nothing of voices or audio.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from qwen3tts_webui.preview.espeak import Espeak
from qwen3tts_webui.preview.phonemes.alignment import PronouncedWord, align, word_spans
from qwen3tts_webui.preview.phonemes.chinese import Chinese
from qwen3tts_webui.preview.phonemes.european import European
from qwen3tts_webui.preview.phonemes.japanese import Japanese
from qwen3tts_webui.preview.phonemes.korean import Korean
from qwen3tts_webui.preview.phonemes.script_runs import runs
from qwen3tts_webui.text import normalize_text

# the punctuation that Kokoro knows, and what other marks are converted to
_PUNCTUATION = {
    "，": ",", "、": ",", "。": ".", "．": ".", "！": "!", "？": "?", "：": ":", "；": ";", "…": "…", "—": "—",
    "–": "—", "～": "—", "〜": "—", "“": "“", "”": "”", "„": "“", "«": "“", "»": "”", "「": "“", "」": "”", "『": "“",
    "』": "”", "《": "“", "》": "”", "【": "“", "】": "”", "（": "(", "）": ")", '"': '"', "(": "(", ")": ")",
    "[": "(", "]": ")", ",": ",", ".": ".", "!": "!", "?": "?", ":": ":", ";": ";",
}  # fmt: skip
_MARKS = re.compile(rf"(?<!\d)[{re.escape(''.join(_PUNCTUATION))}]+|[{re.escape(''.join(_PUNCTUATION))}]+(?!\d)")
_SILENT = re.compile(r"[¿¡·・*_#~^|\\/<>{}`-]+")


_CLOSING = ",.!?:;…”)"


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """The symbols of a text and its words, in spoken order."""

    symbols: str
    words: tuple[PronouncedWord, ...]


class G2P:
    """Grapheme-to-phoneme conversion for all languages. Loading takes a second or two: build it in the background."""

    def __init__(self, espeak: Espeak) -> None:
        self._european = European(espeak)
        self._chinese = Chinese()
        self._readers: dict[str, Callable[[str], str]] = {"zh": self._chinese, "ja": Japanese(), "ko": Korean()}

    def __call__(self, text: str, language: str) -> str:
        """Phonemes of `text`; "" if it has no words."""
        return self.pronounce(text, language).symbols

    def pronounce(self, text: str, language: str) -> Pronunciation:
        """Phonemes of `text`, and which of them belong to which of its words."""
        normalized = normalize_text(text, language, mode="on")
        symbols, words, offset = "", [], 0
        for run in runs(normalized.spoken, language):
            for part in self._run(run.text, run.language):
                symbols += " " if symbols and part.symbols[0] not in _CLOSING else ""
                for word in part.words:
                    written = normalized.written_range(offset + word.start, offset + word.end)
                    first, last = len(symbols) + word.first_symbol, len(symbols) + word.last_symbol
                    words.append(PronouncedWord(*written, first, last))
                symbols += part.symbols
            offset += len(run.text)
        return Pronunciation(symbols, tuple(_merged(words)))

    def _run(self, text: str, language: str) -> Iterator[Pronunciation]:
        """Convert one run: words go to the module of its language, punctuation between them is kept."""
        end = 0
        for match in _MARKS.finditer(text):
            yield from self._words(text[end : match.start()], end, language)
            yield Pronunciation(_heard(match.group()), ())
            end = match.end()
        yield from self._words(text[end:], end, language)

    def _words(self, text: str, offset: int, language: str) -> Iterator[Pronunciation]:
        words = _SILENT.sub(lambda match: " " * len(match.group()), text)
        offset += len(words) - len(words.lstrip())
        words = words.strip()
        read = self._readers.get(language) or partial(self._european, language=language)
        if not words or not (groups := read(words).split()):
            return
        spans = self._chinese.spans(words) if language == "zh" else word_spans(words, language)
        found = [replace(w, start=w.start + offset, end=w.end + offset) for w in align(groups, words, spans, read)]
        yield Pronunciation(" ".join(groups), tuple(found))


def _heard(marks: str) -> str:
    """Each punctuation mark once: "！！？" -> "!?"."""
    return "".join(dict.fromkeys(_PUNCTUATION[mark] for mark in marks))


def _merged(words: list[PronouncedWord]) -> Iterator[PronouncedWord]:
    """Join words that are spoken for the same characters: "five dollars" for "$5"."""
    pending: PronouncedWord | None = None
    for word in words:
        if pending is not None and word.start < pending.end:
            end = max(pending.end, word.end)
            pending = PronouncedWord(min(pending.start, word.start), end, pending.first_symbol, word.last_symbol)
            continue
        if pending is not None:
            yield pending
        pending = word
    if pending is not None:
        yield pending
