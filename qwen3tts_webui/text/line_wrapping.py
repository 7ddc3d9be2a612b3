"""Detect text that was pasted with hard line breaks, and join its lines.

In: raw text. Out: True or False; the joined text. A paragraph's lines are wrapped when most are about equally long and
end without punctuation. Subtitles, lists, verse and dialog keep their lines. Knows no language.
"""

from __future__ import annotations

from statistics import median

import regex

_MIN_LINES = 3
_MIN_LENGTH = 25  # columns: shorter lines are verse, lists or subtitles
_SENTENCE_END = regex.compile(r"(?:[.!?。！？…:：;；][\"'”’»」』）)\]]*|[」』])$")
_CLAUSE_END = regex.compile(rf"[,，、—–]$|{_SENTENCE_END.pattern}")
_LINE_OF_ITS_OWN = regex.compile(r"[\p{Lu}\p{N}“\"«„「『¿¡]")
_ITEM = regex.compile(
    r"^\s*(?:[-*+•·–—]\s|(?:\d{1,3}|\p{L}|[IVXivx]{1,5})[.)、]\s|\d{1,3}[.)、]|[A-Z][\w ]{0,20}:\s|[#>|])"
)
_TIME_LINE = regex.compile(r"-->|^\s*\[?\d{1,2}:\d{2}(?::\d{2})?[.,\]]")
_INLINE_TAG = regex.compile(r"[\[［【]\s*(?:pause|停顿|停頓|暂停|暫停)", regex.IGNORECASE)
_WIDE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\u3000-\u303f\uff00-\uff60]")
_SPACELESS_EDGE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ー々，。、！？；：」』）》…]")
_HYPHENATED = regex.compile(r"(?<=\p{Ll})[-\u00ad]$")


def is_hard_wrapped(text: str) -> bool:
    """Whether joining the lines of `text` is worth offering."""
    if _TIME_LINE.search(text) or _INLINE_TAG.search(text):
        return False
    return any(_is_wrapped(paragraph) for paragraph in _paragraphs(text))


def join_wrapped_lines(text: str) -> str:
    """`text` with the lines of each wrapped paragraph joined, one paragraph per line; other paragraphs as they are.

    Words that were hyphenated at a line's end are put together; Chinese and Japanese lines are joined without a space.
    """
    joined = [_joined(paragraph) if _is_wrapped(paragraph) else "\n".join(paragraph) for paragraph in _paragraphs(text)]
    return "\n\n".join(joined)


def _paragraphs(text: str) -> list[list[str]]:
    """The lines between empty lines."""
    found: list[list[str]] = [[]]
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.strip():
            found[-1].append(line.strip())
        elif found[-1]:
            found.append([])
    return [paragraph for paragraph in found if paragraph]


def _is_wrapped(paragraph: list[str]) -> bool:
    """All lines but the last are about as long as the longest, and most end inside a sentence.

    Where every line starts with a capital or a digit, they are verse, headlines or a list.
    """
    if len(paragraph) < _MIN_LINES or any(_ITEM.match(line) for line in paragraph):
        return False
    if all(_LINE_OF_ITS_OWN.match(line) for line in paragraph[1:]):
        return False
    full = paragraph[:-1]
    widths = [_columns(line) for line in full]
    longest = max(widths)
    if longest < _MIN_LENGTH or _columns(paragraph[-1]) > 1.1 * longest:
        return False
    is_even = median(widths) >= 0.8 * longest and min(widths) >= 0.5 * longest
    inside = sum(_SENTENCE_END.search(line) is None for line in full)
    inside_clause = sum(_CLAUSE_END.search(line) is None for line in full)
    return is_even and inside > len(full) / 2 and inside_clause >= len(full) / 2


def _joined(paragraph: list[str]) -> str:
    text = paragraph[0]
    for line in paragraph[1:]:
        if _HYPHENATED.search(text) and line[:1].islower():
            text = text[:-1] + line
        elif _SPACELESS_EDGE.match(text[-1]) and _SPACELESS_EDGE.match(line[0]):
            text += line
        else:
            text = f"{text} {line}"
    return text


def _columns(line: str) -> int:
    """The width in a terminal: Chinese, Japanese and Korean characters count twice."""
    return len(line) + len(_WIDE.findall(line))
