"""Parse written numbers, and the nouns that are counted with them.

In: "1.234,5" and the way a language writes decimals. Out: a `Number`. Knows no words.
"""

from __future__ import annotations

from dataclasses import dataclass

_GROUPS = " \u00a0\u202f\u2009'’"
_SPACE_GROUPED = rf"\d{{1,3}}(?:[{_GROUPS}]\d{{3}})+(?!\d)"
_EUROPEAN, _AMERICAN = r"\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)", r"\d{1,3}(?:,\d{3})+\.\d{1,2}(?!\d)"
POINT = rf"{_EUROPEAN}|(?:\d{{1,3}}(?:,\d{{3}})+(?!,?\d)|\d{{1,2}}(?:,\d\d)+,\d{{3}}(?!,?\d)|\d{{1,3}}(?:['’]\d{{3}})+(?!\d)|\d+)(?:\.\d+)?|(?<![\p{{L}}\p{{N}}])\.\d+"
COMMA = rf"{_AMERICAN}|(?:\d{{1,3}}(?:\.\d{{3}})+(?!\.?\d)|{_SPACE_GROUPED}|\d+)(?:[.,]\d+)?"
"""A number, in the languages that write 1,234.5 and in those that write 1.234,5 or 1 234,5."""


@dataclass(frozen=True, slots=True)
class Number:
    """`whole` and `fraction` are digits; `text` is the number as it was written, without its sign."""

    text: str
    whole: str
    fraction: str = ""
    sign: str = ""

    @property
    def value(self) -> int:
        return int(self.whole or "0")

    @property
    def is_code(self) -> bool:
        """Whether it has a leading zero or very many digits in a row, and is read digit by digit."""
        is_bare = self.text.isdecimal()
        return is_bare and (
            (len(self.text) > 1 and self.text[0] == "0") or (len(self.text) > 9 and self.text[-3:] != "000")
        )


def parse_number(text: str, decimal_mark: str, sign: str = "") -> Number:
    """`text` matches `POINT` or `COMMA`; a single dot before other than three digits is a decimal mark anywhere."""
    plain = text
    for group in _GROUPS:
        plain = plain.replace(group, "")
    other = "," if decimal_mark == "." else "."
    if plain.rfind(other) > plain.rfind(decimal_mark) >= 0:  # the other convention: "1.234,56" in English
        decimal_mark, other = other, decimal_mark
    groups = plain.split(other)
    if decimal_mark == "." and len(groups) > 2 and {len(group) for group in groups[1:-1]} == {2}:  # "5,00,000" of India
        groups = ["".join(groups[:-1]), groups[-1]]
    if len(groups) > 1 and all(len(group.partition(decimal_mark)[0]) == 3 for group in groups[1:]) and groups[0] != "0":
        plain = "".join(groups)
    whole, _, fraction = plain.replace(",", ".").partition(".")
    return Number(text, whole or "0", fraction, sign)


@dataclass(frozen=True, slots=True)
class Noun:
    """The forms of a counted noun: (all), (one, many) or (one, few, many); `gender` is "m", "f" or "n"."""

    forms: tuple[str, ...]
    gender: str = "m"

    @property
    def part(self) -> str:
        """The form after a fraction: "three quarters teaspoon", "три четверти литра"."""
        return self.forms[1 if len(self.forms) > 2 else 0]


def noun(spec: str) -> Noun:
    """ "hora|horas:f" -> its forms and its gender."""
    forms, _, gender = spec.partition(":")
    return Noun(tuple(forms.split("|")), gender or "m")


def nouns(table: str) -> dict[str, Noun]:
    """One entry per line: the signs that stand for it, "=", its forms. Several signs are separated by spaces; "_" is a
    space inside one."""
    found: dict[str, Noun] = {}
    for line in filter(str.strip, table.splitlines()):
        signs, _, spec = line.strip().partition(" = ")
        found |= dict.fromkeys((sign.replace("_", " ") for sign in signs.split()), noun(spec))
    return found


def words(table: str) -> dict[str, str]:
    """One entry per line: the written form, " = ", the spoken form."""
    pairs = (line.strip().partition(" = ") for line in table.splitlines() if line.strip())
    return {written: spoken for written, _, spoken in pairs}


def word_set(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())
