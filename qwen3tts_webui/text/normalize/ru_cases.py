"""Russian endings; amounts after a preposition: "до 5 кг" -> "до пяти килограммов"; numbers that agree with their noun."""

from __future__ import annotations

from collections.abc import Callable

import regex

from qwen3tts_webui.text.normalize.grammar import Rule
from qwen3tts_webui.text.normalize.numbers import Noun, Number

TENTHS = {1: ("десятая", "десятых"), 2: ("сотая", "сотых"), 3: ("тысячная", "тысячных")}
ORDINAL_ENDINGS = {
    "й": ("n", "m"), "ый": ("n", "m"), "ой": ("n", "m"), "ий": ("n", "m"), "го": ("g", "m"), "ого": ("g", "m"), "му": ("d", "m"), "ому": ("d", "m"),
    "м": ("p", "m"), "ом": ("p", "m"), "я": ("n", "f"), "ая": ("n", "f"), "ю": ("a", "f"), "ую": ("a", "f"), "е": ("n", "n"), "ое": ("n", "n"),
}  # fmt: skip
YEAR_TAILS = {
    "год": "n",
    "года": "g",
    "г.": "g",
    "году": "p",
    "годом": "i",
    "гг.": "n",
    "годы": "n",
    "годов": "g",
    "годах": "p",
}
DATE_CASES = {"по": ("n", "n"), "на": ("n", "n"), "за": ("n", "n"), "к": ("d", "m"), "ко": ("d", "m")}
_PARTS = {1: ("десятой", "десятых"), 2: ("сотой", "сотых"), 3: ("тысячной", "тысячных")}


def genitive(
    number: Number, cardinal: Callable[[int, str, str], str], size: Noun | None, noun: Noun | None
) -> str | None:
    """`size` is a magnitude ("млн"), `noun` the counted noun; None: a fraction with too many digits."""
    counted = size or noun
    if number.fraction:
        if len(number.fraction) not in _PARTS:
            return None
        part = int(number.fraction)
        whole = f"{cardinal(number.value, 'f', 'g')} {'целой' if is_one(number.value) else 'целых'}"
        said = f"{whole} {cardinal(part, 'f', 'g')} {_PARTS[len(number.fraction)][0 if is_one(part) else 1]}"
        word = counted.forms[min(1, len(counted.forms) - 1)] if counted else ""
    else:
        said = cardinal(number.value, counted.gender if counted else "m", "g")
        word = _form(counted, number.value) if counted else ""
    tail = noun.forms[-1] if size and noun else ""
    return " ".join(filter(None, (said, word, tail)))


def _form(noun: Noun, value: int) -> str:
    return noun.forms[1 if len(noun.forms) > 2 and is_one(value) else -1]


def is_one(value: int) -> bool:
    """Whether the counted noun is in the singular: 1, 21, but not 11."""
    return value % 10 == 1 and value % 100 != 11


_SOFT_FEMININE = r"\p{Ll}*(?:[чщжш]ь|(?<!г)ость|есть|асть|(?<!го)сть|знь|овь|едаль|очередь|кровать|площадь|тетрадь|дверь|роль|соль|боль|цель|модель|деталь|печать|степень|осень|нефть|сеть|ветвь|цепь|треть|четверть|запись|подпись|скорость|емкость)"
_NO_NOUN = (
    r"(?:евро|после|около|вместо|кроме|тоже|даже|уже|или|для|если|при|года|раза|дня|часа|была?|было|были|нужн\p{L}|можно|надо|дядя|мужчина"
    r"|мая|января|февраля|марта|апреля|июня|июля|августа|сентября|октября|ноября|декабря)\b"
)


def _small_range(cardinal: Callable[[int, str, str], str]) -> Callable[[regex.Match[str]], str | None]:
    """ "2-3 раза", with a noun in the singular."""

    def say(match: regex.Match[str]) -> str | None:
        low, high = int(match["n"]), int(match["m"])
        if low >= high or 10 < high < 15 or match["n"][0] == "0":
            return None
        gender = "f" if match["noun"][-1] in "ыи" else "m"
        return f"{cardinal(low, gender, 'n')}-{cardinal(high, gender, 'n')}"

    return say


def case_rules(cardinal: Callable[[int, str, str], str]) -> tuple[Rule, ...]:
    """Numbers with the case and gender that the ending of the next word shows: "с 10 детьми", "в 3 городах", "1 щепотка"."""
    one = r"(?P<n>(?:\d{1,3}[ \u00a0\u202f])*(?:\d*[02-9])?1|\d{1,3}(?:[ \u00a0\u202f]\d{3})*[ \u00a0\u202f]\d?[02-9]1)"
    start, number = r"(?<![\d.,:/-]|\d[ \u00a0])", r"(?P<n>\d{1,3}(?:[ \u00a0\u202f]\d{3})+|\d{1,6})"

    def said(case: str, gender: str = "m") -> Callable[[regex.Match[str]], str | None]:
        def say(match: regex.Match[str]) -> str | None:
            return None if match["n"][0] == "0" else cardinal(int(regex.sub(r"\D", "", match["n"])), gender, case)

        return say

    return (
        (rf"(?<=\b[Вв]о?[ ]){start}{number}[ ](?P<unit>км|м)(?=[ ]от\b)", lambda m: f"{cardinal(int(m['n']), 'm', 'p')} {'кило' * (m['unit'] == 'км')}метр{'е' if is_one(int(m['n'])) else 'ах'}"),
        (rf"(?<=\b[Мм]ежду[ ]){start}(?P<n>\d{{1,6}})[ ]и[ ](?P<m>\d{{1,6}})(?![\d.,:/-]*\d)", lambda m: f"{cardinal(int(m['n']), 'm', 'i')} и {cardinal(int(m['m']), 'm', 'i')}"),
        (rf"{start}{number}(?=[ ](?!{_NO_NOUN})(?:\p{{Ll}}+(?:ыми|ими)[ ])?\p{{Ll}}+(?:ами|ями|ьми)\b)", said("i")),
        (rf"(?<=\b(?i:в|во|на|о|об|при)[ ]){start}{number}(?=[ ](?:\p{{Ll}}+(?:ых|их)[ ])?\p{{Ll}}+(?:ах|ях)\b)", said("p")),
        (rf"(?<=\b(?i:к|ко|по)[ ]){start}{number}(?=[ ](?:\p{{Ll}}+(?:ым|им)[ ])?\p{{Ll}}+(?:ам|ям)\b)", said("d")),
        (rf"(?<=\b[Сс]о?[ ]){start}{number}(?=[ ](?:лет|часов|утра|вечера)\b)", said("g")),
        (r"(?<![\d.,])1,5(?=[ ](?!млн|млрд|трлн|тыс)(?P<noun>\p{Ll}{3,})(?!\p{L}|\.(?!\s*$)))", lambda m: "полторы" if m["noun"][-1] in "ыи" else "полтора"),
        (rf"{start}(?P<n>\d{{1,2}})[–-](?P<m>\d{{0,1}}[1-4])(?=[ ](?P<noun>\p{{Ll}}{{3,}})(?!\p{{L}}|\.(?!\s*$|\s+\p{{Lu}})))", _small_range(cardinal)),
        (r"√(?P<n>\d{1,6})(?![\d.,]*\d)", lambda m: f"корень из {cardinal(int(m['n']), 'm', 'g')}"),
        (rf"{start}{one}(?=[ ](?!{_NO_NOUN})\p{{Ll}}{{2,}}[ая]\b)", said("n", "f")),
        (rf"{start}{one}(?=[ ]{_SOFT_FEMININE}\b)", said("n", "f")),
        (rf"{start}{one}(?=[ ](?!{_NO_NOUN})\p{{Ll}}{{3,}}[ыи]\b(?<!ни|ди|ри))", said("g", "f")),
        (rf"{start}{one}(?=[ ](?!{_NO_NOUN})\p{{Ll}}{{2,}}[ую]\b)", said("a", "f")),
        (rf"{start}{one}(?=[ ](?!{_NO_NOUN})\p{{Ll}}{{2,}}[ое]\b)", said("n", "n")),
        (rf"{start}(?P<n>(?:\d*[02-9])?2)(?=[ ](?!{_NO_NOUN})\p{{Ll}}{{2,}}[ыи]\b)", said("n", "f")),
        (rf"{start}(?P<n>(?:\d*[02-9])?[12])(?=[ ](?:минут|секунд|тонн|копе|тысяч)\p{{L}}*)", said("n", "f")),
    )  # fmt: skip
