"""Digits -> words where a reader knows only letters: Chinese and Korean; and German days of the month."""

from __future__ import annotations

import re

_CODE_LENGTH = 7  # a longer row of digits is a telephone number or a code, and read digit by digit
_CHINESE_DIGITS = "零一二三四五六七八九"
_CHINESE_YEAR = re.compile(r"(?<!\d)(\d{4})(?=\s*年)")
_MINUS = re.compile(r"(?<![\w])[-−](?=\d)")
_RANGE = re.compile(r"(?<=\d)\s*[-~～–](?=\s*\d)")
_FRACTION = re.compile(r"(?<![\d/])(\d{1,4})/(\d{1,4})(?![\d/])")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")

_SINO_DIGITS = "영일이삼사오육칠팔구"
_SINO_SMALL = ("", "십", "백", "천")
_SINO_LARGE = ("", "만", "억", "조", "경")
_NATIVE_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_NATIVE_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_NATIVE_COUNTED = re.compile(
    r"(?<![\d.])(\d{1,2})(?=\s*(?:시(?!간표)|개(?!월|국)|명|살|번째|마리|잔|병|권|대|장|송이|사람|가지|군데))"
)
_KOREAN_MONTHS = {"6월": "유월", "10월": "시월"}

_ORDINALS = {1: "erste", 3: "dritte", 7: "siebte", 8: "achte"}
_GERMAN = (
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
)


def chinese(text: str) -> str:
    """All digits in `text` as characters: years and codes digit by digit, everything else as a number."""
    text = _CHINESE_YEAR.sub(lambda match: _digit_by_digit(match[1]), text)
    text = _FRACTION.sub(lambda match: f"{match[2]}分之{match[1]}", text)
    text = _RANGE.sub("到", _MINUS.sub("负", text))
    return _NUMBER.sub(lambda match: _chinese_number(match.group()), text)


def _digit_by_digit(digits: str) -> str:
    return "".join(_CHINESE_DIGITS[int(digit)] for digit in digits)


def _chinese_number(number: str) -> str:
    import cn2an

    whole, _, decimals = number.partition(".")
    if not decimals and (
        (len(whole) >= _CODE_LENGTH and not whole.endswith("0000")) or (len(whole) > 1 and whole[0] == "0")
    ):
        return _digit_by_digit(whole)
    if len(whole) > 15:
        return _digit_by_digit(whole + decimals)
    spoken = str(cn2an.an2cn(str(int(whole)), "low"))
    return f"{spoken}点{_digit_by_digit(decimals)}" if decimals else spoken


def korean(text: str) -> str:
    """All digits in `text` as Hangul: native numbers before what Koreans count so, Chinese ones elsewhere."""
    for month, said in _KOREAN_MONTHS.items():
        text = re.sub(rf"(?<!\d){month}", said, text)
    text = _RANGE.sub("에서 ", _MINUS.sub("마이너스 ", text))
    text = _NATIVE_COUNTED.sub(lambda match: _native(int(match[1])), text)
    return _NUMBER.sub(lambda match: _sino(match.group()), text)


def _native(number: int) -> str:
    if number == 20:
        return "스무"
    if not number:
        return "영"
    return _NATIVE_TENS[number // 10] + _NATIVE_ONES[number % 10]


def _sino(number: str) -> str:
    whole, _, decimals = number.partition(".")
    if len(whole) > 20 or (len(whole) > 1 and whole[0] == "0"):
        spoken = "".join(_SINO_DIGITS[int(digit)] for digit in whole)
    else:
        spoken = _sino_whole(int(whole))
    return f"{spoken}점{''.join(_SINO_DIGITS[int(digit)] for digit in decimals)}" if decimals else spoken


def _sino_whole(number: int) -> str:
    if not number:
        return _SINO_DIGITS[0]
    groups: list[str] = []
    for large in _SINO_LARGE:
        number, group = divmod(number, 10_000)
        if group:
            spoken = "".join(
                ("" if digit == "1" and place else _SINO_DIGITS[int(digit)]) + _SINO_SMALL[place]
                for place, digit in zip(range(len(str(group)) - 1, -1, -1), str(group), strict=True)
                if digit != "0"
            )
            groups.append(("" if spoken == "일" and large == "만" else spoken) + large)
    return "".join(reversed(groups))


def german_ordinal(day: int) -> str:
    """1 to 31 as it stands before a month: "dritte", "zweiundzwanzigste"."""
    if day in _ORDINALS:
        return _ORDINALS[day]
    if day < 20:
        return f"{_GERMAN[day]}te"
    tens = "zwanzig" if day < 30 else "dreißig"
    ones = "" if day % 10 == 0 else ("ein" if day % 10 == 1 else _GERMAN[day % 10]) + "und"
    return f"{ones}{tens}ste"
