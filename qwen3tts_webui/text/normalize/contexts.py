"""Numbers next to certain signs and words: powers, "2x", "24/7", compass points, weekdays, dashes."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.normalize.grammar import Grammar
from qwen3tts_webui.text.normalize.numbers import Noun, Number
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.quantities import alternatives, prefixes

_NOT_INSIDE = r"(?<![\p{Latin}\p{Cyrillic}\p{N}_.,/-])"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_DOT = regex.compile(r"(?<=\d)\s?·\s?(?=10[\^⁰¹²³⁴⁵⁶⁷⁸⁹⁻])")
_OFTEN = regex.compile(r"(?<=\b(?:fois|veces|volte|vezes|times|раза?|mal))/(?P<unit>\p{L}{1,12})(?![\p{L}\d/])")
_NARROW_DASH = regex.compile(r"[-–~～〜]")
_WIDE_DASH = regex.compile(r"\s[-–~～〜]\s")
_CODE = regex.compile(r"0\d")
_SHAPE = regex.compile(r"[\d\s.,:]+")
_OVER = r"(?:2[5-9]|[3-9]\d):\d\d"  # no time of day, but a score
_SET = regex.compile(
    rf"(?<![\d:.,])(?P<a>\d{{1,2}}):(?P<b>\d\d)(?![\d:])(?:(?<={_OVER},\s(?:\d{{1,2}}:\d\d,\s)*\d{{1,2}}:\d\d)|(?=,\s{_OVER}(?![\d:])))"
)
_SLASH = regex.compile(
    r"(?<=[\p{L}\p{N}).])(?<![/~\\][^\s/]*|\w+\.\w[^\s/]*)/(?=[\p{L}\p{N}(])|(?<=[\p{L}\p{N})])\s/\s(?=[\p{L}\p{N}(])"
)


class Contexts:
    """Built once per grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._phrases = phrases = PHRASES[grammar.code]
        self._months = {name.casefold() for name in (*grammar.month_names, *grammar.month_shorts)}
        number = f"(?:{grammar.number_pattern})"
        units = alternatives(unit for unit in grammar.units if unit[0].isalpha())
        currency = alternatives(grammar.currencies)
        prefix = alternatives(prefixes(grammar))
        magnitude = alternatives(grammar.magnitudes)
        self._power = regex.compile(
            rf"{_NOT_INSIDE}(?P<sign>[-−])?(?P<base>{number})(?:\^(?P<open>\()?(?P<n>[-−]?\d{{1,4}})(?(open)\))|(?P<n>[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,4}})|(?P<e>[eE])(?P<n>[-−+]?\d{{1,3}}))"
            rf"(?:\s?(?P<unit>{units}))?(?![\p{{L}}\p{{N}}^]|[.,]\d)"
        )
        self._multiple = regex.compile(
            rf"{_NOT_INSIDE}(?P<n>{number})\s?[x×](?![\p{{Latin}}\p{{Cyrillic}}\p{{N}}^(]|\s?[-−+=*/\d(])"
        )
        self._dose = regex.compile(
            rf"{_NOT_INSIDE}(?P<n>\d{{1,2}})\s?[x×]\s?(?=\d+(?:[.,]\d+)?\s?(?:mg|g|ml|µg|μg|мг|г|мл|l)\b)"
        )
        self._rate = regex.compile(
            rf"(?<=(?:{prefix})\s?(?:{number}[-–])?{number}(?:\s?{magnitude})?|\d\s?(?:{magnitude}\s?)?(?:{currency})|\d\s?[次个件人回度]|\d(?=/(?:km²?|m²|kWh|kg|ha)(?!\p{{L}})))/(?P<unit>\p{{L}}{{1,12}}[²³]?)(?![\p{{L}}\d/])(?:\.(?=\s[\p{{Ll}}+]))?"
        )
        self._by = regex.compile(rf"(?<=\d(?:\s?{units})?)\s?x\s?(?=\d)")
        self._always = regex.compile(r"(?<![\d/.,])24/7(?![\d/]|[.,]\d)(?:小时|時間)?")
        self._compass = regex.compile(
            rf"(?<![\p{{Latin}}\p{{Cyrillic}}\d.,])(?P<n>{number})\s?°\s?(?=[{phrases.letters}\d])(?:(?P<minutes>\d{{1,2}}(?:[.,]\d+)?)\s?[′'’]\s?"
            rf"(?:(?P<seconds>\d{{1,2}}(?:[.,]\d+)?)\s?(?:[″\"”]|''|′′))?)?(?:\s?(?P<letter>[{phrases.letters}])(?![\p{{L}}\d])|(?<=[′'’″\"”]))"
        )
        days = "|".join(phrases.shorts)
        months = alternatives(self._months)
        self._days = (
            regex.compile(
                rf"(?<![\p{{L}}-])(?P<a>{days})\.?\s?[-–—]\s?(?P<b>{days})(?:\.|(?![\p{{L}}-]))", regex.IGNORECASE
            )
            if days
            else None
        )
        full = "|".join(phrases.weekdays)
        link = regex.escape(grammar.signs["&"])
        self._day = regex.compile(
            rf"(?<![\p{{L}}])(?P<a>{days})(?=,\s\d{{1,2}}(?:[./]|\s(?:{months})))|(?<![\p{{L}}])(?P<a>{days})\.(?=,?\s(?:\d|(?:{days})\b|{link}\s(?:{days})\b))"
            rf"|(?<=\b(?:(?:{days})\.|{full}),?\s(?:{link}\s)?)(?P<a>{days})\."
        ) if days else None  # fmt: skip

    def powers(self, text: AlignedText) -> None:
        """ "10^-6 m" and "3.2e-5"."""
        text.sub(_DOT, lambda _: self._grammar.between(self._grammar.signs["×"]))
        text.sub(self._power, self._say_power, spaced=True)

    def multiples(self, text: AlignedText) -> None:
        """ "2x", "8 x 10"."""
        noun = self._phrases.multiple
        text.sub(self._rate, self._say_rate)
        text.sub(_OFTEN, self._say_rate)
        text.sub(
            self._dose,
            lambda match: (
                self._grammar.amount(self._grammar.number(match["n"]), noun) + (" " if self._grammar.spaced else "")
            ),
        )
        text.sub(self._by, lambda _: self._grammar.between(self._phrases.by))
        text.sub(
            self._multiple, lambda match: self._grammar.amount(self._grammar.number(match["n"]), noun), spaced=True
        )

    def phrases(self, text: AlignedText) -> None:
        text.sub(_SET, self._say_set, spaced=True)
        text.sub(self._always, lambda _: self._phrases.always, spaced=True)
        text.sub(self._compass, self._say_compass, spaced=True)
        if self._days is not None and self._day is not None:
            text.sub(self._days, self._say_days, spaced=True)
            text.sub(self._day, self._say_day, spaced=True)

    def slashes(self, text: AlignedText) -> None:
        """ "und/oder", "8/128 GB": two words without a name for the slash; after all numbers are words."""
        if self._grammar.pauses_at_slash:
            text.sub(_SLASH, lambda match: " " if match[0] == "/" else ", ")

    def dashes(self, text: AlignedText) -> None:
        """A dash between two amounts that were just converted to words: "5th–7th", "3 kg - 5 kg"."""
        word = self._grammar.after(self._grammar.to)
        text.link(
            _NARROW_DASH, word, lambda left, right: left[-1] != "]" and right[0] != "[" and not _CODE.match(right)
        )
        text.link(_WIDE_DASH, word, self._alike)

    def _alike(self, left: str, right: str) -> bool:
        """Whether both are amounts of the same unit, or dates."""
        first, last = _SHAPE.sub("", left), _SHAPE.sub("", right)
        return (first == last != "") or {first.casefold(), last.casefold()} <= self._months

    def _day_index(self, short: str) -> int:
        return next(
            i for i, written in enumerate(self._phrases.shorts) if short.casefold() in written.casefold().split("|")
        )

    def _say_set(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        return grammar.join(grammar.cardinal(int(match["a"])), grammar.versus, grammar.cardinal(int(match["b"])))

    def _say_day(self, match: regex.Match[str]) -> str:
        return self._phrases.weekdays[self._day_index(match["a"])] + self._grammar.stop_after(match, ".")

    def _say_days(self, match: regex.Match[str]) -> str:
        phrases, first, last = self._phrases, self._day_index(match["a"]), self._day_index(match["b"])
        stop = self._grammar.stop_after(match, ".")
        if phrases.first:
            return f"{phrases.first[first]} {phrases.last[last]}{stop}"
        return f"{phrases.weekdays[first]} {self._grammar.to} {phrases.weekdays[last]}{stop}"

    def _say_rate(self, match: regex.Match[str]) -> str:
        """ "20 €/h", "$5/month"."""
        grammar, word = self._grammar, match["unit"]
        said = grammar.units[word].forms[0] if word in grammar.units else word
        each = self._phrases.each or grammar.per
        if each == "al" and said[0] in "aeiou":
            return f" all'{said}"
        return f" {each} {said}" if grammar.spaced else grammar.per + said

    def _say_power(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        exponent = match["n"].translate(_SUPERSCRIPTS).replace("−", "-")
        sign, digits = ("-" if exponent[0] == "-" else ""), exponent.lstrip("+-")
        base = grammar.say(grammar.number(match["base"], match["sign"] or ""))
        if match["e"]:
            ten = grammar.say(Number("10", "10"))
            base = grammar.join(base, grammar.signs["×"], ten)
        if digits in ("2", "3") and not sign:
            power = grammar.squared if digits == "2" else grammar.cubed
        else:
            power = grammar.power.format(grammar.say(grammar.number(digits, sign)))
        said = base + power if not grammar.spaced or power.startswith("의") else f"{base} {power}"
        return grammar.join(said, grammar.units[match["unit"]].forms[-1]) if match["unit"] else said

    def _say_compass(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        degrees: Noun = grammar.degree
        nouns = {"n": degrees, **dict(zip(("minutes", "seconds"), grammar.arc(), strict=True))}
        amount = grammar.join(
            *(
                grammar.amount(grammar.number(match[key].lstrip("0") or "0"), noun)
                for key, noun in nouns.items()
                if match[key]
            )
        )
        if match["letter"] is None:
            return amount
        word = self._phrases.compass[self._phrases.letters.index(match["letter"])]
        if grammar.code in ("zh", "ja", "ko"):
            return grammar.join(word, amount)
        return f"{amount} {word}"
