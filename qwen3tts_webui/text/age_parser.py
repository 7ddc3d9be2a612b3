"""Find ages in a voice description: "7-year-old", "in her thirties", "四十多岁", "5-12 岁".

In: lowercase text. Out: the positions of ages, and the age band of each, as Qwen3-TTS documents them. Numbers only;
words such as "elderly" are in traits.toml.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

_BANDS = ((12, "child"), (18, "teen"), (35, "young"), (55, "middle"))
_WORDS = {
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
}
_DECADES = {
    "teens": 15,
    "twenties": 20,
    "thirties": 30,
    "forties": 40,
    "fifties": 50,
    "sixties": 60,
    "seventies": 70,
    "eighties": 80,
}
_NUMERALS = {numeral: n for n, numeral in enumerate("一二三四五六七八九", 1)} | {"两": 2}
_APPROXIMATE_ONES = 5  # "十几岁": ten and a few
_AGE = regex.compile(
    r"(?P<digits>\d{1,3})(?:\s*[-–~到至]\s*\d{1,3})?(?:[-\s]*years?[-\s]old|s\b|\s*[多几来]?岁)"
    r"|\b(?:of|aged?|about|around)\s+(?P<aged>\d{1,2})\b(?!\s*(?:%|percent|words|hz|seconds|minutes))"
    rf"|\b(?:(?:of|aged?|about|around)\s+)?(?P<word>{'|'.join(_WORDS)})[-\s]years?[-\s]old"
    rf"|\b(?:of|aged?|about|around)\s+(?P<word>{'|'.join(_WORDS)})\b(?!\s+(?:percent|words|hz|seconds|minutes))"
    rf"|\b(?P<decade>{'|'.join(_DECADES)})\b"
    r"|(?P<chinese>[一二两三四五六七八九]?十[一二三四五六七八九几多来]?|[一二两三四五六七八九])[多几来]?岁"
)


def find_ages(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and band of every age in `text`."""
    for match in _AGE.finditer(text):
        years = _years(match)
        yield match.start(), match.end(), next((band for top, band in _BANDS if years <= top), "senior")


def _years(match: regex.Match[str]) -> int:
    if number := match["digits"] or match["aged"]:
        return int(number)
    if chinese := match["chinese"]:
        tens, ten, ones = chinese.rpartition("十")
        if not ten:
            return _NUMERALS[chinese]
        return 10 * _NUMERALS.get(tens, 1) + _NUMERALS.get(ones, _APPROXIMATE_ONES if ones else 0)
    return _WORDS[match["word"]] if match["word"] else _DECADES[match["decade"]]
