"""Dates, times of day and spans of time."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.normalize.grammar import Grammar
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.quantities import alternatives

_NOT_INSIDE = r"(?<![\p{Latin}\p{Cyrillic}\d_][-/.:]?)(?<![\d])"
_ISO = regex.compile(rf"{_NOT_INSIDE}(?P<y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}})(?![-/.]?\d)")
_LOCAL = regex.compile(
    rf"{_NOT_INSIDE}(?P<a>\d{{1,2}})(?P<sep>[-/.])(?P<b>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}|\d{{2}})(?![-/.]?\d)"
)
_NUMBERED_MONTH = regex.compile(
    rf"{_NOT_INSIDE}(?<!(?:\bNr\.|№|\b[Nn][.°º]|Nummer|\bAz\.|номер)\s?)(?P<m>0?[1-9]|1[0-2])/(?P<y>(?:19|20)\d\d)(?![/\d]|[.,]\d)"
)
_T = r"(?P<h{0}>[01]?\d|2[0-4])(?:[:：](?P<m{0}>[0-5]\d)(?:[:：](?P<s{0}>[0-5]\d))?)"
_DAY = r"(?:[12]\d|3[01]|0?[1-9])"
_BEFORE = regex.compile(r"(\p{L}+)[ \u00a0]$")


class Calendar:
    """Built once per grammar: its month names as patterns."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        suffix = rf"(?:\s?(?P<suffix>{grammar.time_suffix})(?![\p{{L}}]))?" if grammar.time_suffix else "(?P<suffix>)?"
        self._time = regex.compile(
            rf"(?<![\d:.,]|\d：)(?:{_T.format(1)})(?:\s?[-–—~～至到〜]\s?(?:{_T.format(2)}))?(?![\d]|[:：]\d){suffix}"
        )
        self._hours = regex.compile(
            rf"(?<![\d:.,/-]|\d：)(?P<h0>[01]?\d|2[0-4])\s?[-–—~～至到〜]\s?(?:{_T.format(1)})(?![\d]|[:：]\d){suffix}"
        )
        self._names = {name.casefold() for name in grammar.month_names}
        self._months = {name.casefold(): i for i, name in enumerate(grammar.month_names, 1)}
        self._months |= {
            short.casefold(): i for i, shorts in enumerate(grammar.month_shorts, 1) for short in shorts.split("|")
        }
        months = alternatives(self._months)
        link = r"(?:\s?(?:of|de|di|do|del)\s|\s)"
        year = r"(?P<y>[12]\d{3})(?![\d.,]\d|\d)"
        month_year = (
            rf"(?P<month>{months})\.?(?!\p{{L}})(?:(?:,|\s(?:de|del|do))?\s{year})?(?P<after>\s(?:года|год|г\.))?"
        )
        self._day_month = regex.compile(
            rf"(?<![\d.,/-])(?P<d>{_DAY})(?:\.|er|re|º|°|ª|st|nd|rd|th|-?го|-?е)?{link}{month_year}", regex.IGNORECASE
        )
        self._month_day = regex.compile(
            rf"(?<!\p{{L}})(?P<month>{months})\.?\s(?P<d>{_DAY})(?:st|nd|rd|th)?(?![\d:.]?\d)(?:,?\s{year})?",
            regex.IGNORECASE,
        )
        to = regex.escape(grammar.to) + (r"|по" if grammar.code == "ru" else "")
        dash = rf"(?:\s?[-–—]\s?|\s(?:{to})\s(?:dem\s|zum\s)?)"
        self._dashed = regex.compile(
            rf"{_NOT_INSIDE}(?P<d>{_DAY})-(?P<month>{months})\.?-(?P<y>(?:19|20)\d\d)(?![\w-])", regex.IGNORECASE
        )
        self._days_month = regex.compile(
            rf"(?<![\p{{L}}\d.,/-])(?P<d>{_DAY})\.?{dash}(?P<d2>{_DAY})(?:\.|st|nd|rd|th|er)?{link}{month_year}",
            regex.IGNORECASE,
        )
        self._month_days = regex.compile(
            rf"(?<!\p{{L}})(?P<month>{months})\.?\s(?P<d>{_DAY})(?:st|nd|rd|th)?{dash}(?P<d2>{_DAY})(?:st|nd|rd|th)?(?![\p{{L}}\d:/.-]?\d)(?:,?\s{year})?",
            regex.IGNORECASE,
        )
        dated = PHRASES[grammar.code].dated
        if dated and grammar.code not in ("en", "de"):
            dated += "".join(f"|{day},?" for day in PHRASES[grammar.code].weekdays)
        separator, dot = (r"\.", r"\.") if grammar.code == "de" else ("/", "")
        self._dated = (
            regex.compile(
                rf"(?<=\b(?i:{dated})\s)(?P<a>\d{{1,2}}){separator}(?P<b>\d{{1,2}})(?P<dot>{dot})(?![\d/]|\s(?:de|di|des|du|del|da|do)\s\p{{Ll}})"
            )
            if dated
            else None
        )
        self._month_year = regex.compile(
            rf"(?<!\p{{L}})(?P<month>{months})\.?(?:\s(?:de|del|do))?,?\s{year}(?P<after>\s(?:года|год|г\.))?",
            regex.IGNORECASE,
        )

    def dates(self, text: AlignedText) -> None:
        text.sub(_ISO, lambda match: self._say_date(match, int(match["y"]), int(match["m"]), int(match["d"])))
        text.sub(_LOCAL, self._say_local)
        text.sub(_NUMBERED_MONTH, lambda match: self._say_date(match, int(match["y"]), int(match["m"]), None))
        if self._dated is not None:
            text.sub(self._dated, self._say_dated)
        if not self._months:
            return
        text.sub(
            self._dashed,
            lambda match: self._say_date(
                match, int(match["y"]), self._months[match["month"].casefold()], int(match["d"])
            ),
        )
        if self._grammar.date_order == "mdy":
            text.sub(self._month_days, self._say_days)
            text.sub(self._month_day, self._say_named)
        text.sub(self._days_month, self._say_days)
        text.sub(self._day_month, self._say_named)
        text.sub(self._month_year, self._say_named)

    def times(self, text: AlignedText) -> None:
        text.sub(self._hours, self._say_hours, spaced=True)
        text.sub(self._time, self._say_time, spaced=True)

    def _say_date(self, match: regex.Match[str], year: int | None, month: int, day: int | None) -> str | None:
        if not (1 <= month <= 12 and (day is None or 1 <= day <= 31)):
            return None
        return self._grammar.date(year, month, day, _word_before(match))

    def _say_local(self, match: regex.Match[str]) -> str | None:
        a, b = int(match["a"]), int(match["b"])
        if len(match["y"]) == 2 and match["sep"] == "-":
            return None
        year = int(match["y"]) if len(match["y"]) == 4 else 2000 + int(match["y"])
        month, day = (a, b) if self._grammar.date_order == "mdy" else (b, a)
        if month > 12:
            month, day = day, month
        return self._say_date(match, year, month, day)

    def _say_named(self, match: regex.Match[str]) -> str | None:
        groups = match.groupdict()
        month = self._months[match["month"].casefold()]
        if match["month"].islower() and self._grammar.code in ("en", "de"):
            return None  # "may 5", "mars 3": a word
        if regex.match(r"(?!1\D)\d+[º°ª]", match[0]):
            return None  # "il 3° set"
        year = int(groups["y"]) if groups.get("y") else None
        said = self._say_date(match, year, month, int(groups["d"]) if groups.get("d") else None)
        return said and said + self._stop_after(match)

    def _say_dated(self, match: regex.Match[str]) -> str | None:
        """ "am 24.12.", "el 12/10"."""
        a, b = int(match["a"]), int(match["b"])
        month, day = (a, b) if self._grammar.date_order == "mdy" else (b, a)
        said = self._say_date(match, None, month, day)
        return said + match["dot"] if said and match["dot"] and not match.string[match.end() :].strip() else said

    def _say_days(self, match: regex.Match[str]) -> str | None:
        """ "3–5 May 2024"."""
        month, first, last = self._months[match["month"].casefold()], int(match["d"]), int(match["d2"])
        if first >= last or (match["month"].islower() and self._grammar.code in ("en", "de")):
            return None
        year = int(match["y"]) if match["y"] else None
        return self._grammar.days(year, month, first, last, _word_before(match)) + self._stop_after(match)

    def _stop_after(self, match: regex.Match[str]) -> str:
        """The dot that ends a sentence, after the name of a month: "on 3 March. Then"."""
        if not match[0].endswith(f"{match['month']}."):
            return ""
        is_whole = match["month"].casefold() in self._names
        return "." if is_whole else self._grammar.stop_after(match, ".")

    def _say_hours(self, match: regex.Match[str]) -> str:
        """ "14-15:30"."""
        suffix = (match["suffix"] or "").strip()
        start = self._grammar.clock(int(match["h0"]), 0, None, suffix)
        return self._grammar.clock_range(start, self._clock(match, "1", suffix))

    def _say_time(self, match: regex.Match[str]) -> str:
        grammar, suffix = self._grammar, (match["suffix"] or "").strip()
        start = self._clock(match, "1", suffix if match["h2"] is None else "")
        said = start if match["h2"] is None else grammar.clock_range(start, self._clock(match, "2", suffix))
        return grammar.clock_after(_word_before(match), said) + grammar.stop_after(match, suffix)

    def _clock(self, match: regex.Match[str], which: str, suffix: str) -> str:
        second = match["s" + which]
        return self._grammar.clock(
            int(match["h" + which]), int(match["m" + which]), None if second is None else int(second), suffix
        )


def _word_before(match: regex.Match[str]) -> str:
    before = _BEFORE.search(match.string[max(0, match.start() - 20) : match.start()])
    return before[1] if before else ""
