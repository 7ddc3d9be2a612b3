"""Money, percent, units, fractions, ranges, scores and plain numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.normalize.grammar import Grammar
from qwen3tts_webui.text.normalize.numbers import Noun, Number
from qwen3tts_webui.text.normalize.phrases import PHRASES

_LETTER = r"[\p{Latin}\p{Cyrillic}\d_]"
_START = rf"(?<!{_LETTER}[-−.,:^]?)(?<!(?<!°|\p{{Ll}}\p{{Ll}}|\p{{Ll}}\s){_LETTER}/)(?<!(?<![.,:\d°]|\d[ ])\d{{1,2}}/)"
_END = r"(?![\p{Latin}\p{Cyrillic}\p{Nd}_])"
_GAP = r"[ \u00a0\u202f\u2009]?"
_NEEDS_SPACE = frozenset({"K", "B"})
_PAGES = r"(?i:pages?|p\.|seite|página|pagina|страница|slide|folie|step|schritt|étape|paso|passo|шаг[еау]?)"
_RANGE = rf"{_GAP}(?:[-−–—~～〜至到])\s?"


def alternatives(keys: Iterable[str]) -> str:
    """A group that matches any of `keys`, the longest first."""
    return "(?:" + "|".join(regex.escape(key) for key in sorted(keys, key=len, reverse=True)) + ")"


def prefixes(grammar: Grammar) -> Iterator[str]:
    """The currencies that may stand before a number; none in Chinese or Korean writing."""
    for sign in grammar.currencies:
        if not (sign[0].islower() or regex.match(r"[\p{Han}\p{Hangul}]", sign)):
            yield sign


class Quantities:
    """Built once per grammar: its tables as patterns."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        number = f"(?:{grammar.number_pattern})"
        low = rf"(?P<sign>[-–](?=\d|\.\d)|[−+±]{_GAP})?(?P<low>{number})"
        high = rf"(?:{_RANGE}(?P<high_sign>[-−])?(?P<high>{number}))?"
        magnitude = (
            rf"(?:{_GAP}-?(?P<magnitude>{alternatives(grammar.magnitudes)})(?!/\p{{Latin}})(?:(?<=\p{{Han}})|{_END}))?"
            if grammar.magnitudes
            else ""
        )
        currency = alternatives(grammar.currencies)
        prefix = alternatives(prefixes(grammar))
        units, times = alternatives(grammar.units), r"\d{1,3}" if grammar.spaced else "100"
        spans = r"(?:h|hrs?|min|km|kg|g|[lL]|m[lL]|Std|ч|мин|км|кг|л)(?!\p{L})"
        self._money = regex.compile(
            rf"(?<![\p{{Latin}}\p{{Nd}}])(?P<minus>[-−])?(?P<currency>{prefix}){_GAP}{low}(?:{_RANGE}(?:{prefix})?(?P<high>{number}))?"
            rf"{magnitude}(?:{_GAP}(?P<code>{alternatives(sign for sign in grammar.currencies if len(sign) > 1 or sign == '元')}){_END})?(?![\p{{Nd}}])(?P<link>)"
            rf"|{_START}{low}{high}{magnitude}(?P<link>\s(?:de|di|d['’])\s?)?{_GAP}(?P<currency>{currency}){_END}"
        )
        self._percent = regex.compile(rf"{_START}{low}(?:{_GAP}[%‰])?{high}{_GAP}(?P<percent>[%‰])(?![%‰])")
        self._units = regex.compile(
            rf"{_START}{low}(?:{_GAP}°(?={_RANGE}))?{high}{magnitude}(?P<gap>[ \u00a0\u202f\u2009-]?)(?P<unit>{units})"
            rf"(?:/(?:(?P<each>{times}){_GAP}(?!(?P=unit))(?={spans}))?(?P<per>{units})(?P<power>[²³])?)?{_END}(?![²³])(?:\.(?=\s(?:\p{{Ll}}|(?:[NS][EW]?|[EW])\b)|[,;:)/]))?"
        )
        self._bare_unit = regex.compile(rf"(?<![\p{{L}}\p{{N}}])(?P<unit>m²|km²|cm²|m³|cm³|km/h|°C|°F){_END}")
        each = PHRASES[grammar.code].each
        self._single = regex.compile(rf"\b(?i:{each or '(?!)'}|{PHRASES[grammar.code].single or '(?!)'})\s$")
        letters = alternatives(unit for unit in grammar.units if unit[0].isalpha())
        self._part = regex.compile(
            rf"(?<=(?P<whole>\d\s)?\d/\d{{1,3}}\s?)(?P<unit>{letters}){_END}(?:\.(?=\s\p{{Ll}}))?"
        )
        self._each = regex.compile(rf"(?<=\b{each}\s)(?P<unit>{letters}){_END}") if each else None
        self._rated = regex.compile(
            rf"{_START}(?P<a>\d{{1,3}}[.,]\d{{1,2}})\s?/\s?(?P<b>4|5|10|20|100)(?:[.,]0)?(?![\d/]|[.,]\d)(?:\s?(?:[分点](?!\p{{Han}})|점(?!\p{{L}})))?"
            rf"|(?<=\b(?:{_PAGES})[ ])(?P<a>\d{{1,4}})\s?/\s?(?P<b>\d{{1,4}})(?![\d/])"
        )
        self._mixed = regex.compile(rf"{_START}(?P<whole>\d{{1,4}})\s(?P<top>\d{{1,3}})/(?P<bottom>\d{{1,3}})(?![\d/])")
        self._fraction = regex.compile(rf"{_START}(?<![\d/])(?P<top>\d{{1,4}})/(?P<bottom>\d{{1,4}})(?![\d/]|[.,]\d)")
        self._score = regex.compile(rf"{_START}(?P<a>\d{{1,3}})[:：](?P<b>\d{{1,3}})(?![:：]?\d)")
        self._range = regex.compile(
            rf"{_START}{low}{_RANGE}(?P<high_sign>[-−])?(?P<high>{number}){magnitude}(?![\p{{Nd}}]|[-−–/:.]\d)"
        )
        self._number = regex.compile(
            rf"(?<![\p{{Nd}}])(?P<sign>(?<![\p{{L}}\p{{N}})\]])(?<!\d )[-−–+±]|(?<=[\p{{Han}}\p{{Hiragana}}\p{{Katakana}}])[-−])?(?P<low>{number}){magnitude}"
            rf"(?![\p{{Nd}}])"
        )

    def money(self, text: AlignedText) -> None:
        text.sub(self._money, self._say_money, spaced=True)

    def percent(self, text: AlignedText) -> None:
        text.sub(self._percent, self._say_percent, spaced=True)

    def units(self, text: AlignedText) -> None:
        for _ in range(2 if "/" in text.text else 1):  # the second time for "60 Hz" of "120V/60Hz"
            text.sub(self._units, self._say_units, spaced=True)
        text.sub(self._part, self._say_part, spaced=True)
        if self._each is not None:
            text.sub(self._each, lambda match: self._grammar.units[match["unit"]].forms[0], spaced=True)
        text.sub(self._bare_unit, self._say_bare_unit, spaced=True)

    def _say_bare_unit(self, match: regex.Match[str]) -> str:
        """ "au m²" and "en m²"."""
        is_single = self._single.search(match.string[max(0, match.start() - 12) : match.start()])
        return self._grammar.units[match["unit"]].forms[0 if is_single else -1]

    def fractions(self, text: AlignedText) -> None:
        text.sub(self._rated, lambda match: self._grammar.out_of(match["a"], match["b"]), spaced=True)
        text.sub(self._mixed, self._say_mixed, spaced=True)
        text.sub(self._fraction, self._say_fraction, spaced=True)

    def ranges(self, text: AlignedText) -> None:
        text.sub(self._score, self._say_score, spaced=True)
        text.sub(self._range, self._say_range, spaced=True)

    def numbers(self, text: AlignedText) -> None:
        text.sub(self._number, self._say_number, spaced=True)

    def _low_high(self, match: regex.Match[str]) -> tuple[Number, Number | None]:
        grammar, groups = self._grammar, match.groupdict()
        low = grammar.number(match["low"], (match["sign"] or groups.get("minus") or "").strip())
        if match["high"] is None:
            return low, None
        return low, grammar.number(match["high"], groups.get("high_sign") or "")

    def _quantity(self, match: regex.Match[str], noun: Noun | None) -> str:
        low, high = self._low_high(match)
        magnitude = match.groupdict().get("magnitude")
        if magnitude is not None:
            return self._with_magnitude(low, high, magnitude, noun)
        if high is None:
            return self._grammar.say(low) if noun is None else self._grammar.amount(low, noun)
        return self._grammar.range(low, high, noun)

    def _with_magnitude(self, low: Number, high: Number | None, magnitude: str, noun: Noun | None) -> str:
        grammar = self._grammar
        if high is None:
            said = grammar.with_magnitude(low, magnitude)
        else:
            said = grammar.join(
                grammar.range(low, high), grammar.magnitudes[magnitude].rpartition("|")[2].partition(":")[0]
            )
        return said if noun is None else grammar.of_magnitude(said, noun)

    def _say_money(self, match: regex.Match[str]) -> str | None:
        unit, cents = self._grammar.currencies[match.groupdict().get("code") or match["currency"]]
        low, high = self._low_high(match)
        if high is None and match.groupdict().get("magnitude") is None:
            said = self._grammar.money(low, unit, cents)
        else:
            said = self._quantity(match, unit)
        return said + self._grammar.stop_after(match, match["currency"])

    def _say_percent(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        low, high = self._low_high(match)
        if match["percent"] == "‰":
            return grammar.per_mille(grammar.say(low) if high is None else grammar.range(low, high))
        said = grammar.say(low) if high is None else grammar.range(low, high)
        return grammar.in_percent(said, high or low)

    def _say_units(self, match: regex.Match[str]) -> str | None:
        grammar = self._grammar
        if match["unit"] in _NEEDS_SPACE and not match["gap"].isspace():
            return None
        if grammar.keep_digits and match["unit"] == "s" and not match["gap"] and match["low"].endswith("0"):
            return None  # "the 1990s"
        unit = grammar.units[match["unit"]]
        if grammar.code == "en" and match["gap"] == "-":
            unit = Noun(unit.forms[:1])  # a 12-oz can
        said = self._quantity(match, unit)
        said += grammar.stop_after(match, match["unit"])
        if match["per"]:
            link = (match["each"] and grammar.per_many) or grammar.per
            said = grammar.per_unit(said, link, self._per(match))
        return said

    def _per(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        unit, power = grammar.units[match["per"]], {"²": grammar.squared, "³": grammar.cubed}
        said = grammar.amount(Number(match["each"], match["each"]), unit) if match["each"] else unit.forms[0]
        return grammar.join(said, power[match["power"]]) if match["power"] else said

    def _say_part(self, match: regex.Match[str]) -> str:
        unit = self._grammar.units[match["unit"]]
        pressure = regex.search(r"(\d+)/(\d+)\s?$", match.string[: match.start()])
        if pressure is not None and (int(pressure[1]) > int(pressure[2]) or len(pressure[2]) > 2):
            return unit.forms[-1]
        if not match["whole"] and pressure is not None and int(pressure[2]) > 2:
            return self._grammar.part_links[unit.part[:1] in "aeiouhé"] + unit.part
        return unit.forms[-1] if match["whole"] and len(unit.forms) == 2 else unit.part

    def _say_mixed(self, match: regex.Match[str]) -> str | None:
        whole, top, bottom = int(match["whole"]), int(match["top"]), int(match["bottom"])
        if not 0 < top < bottom <= 100:
            return None
        return self._grammar.mixed(whole, top, bottom)

    def _say_fraction(self, match: regex.Match[str]) -> str | None:
        grammar, phrases = self._grammar, PHRASES[self._grammar.code]
        top, bottom = int(match["top"]), int(match["bottom"])
        is_even = top == bottom or top + bottom == 100
        if match["bottom"] == "1" and 0 < top <= 12:
            return grammar.date(None, *((top, 1) if grammar.date_order == "mdy" else (1, top)), "")
        if 1900 <= top < 2100 and len(match["bottom"]) == 2:
            return grammar.join(grammar.year(top), grammar.cardinal(bottom))
        if 1900 <= top < 2100 and int(match["bottom"]) == top + 1:
            return grammar.join(grammar.year(top), grammar.year(bottom))
        if 1900 <= top < 2100 and len(match["bottom"]) >= 3 and match["bottom"][0] != "0":  # a file number
            return grammar.join(grammar.year(top), grammar.web["/"], grammar.cardinal(bottom))
        if top >= 30 and bottom == top + 2:  # a size
            return grammar.join(grammar.cardinal(top), grammar.cardinal(bottom))
        if (is_even and top >= bottom > 1) or (
            top > bottom and (bottom >= 20 or top >= 100) and match["bottom"][0] != "0"
        ):
            link = phrases.even if is_even else phrases.over
            return grammar.join(grammar.cardinal(top), link, grammar.cardinal(bottom))
        if len(match["bottom"]) > 2 and match["bottom"][0] == "0":  # a file number
            return grammar.join(grammar.cardinal(top), grammar.web["/"], grammar.digits(match["bottom"]))
        if "0" in (match["top"][0], match["bottom"][0]):
            month, day = (top, bottom) if grammar.date_order == "mdy" else (bottom, top)
            is_date = 1 <= month <= 12 and 1 <= day <= 31 and len(match[0]) == 5
            return grammar.date(None, month, day, "") if is_date else None
        if bottom == 1:
            return None
        return grammar.fraction(top, bottom)

    def _say_score(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        a, b = (grammar.say(Number(match[key], match[key])) for key in ("a", "b"))
        return grammar.join(a, grammar.versus, b)

    def _say_range(self, match: regex.Match[str]) -> str | None:
        low, high = self._low_high(match)
        if high is None or low.is_code or high.is_code:
            return None
        return self._quantity(match, None)

    def _say_number(self, match: regex.Match[str]) -> str:
        magnitude = match.groupdict().get("magnitude")
        number = self._grammar.number(match["low"], (match["sign"] or "").strip())
        if magnitude is None:
            return self._grammar.say(number)
        label = r"\p{Latin}$|#\s?$|\p{Latin}\d+-$" + r"|\p{Latin}\s$" * (magnitude == "B") + r"|\b\p{Lu}\p{Ll}+\s$"
        if len(magnitude) == 1 and not number.fraction and regex.search(label, match.string[: match.start()]):
            return f"{self._grammar.say(number)} {magnitude}"  # "B2B", "#5B"
        return self._with_magnitude(number, None, magnitude, None) + self._grammar.stop_after(match, magnitude)
