"""Find where a text may be cut so that its parts can be normalized separately: between plain words.

In: a text. Out: positions. The text between two positions depends on nothing outside, so a text that arrives in
pieces is normalized as the whole would be.
"""

from __future__ import annotations

from collections.abc import Callable

import regex

_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}々〆ー，。！？；：、…“”「」『』（）《》"
_CHARACTER = regex.compile(rf"[{_SPACELESS}]")
_CHARACTER_OR_SPACE = regex.compile(rf"[{_SPACELESS}\s]")
_UNIT = regex.compile(rf"\n+|[{_SPACELESS}]\s*|[^\s{_SPACELESS}]{{1,400}}\s*|\s+")
_PLAIN_WORD = regex.compile(
    r"[(\"“«„¿¡‘']*(?:\p{L}\p{M}*)(?:[\p{Ll}\p{Lo}\p{M}]|['’\-](?=\p{L}))*(?P<end>[,;!?…:)\"”»’'.]*)\s*"
)
_ROMAN_ORDINAL = regex.compile(r"[IVX](?:er|re|e|ème)")
_CHARACTERS_BEFORE, _CHARACTERS_AFTER = 10, 5
_CHARACTERS_NEAR = 2
_WORDS_BEFORE, _WORDS_AFTER = 3, 2
_LONGEST = 400
"""A chunk without two plain words, such as a list of numbers, is cut after so many characters."""
_SHORT = 3
"""A shorter word with a dot may be an abbreviation."""


def units(text: str) -> list[str]:
    """Words with the spaces after them, and single characters of scripts without spaces; joined, they are `text`."""
    return _UNIT.findall(text)


def is_plain(unit: str, abbreviations: frozenset[str]) -> bool:
    """Whether no rule applies to this word or character; `abbreviations` are written without their last dot."""
    if _CHARACTER_OR_SPACE.match(unit):
        return True
    match = _PLAIN_WORD.fullmatch(unit)
    if match is None:
        return False
    word = regex.split("['’]", unit[: match.start("end")].strip("(\"“«„¿¡‘'"))[-1]  # "l'avv."
    if (len(word) == 1 and word.isupper()) or _ROMAN_ORDINAL.fullmatch(word):
        return False
    if "." in match["end"]:
        return match["end"][0] == "." and len(word) > _SHORT and word not in abbreviations
    return word not in abbreviations


def cuts(
    text: str,
    abbreviations: frozenset[str],
    *,
    far: bool = True,
    complete: bool = True,
    allowed: Callable[[int], bool] = lambda _: True,
) -> list[int]:
    """The positions inside `text`, ascending. With `complete` False more text may follow: only those that it cannot
    change. With `far` False, no rule looks beyond a plain word, so a word may be passed on as soon as it is
    complete."""
    spans = [match.span() for match in _UNIT.finditer(text)]
    plain = [is_plain(text[start:end], abbreviations) for start, end in spans]
    is_character = [_CHARACTER.match(text, start) is not None for start, _ in spans]
    found: list[int] = []
    last_cut = 0
    ends_whole = not complete and not far and text[-1:].isspace()
    for i in range(len(spans) - 1 + ends_whole):
        if text[spans[i][1] - 1] == "\n":
            last_cut = spans[i][1]
            found.append(last_cut)
            continue
        if is_character[i] and (i + 1 == len(spans) or is_character[i + 1]):
            before, after = _CHARACTERS_BEFORE, _CHARACTERS_AFTER if far else _CHARACTERS_NEAR
        else:
            before, after = _WORDS_BEFORE, _WORDS_AFTER if far else 0
        last = i + after
        if not complete and after and last >= len(spans) - 1:
            break
        is_plain_around = all(plain[max(0, i + 1 - before) : last + 1]) and allowed(spans[i][1])
        if is_plain_around or spans[i][1] - last_cut >= _LONGEST:
            last_cut = spans[i][1]
            found.append(last_cut)
    return found
