"""What is written but not spelled -> words: dates, times, money, percent, units, signs and, where it is needed, digits.

In: cleaned text and its language. Out: the same text as it is said. Everything it knows of a language is in
assets/preview/readings.json; plain numbers are left to the reader where that can read them (espeak-ng, Open JTalk).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qwen3tts_webui.preview.phonemes import numerals

_NUMBER = r"\d+(?:[.,]\d+)?"
_ISO_DATE = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?(?![\d:])(?:\s*(?:Uhr|h)\b)?")
_GERMAN_DAY = re.compile(r"\b(?:(am|dem|den|vom|zum)\s+)?(\d{1,2})\.(?=\s+[A-ZÄÖÜ])", re.IGNORECASE)
_ENGLISH = frozenset({"en", "zh", "ja", "ko"})  # 1,234.5; elsewhere 1.234,5


@dataclass(frozen=True, slots=True)
class Reading:
    """How one language says what is written in signs; the fields of readings.json."""

    percent: str
    point: str
    degree: str
    time: str
    hour: str
    date: str
    months: str
    currencies: dict[str, list[str]]
    units: dict[str, str]
    signs: dict[str, str]


class Written:
    """The readings of all ten languages."""

    def __init__(self, readings: Path) -> None:
        self._readings = {code: Reading(**fields) for code, fields in json.loads(readings.read_text("utf-8")).items()}

    def __call__(self, text: str, language: str) -> str:
        """`text` with its signs in words."""
        reading = self._readings[language]
        text = text.replace("￥", "¥").replace("％", "%").replace("℃", "°C").replace("℉", "°F")
        text = _ISO_DATE.sub(lambda match: _date(match, reading), text)
        text = _TIME.sub(lambda match: _time(match, reading, language), text)
        text = _plain_digits(text, language)
        text = _money(text, reading)
        text = _percent(text, reading, language)
        text = _units(text, reading)
        for sign, word in reading.signs.items():
            text = text.replace(sign, f" {word} ")
        text = text.replace("°", f" {reading.degree} ")
        if language == "de":
            text = _GERMAN_DAY.sub(_german_day, text)
        return re.sub(r"  +", " ", _NUMERALS.get(language, _unchanged)(text))


def _unchanged(text: str) -> str:
    return text


_NUMERALS: dict[str, Callable[[str], str]] = {"zh": numerals.chinese, "ko": numerals.korean}


def _date(match: re.Match[str], reading: Reading) -> str:
    year, month, day = (int(part) for part in match.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match.group()
    return reading.date.format(y=year, month=reading.months.split()[month - 1], d=day)


def _time(match: re.Match[str], reading: Reading, language: str) -> str:
    hour, minute = int(match[1]), int(match[2])
    if not minute:
        return reading.hour.format(h=hour)
    spoken = f"oh {minute}" if language == "en" and minute < 10 else str(minute)
    return reading.time.format(h=hour, m=spoken)


def _plain_digits(text: str, language: str) -> str:
    """Thousands without separators; the decimal sign that the language's own reader knows."""
    if language in _ENGLISH:
        return re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d)[. \u00a0\u202f](?=\d{3}(?!\d))", "", text)
    return re.sub(r"(?<=\d)\.(?=\d)", ",", text)


def _money(text: str, reading: Reading) -> str:
    """ "$20.50" and "20,50 €": the amount, the money, the small change."""
    for sign, (whole, change) in reading.currencies.items():

        def said(match: re.Match[str], whole: str = whole, change: str = change) -> str:
            amount = match["a"] or match["b"]
            units, _, cents = amount.replace(",", ".").partition(".")
            if len(cents) != 2 or not int(cents):
                return f"{amount if cents.strip('0') else units} {whole} "
            return f"{units} {whole} {int(cents)} {change} "

        mark = re.escape(sign)
        text = re.sub(rf"{mark}\s*(?P<a>{_NUMBER})|(?P<b>{_NUMBER})\s*{mark}", said, text)
    return text


def _percent(text: str, reading: Reading, language: str) -> str:
    if language == "zh":
        return re.sub(rf"({_NUMBER})\s*%", rf"{reading.percent}\1", text)
    return re.sub(r"(?<=\d)\s*%", f" {reading.percent}", text)


def _units(text: str, reading: Reading) -> str:
    for unit in sorted(reading.units, key=len, reverse=True):
        text = re.sub(rf"(?<=\d)\s*{re.escape(unit)}(?![A-Za-zА-я0-9/])", f" {reading.units[unit]}", text)
    return text


def _german_day(match: re.Match[str]) -> str:
    """ "am 3. März" -> "am dritten März": espeak-ng would end a sentence there."""
    before, day = match[1], int(match[2])
    if not 1 <= day <= 31:
        return match.group()
    return f"{before} {numerals.german_ordinal(day)}n" if before else f"{numerals.german_ordinal(day)}"
