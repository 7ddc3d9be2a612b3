"""Written forms that mean the same everywhere -> forms that the later passes know: ISO timestamps, durations, aircraft.

In: text. Out: other written text ("1h30min" -> "1 h 30 min"). Knows no words.
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.normalize.grammar import Grammar

_ISO_TIME = regex.compile(
    r"(?<=\d{4}-\d\d-\d\d)(?:T|\s)(?P<time>\d\d:\d\d)(?::(?P<s>[0-5]\d)(?:[.,]\d{1,9})?)?"
    r"(?:(?P<z>Z)|(?P<sign>[+-])(?P<h>\d\d):?(?P<m>\d\d))?(?![\p{L}\d:])"
)
_AIRCRAFT = regex.compile(
    r"(?:(?<=(?<![\d.,-])7[0-8]7)-(?=\d{1,3}\p{Lu}{0,2}(?![\d\p{Ll}]|[.,-]\d))|(?<=(?<![\p{L}\d])\p{Lu}{1,3}\d{2,4})-(?=\d{2,4}(?!\d|[.,-]\d)))"
)
_DURATION = regex.compile(
    r"(?<![\d.,:\p{Latin}\p{Cyrillic}])(?P<h>\d{1,3})\s?(?:h|hr)\s?(?P<m>\d{1,2})(?:(?P<min>\s?(?:min|mins|mn|m))(?:\s?(?P<s>\d{1,2})\s?s)?)?(?![\p{Latin}\p{Cyrillic}\d])"
)
_MINUTES = regex.compile(
    r"(?<![\d.,:\p{Latin}\p{Cyrillic}])(?P<m>\d{1,3})\s?(?:min|m)\s?(?P<s>[0-5]\d)\s?s(?![\p{Latin}\p{Cyrillic}\d])"
)
_PRIMES = regex.compile(r"(?<![\d.,\p{L}°]|°\s?)(?P<m>\d{1,3})['′’]\s?(?P<s>[0-5]?\d)(?:[\"″”]|''|′′)")
_MATCH_MINUTE = regex.compile(
    r"(?<=[（(][ ]?|(?<!(?<!\d)['‘][^'’\n]*)\p{Lu}[\p{L}-]+[ ]|['′’][,;][ ])(?P<n>\d{1,3})(?:\+(?P<more>\d{1,2}))?['′’](?=[ ]?[）)]|[,;.]?(?:[ ]|$))(?!\p{L})"
)
_SPLIT_SECOND = regex.compile(
    r"(?<![\d:.,])(?P<clock>\d{1,2}:[0-5]\d)[.,](?P<rest>\d{1,3})(?![\d:]|[.,]\d)(?:\s?(?:min|мин|分|분)(?!\p{L}))?"
)
_GROUPED = regex.compile(
    r"(?<![\d.,])(?:\d{1,3}(?:,\d{3}){2,}(?:\.\d{1,2})?|(?<=[$£€]\s?)\d{1,3},\d{3}|\d{1,3},\d{3}(?=\s(?:pesos|dólares|dollars|soles|MXN|USD|COP|ARS)\b))(?![.,]?\d)"
)
_ELECTRIC = (
    r"(?i:(?:sicher|strom|steckdos|ladeger|abgesich|netzteil|fusibl|disjonct|prise|courant|intensit|chargeur|corr?ient|corrent|enchufe|toma|diferencial|cargador|magnetot"
    r"|fusib|presa|interrut|aliment|disjun|carregad|предохран|автомат|ток|розетк|заряд)\p{L}*|\d[ ]?(?:k?[VW]|к?Вт?)(?!\p{L}))"
)
_AFTER_LINK = r"(?:mit|von|bis|bei|max\.|de|da|di|à|até|hasta|con|com|avec|до|на|от)"
_AMPERE = regex.compile(
    rf"(?<=(?<![\p{{L}}\d.,-])(?:\d{{1,4}}[-–])?\d{{1,4}})(?<={_ELECTRIC}[^\n]{{0,40}}|\b{_AFTER_LINK}[ ][\d–-]+)[ ]?[AА](?![\p{{L}}\p{{N}}'’-]|[ ](?:класс|\p{{Lu}}\b))"
    rf"|(?<=(?<![\p{{L}}\d.,-])\d{{1,4}})[ ]?[AА](?![\p{{L}}\p{{N}}'’-])(?=[^\n.]{{0,25}}{_ELECTRIC})|(?<=(?<![\p{{L}}\d.,-])\d{{1,3}},\d{{1,2}})[ ][AА](?![\p{{L}}\p{{N}}'’-])"
)
_SWAPPED = str.maketrans(".,", ",.")
_LONGEST_FOOT = 11


class Shapes:
    """Built once per grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._units = dict(zip("hms", grammar.duration_units, strict=True))

    def rewrite(self, text: AlignedText) -> None:
        text.sub(_ISO_TIME, self._iso_time, final=False)
        if self._grammar.decimal_mark == ",":  # "1,234,567"
            text.sub(_GROUPED, lambda match: match[0].translate(_SWAPPED), final=False)
        if not self._grammar.own_shapes:
            text.sub(_AIRCRAFT, lambda _: ", " if self._grammar.decimal_mark == "," else " ", final=False)
        text.sub(_DURATION, self._duration, final=False)
        text.sub(_MINUTES, lambda match: self._amounts(m=match["m"], s=match["s"]), final=False)
        if not self._grammar.own_shapes:
            text.sub(_PRIMES, self._primes, final=False)
        if self._grammar.match_minute:
            text.sub(_MATCH_MINUTE, self._match_minute, final=False)
        if self._grammar.ampere:
            text.sub(_AMPERE, lambda _: f" {self._grammar.ampere}", final=False)
        text.sub(_SPLIT_SECOND, self._split_second, final=False)

    @staticmethod
    def _iso_time(match: regex.Match[str]) -> str:
        time = match["time"] if match["s"] in (None, "00") else f"{match['time']}:{match['s']}"
        zone = " UTC" if match["z"] else ""
        if match["sign"]:
            minutes = "" if match["m"] == "00" else f":{match['m']}"
            zone = f" UTC{match['sign']}{int(match['h'])}{minutes}"
        return f" {time}{zone}"

    def _duration(self, match: regex.Match[str]) -> str | None:
        if match["min"] is None and self._grammar.clock_by_h:
            return None
        return self._amounts(h=match["h"], m=match["m"], s=match["s"])

    def _primes(self, match: regex.Match[str]) -> str | None:
        if self._grammar.feet_by_prime and int(match["s"]) <= _LONGEST_FOOT:
            return None
        return self._amounts(m=match["m"], s=match["s"])

    def _match_minute(self, match: regex.Match[str]) -> str:
        return self._grammar.match_minute.format(match["n"]) + (f" + {match['more']}" if match["more"] else "")

    def _amounts(self, **values: str | None) -> str:
        return " ".join(f"{int(value)} {self._units[unit]}" for unit, value in values.items() if value)

    def _split_second(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        if grammar.laps_by_clock:
            return f"{match['clock']} {grammar.join(grammar.point, grammar.digits(match['rest']))}"
        minutes, seconds = match["clock"].split(":")
        minute, second = self._units["m"], self._units["s"]
        whole = f"{int(minutes)} {minute} " if int(minutes) else ""
        return f"{whole}{int(seconds)}{grammar.decimal_mark}{match['rest']} {second}"
