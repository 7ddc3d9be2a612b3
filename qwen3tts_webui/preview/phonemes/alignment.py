"""Find which symbols pronounce which words of a text without punctuation.

In: the groups of symbols from a language's module, and the words. Out: a `PronouncedWord` for each. Exact where each
word has its own group; where words are joined or split ("of the" in one group), they share the symbols by their
lengths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import regex

_WORD = regex.compile(r"\S+")
_JAPANESE_WORD = regex.compile(
    r"[\p{Han}々〇]+\p{Hiragana}*|\p{Hiragana}+|[\p{Katakana}ー]+|[^\s\p{Han}\p{Hiragana}\p{Katakana}]+"
)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PronouncedWord:
    """Characters `start` to `end` of a text, and the symbols `first_symbol` to `last_symbol` that pronounce them."""

    start: int
    end: int
    first_symbol: int
    last_symbol: int


def word_spans(text: str, language: str) -> list[Span]:
    """Return the words of `text`; for Japanese, stretches of one script with what is written after kanji."""
    pattern = _JAPANESE_WORD if language == "ja" else _WORD
    return [match.span() for match in pattern.finditer(text)]


def align(groups: Sequence[str], text: str, spans: Sequence[Span], read: Callable[[str], str]) -> list[PronouncedWord]:
    """Return the words `spans` of `text`, with symbols counted in `" ".join(groups)`.

    `read` converts a part of the text, to compare the lengths of words.
    """
    if not groups or not spans:
        return []
    if len(groups) == len(spans):
        ends = list(accumulate(len(symbols) + 1 for symbols in groups))
        return [
            PronouncedWord(*span, end - 1 - len(symbols), end - 1)
            for span, end, symbols in zip(spans, ends, groups, strict=True)
        ]
    shares = list(accumulate(max(1, len(read(text[start:end]))) for start, end in spans))
    length = len(" ".join(groups))
    cuts = [0, *(round(length * share / shares[-1]) for share in shares)]
    return [PronouncedWord(*span, *cut) for span, cut in zip(spans, pairwise(cuts), strict=True)]
