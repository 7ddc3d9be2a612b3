"""Split a cleaned line after sentences, clauses, phrases or words, and as a last resort between graphemes.

In: one line. Out: its pieces; joined, they are exactly the line again. Knows nothing of lengths.
"""

from __future__ import annotations

from collections.abc import Callable

import regex

from qwen3tts_webui.text.common_words import COMMON_WORDS

Splitter = Callable[[str], list[str]]

_CLOSERS = r"""["'”’»›」』）)\]】》〉]*"""
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}々〆ー"

# "." ends a sentence before whitespace, "。" anywhere, "!" and "?" unless a lowercase letter follows ('"No!" he said')
_SENTENCE_END = regex.compile(
    rf"[。！？!?…‼⁇⁈⁉]*[。！？‼⁇⁈⁉]{_CLOSERS}\s*(?![。！？!?…])"
    rf"|[!?.…]*[!?]{_CLOSERS}(?:\s+(?!\p{{Ll}})|(?=[{_UNSPACED}]))"
    rf"|\.{_CLOSERS}\s+(?=[^\p{{L}}\p{{N}}]*[\p{{Lu}}\p{{Lo}}\p{{N}}])"
    rf"|…+{_CLOSERS}(?:\s+(?=\P{{Ll}})|(?=[{_UNSPACED}]))"
)
_CLAUSE_END = regex.compile(
    rf"[，、；：]{_CLOSERS}\s*"
    rf"|[,;:]{_CLOSERS}\s+"
    rf"|(?<=[{_UNSPACED}]{_CLOSERS})[,;:]{_CLOSERS}"
    rf"|(?:——+|…+|\.\.\.){_CLOSERS}\s*"
    r"|\s[–—-]\s+"
    r"|[)）”»」』]\s*(?=\S)"
)
# after a particle: Chinese, Korean, Japanese (there, where a new word begins)
_PARTICLE_END = regex.compile(
    r"(?<=\p{Han})[的了着过呢吗吧](?=\p{Han})|[은는이가을를에서로도의고며면]\s+|(?<=\p{Hiragana})(?=[\p{Han}\p{Katakana}])"
)
_BETWEEN_WORDS = regex.compile(r"(?<=([\p{Latin}\p{Cyrillic}]+))\s+(?=([\p{Latin}\p{Cyrillic}]+))")
_WORD = regex.compile(
    rf"[\p{{Ps}}\p{{Pi}}¿¡]*(?:[{_UNSPACED}]\p{{M}}*|[^\s{_UNSPACED}\p{{Ps}}\p{{Pi}}¿¡]+|[\p{{Ps}}\p{{Pi}}¿¡])"
    r"[\p{Po}\p{Pe}\p{Pf}\p{Pd}～]*\s*|\s+|."
)
_LAST_WORD = regex.compile(r"([\p{L}\p{N}]+(?:\.[\p{L}\p{N}]+)*)\.\W*$")
_ABBREVIATIONS = """mr mrs ms dr prof sr jr st vs no nos inc ltd co corp fig vol dept gen col sgt capt lt rev hon approx
    nr str hr fr bzgl ggf evtl inkl tel ca cf ed est al m mm mme mlle mgr av bd sra srta dra ud uds pág núm dña avda
    sig dott ing avv exmo exma г ул д им руб тыс млн стр рис акад проф"""
"""Words with a period that does not end a sentence: English; German, French, Spanish; Italian, Portuguese, Russian."""


def split_sentences(text: str) -> list[str]:
    """Split after sentences; "Dr. Smith", "U.S. Army", "3.14", "3. Mai" and "e.g. this" stay whole."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return _cut(text, [end for end in ends if not _is_abbreviated(text[max(0, end - 40) : end])])


def split_clauses(text: str) -> list[str]:
    """Split after commas, colons, dashes and closing brackets; "3,000", "10:30" and "well-known" stay whole."""
    return _cut(text, [match.end() for match in _CLAUSE_END.finditer(text)])


def split_phrases(text: str) -> list[str]:
    """Split where a reader may breathe without punctuation: after particles, and before "of", "and", "the"."""
    function_words = frozenset[str]().union(*COMMON_WORDS.values())
    ends = [match.end() for match in _PARTICLE_END.finditer(text)]
    for match in _BETWEEN_WORDS.finditer(text):
        if match[1].casefold() not in function_words and match[2].casefold() in function_words:
            ends.append(match.end())
    return _cut(text, sorted(ends))


def split_words(text: str) -> list[str]:
    """Split between words, or between characters in scripts without spaces; punctuation stays with its word."""
    return _WORD.findall(text)


def split_graphemes(text: str) -> list[str]:
    """Split between user-perceived characters."""
    return regex.findall(r"\X", text)


def _is_abbreviated(before: str) -> bool:
    """Return True if the period that ends `before` belongs to its last word: a title, an initial, "e.g.", a day."""
    match = _LAST_WORD.search(before)
    if match is None:
        return False
    word = match[1].casefold()
    if word.isdecimal():
        return len(word) <= 2
    return len(word) == 1 or word in _ABBREVIATIONS.split() or all(len(part) == 1 for part in word.split("."))


def _cut(text: str, ends: list[int]) -> list[str]:
    starts = [0, *(end for end in ends if 0 < end < len(text))]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
