"""Russian fractions, ranges and ordinals after a preposition, and abbreviations in its case: "в 3/4 случаев", "на ул.".

In: the grammar's cardinals and ordinals. Out: rules (see grammar.Rule).
"""

from __future__ import annotations

from collections.abc import Callable

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import Noun
from qwen3tts_webui.text.normalize.quantities import alternatives
from qwen3tts_webui.text.normalize.signs import roman_value

Cardinal = Callable[[int, str, str], str]
Inflected = Callable[[int, str, str], str]

GENITIVE = (
    r"(?:до|у|старше|младше|моложе|выше|ниже|дольше|дороже|дешевле|из|от|без|для|после|кроме|среди|вместо|около|свыше|более|менее|больше|меньше|ок\.|св\."
    r"|порядка|достиг\p{L}*|в течение|течение|на протяжении|в размере|в возрасте|в районе|в количестве|в пределах|против|не хватает|нет|глубже|длиннее|тяжелее|быстрее|раньше|позже)"
)
"""Words before a number in the genitive."""
_ACCUSATIVE = r"(?:за|через|на|в|во|по|под|про|спустя)"
_QUARTERS = {3: ("трети", "третей", "третях", "третям"), 4: ("четверти", "четвертей", "четвертях", "четвертям")}
_CASES = {"n": 0, "a": 0, "g": 1, "p": 2, "d": 3}
_TAKES_HALF = r"\p{L}+(?:йте|ите|ьте|ать|ить|еть|ять|уть|ем|им|ает|яет|ает|ил|ила|или|ал|ала|али)"
_SHORTS: dict[str, tuple[str, ...]] = {
    "ул": ("улица", "улицы", "улице", "улице"),
    "пл": ("площадь", "площади", "площади", "площади"),
    "просп": ("проспект", "проспекта", "проспекту", "проспекте"),
    "пр-т": ("проспект", "проспекта", "проспекту", "проспекте"),
    "пер": ("переулок", "переулка", "переулку", "переулке"),
    "наб": ("набережная", "набережной", "набережной", "набережной"),
    "г": ("город", "города", "городу", "городе"),
    "пос": ("посёлок", "посёлка", "посёлку", "посёлке"),
    "дер": ("деревня", "деревни", "деревне", "деревне"),
    "тел": ("телефон", "телефона", "телефону", "телефоне"),
    "гл": ("глава", "главы", "главе", "главе"),
    "рис": ("рисунок", "рисунка", "рисунку", "рисунке"),
    "табл": ("таблица", "таблицы", "таблице", "таблице"),
    "стр": ("страница", "страницы", "странице", "странице"),
    "с": ("страница", "страницы", "странице", "странице"),
    "т": ("том", "тома", "тому", "томе"),
    "д": ("дом", "дома", "дому", "доме"),
    "кв": ("квартира", "квартиры", "квартире", "квартире"),
    "корп": ("корпус", "корпуса", "корпусу", "корпусе"),
    "оф": ("офис", "офиса", "офису", "офисе"),
    "каб": ("кабинет", "кабинета", "кабинету", "кабинете"),
    "ауд": ("аудитория", "аудитории", "аудитории", "аудитории"),
    "эт": ("этаж", "этажа", "этажу", "этаже"),
}
"""Nominative, genitive, dative and prepositional."""
_PLACES = "ул|пл|просп|пр-т|пер|наб|г|пос|дер"
_SHORT_CASES = {"по": 2, "к": 2, "в": 3, "во": 3, "на": 3, "о": 3, "с": 1, "из": 1, "от": 1, "до": 1, "у": 1, "около": 1, "без": 1, "для": 1}  # fmt: skip
_DAYS = r"\b(?i:пн|вт|ср|чт|пт|сб|вс)\b"
_DAYS_ON = dict(zip(("пн", "вт", "ср", "чт", "пт", "сб", "вс"), ("понедельникам", "вторникам", "средам", "четвергам", "пятницам", "субботам", "воскресеньям"), strict=True))  # fmt: skip
_CLASSES = {"класс": "n", "класса": "g", "классу": "d", "классом": "i", "классе": "p"}
_NO_FEMININE = r"(?:или|если|либо|также|тоже|дважды|после|возле|вместе|кроме|даже|уже|ещё|более|менее|года|три|пять|мили|дети|люди|годы|дни)\b"


def early_rules(grammar: Grammar, inflected: Inflected) -> tuple[Rule, ...]:
    """Abbreviations in the case of the preposition before them."""
    before = "|".join(_SHORT_CASES)
    return (
        (rf"(?<=(?P<in>\b(?i:{before}))[ ])(?P<short>{_PLACES})\.(?=[ ]?(?:\p{{Lu}}|\d+-))", _in_case),
        (r"(?<=(?P<in>\b(?i:по|на))[ ])(?P<short>тел)\.(?=[ :]*[+\d(])", _in_case),
        (rf"(?<=(?P<in>\b(?i:{before}))[ ])(?P<short>гл|рис|табл|стр|с|т|д|кв|корп|оф|каб|ауд)\.(?=[ ]?(?:\d|[IVX]+\b))(?!.[ ]?\d+[ ]?(?:м|км|%)\b)", _in_case),
        (r"(?<=\p{L}(?P<of>ой|ая|ую)[ ])обл\.(?!\p{L})", lambda m: {"ой": "области", "ая": "область", "ую": "область"}[m["of"]]),
        (r"(?:(?<=\b(?P<in>[Вв])[ ]))?(?<![\p{L}\d.,])(?P<n>[1-4](?:-й)?|I{1,3}|IV)[ ]кв\.(?=[ ](?:20|19)\d\d)", lambda m: _quarter(inflected, m)),
        (r"(?<![\p{L}\d][ ]?)ч\.[ ]?(\d{1,2})(,?)[ ]ст\.(?=[ ]\d)", lambda m: f"часть {grammar.cardinal(int(m[1]))}{m[2]} статьи"),
        (r"(?<!\d)(\d{4})[ ]?г\.[ ]?([вр])\.(?!\p{L})", lambda m: f"{inflected(int(m[1]), 'g', 'm')} года {'выпуска' if m[2] == 'в' else 'рождения'}" + grammar.stop_after(m, ".")),
        (rf"(?<=(?<!\b[Сс][ ]{_DAYS},?[ ])\b[Пп]о[ ]){_DAYS}(?:,[ ]{_DAYS})*[ ]и[ ]{_DAYS}(?!\p{{L}})", lambda m: regex.sub(_DAYS, lambda day: _DAYS_ON[day[0].lower()], m[0])),
        (r"(?<=№[ ]?\d{1,6}(?:-\p{L})?)/(?=\d)", lambda m: " дробь "),
    )  # fmt: skip


def rules(grammar: Grammar, cardinal: Cardinal, inflected: Inflected, units: dict[str, Noun]) -> tuple[Rule, ...]:
    """After dates and times, before the rules for single amounts."""

    def fraction(case: str) -> Callable[[regex.Match[str]], str | None]:
        return lambda match: _fraction(cardinal, inflected, int(match["a"]), int(match["b"]), case)

    def span(case: str) -> Callable[[regex.Match[str]], str | None]:
        def say(match: regex.Match[str]) -> str | None:
            low, high = int(match["a"]), int(match["b"])
            unit = units.get(match.groupdict().get("unit") or "")
            gender = (
                unit.gender
                if unit
                else "f"
                if regex.match(r"[ ]\p{Ll}+(?<!раза)[ыи]\b", match.string[match.end() :])
                else "m"
            )
            if low >= high or "0" in (match["a"][0], match["b"][0]):
                return None
            if case == "g":
                tail = f" {unit.forms[-1]}" if unit else ""
                return f"{cardinal(low, gender, 'g')} — {cardinal(high, gender, 'g')}{tail}{grammar.stop_after(match, '.')}"
            first = cardinal(low, gender, case).replace("одна", "одну") if case == "n" else cardinal(low, gender, case)
            said = grammar.amount(grammar.number(match["b"]), unit) if unit else cardinal(high, gender, case)
            return f"{first}-{said}{grammar.stop_after(match, '.')}"

        return say

    part = r"(?<![\d/.,])(?<!\d[ ])(?P<a>\d{1,2})/(?P<b>[3-9]|1\d)(?![\d/]|[.,]\d)"
    ends = rf"(?:[ \u00a0]?(?P<unit>{alternatives(units)})(?![\p{{L}}\d/²³])|(?=[ ]\p{{Ll}}{{3,}}))"
    both = r"(?<![\d.,])(?P<a>\d{1,4})[ ]?[–-][ ]?(?P<b>\d{1,4})(?![\d.:/,]*\d)"
    feminine = rf"(?=[ ](?!{_NO_FEMININE})(?:\p{{Ll}}+(?:ой|ей)[ ])?(?!{_NO_FEMININE})\p{{Ll}}{{2,}}[еиы]\b(?<!ий|ый))"
    one = r"(?<![\d.,:/-])(?P<n>(?:\d*[02-9])?1)"
    return (
        (rf"(?<=\b[Пп]о[ ]){one}(?=[ ]\p{{Ll}}{{2,}}[еи]\b)", lambda m: cardinal(int(m["n"]), "f", "d")),
        (rf"(?<=\b[Пп]о[ ]){one}(?=[ ]\p{{Ll}}{{2,}}[ую]\b)", lambda m: cardinal(int(m["n"]), "m", "d")),
        (rf"(?<=\b[Сс]о?[ ]){one}(?=[ ]\p{{Ll}}{{2,}}(?:ом|ем|ём)\b)", lambda m: cardinal(int(m["n"]), "m", "i")),
        (rf"(?<=\b[Сс]о?[ ]){one}(?=[ ]\p{{Ll}}{{2,}}(?:ой|ей)\b)", lambda m: cardinal(int(m["n"]), "f", "i")),
        (r"(?<=\b(?:[Мм]ежду|[Нн]ад|[Пп]од|[Пп]еред|[Сс]о?)[ ](?:\d+-м[ ]и[ ])?)(?P<n>\d{1,3})-м(?![\p{L}-])", lambda m: inflected(int(m["n"]), "i", "m")),
        (r"(?<=\b(?:[Нн]а|[Вв])[ ]\d{1,4}-м[ ])км\b", lambda m: "километре"),
        (rf"(?<=\b(?i:{GENITIVE})[ ]){part}", fraction("g")),
        (rf"(?<=\b(?i:в|во|на|о|об|при)[ ]){part}(?=[ ]\p{{Ll}}+(?:ов|ев|ей|ий|ых|их|а|ы|и)\b)", fraction("p")),
        (rf"(?<=\b(?i:к|ко)[ ]){part}", fraction("d")),
        (rf"(?<=(?P<verb>\b{_TAKES_HALF}|\b(?i:{_ACCUSATIVE}|{GENITIVE}))[ ])1/2(?=[ ]\p{{Ll}})", _half),
        (rf"(?<=\b(?i:{GENITIVE})[ ]){both}{ends}", span("g")),
        (rf"(?<=\b(?i:в|во|на|о|об|при)[ ]){both}(?=[ ](?:\p{{Ll}}+(?:ых|их)[ ])?\p{{Ll}}+(?:ах|ях)\b)", span("p")),
        (rf"(?<=\b(?i:к|ко)[ ]){both}(?=[ ]\p{{Ll}}+(?:ам|ям)\b)", span("d")),
        (rf"(?<=\b(?i:{_ACCUSATIVE})[ ]){both}{ends}", span("n")),
        (rf"(?<![\d.,])(?P<n>\d{{1,4}})-й{feminine}", lambda m: inflected(int(m["n"]), "g", "f")),
        (r"(?<![\d.,])(?P<n>[2-4])-(?:ё?х|ух)(?![\p{L}-])", lambda m: cardinal(int(m["n"]), "m", "g")),
        (r"(?<![\d.,])(?P<n>\d{1,3})-(?:ти|ми)(?!\p{L})", lambda m: cardinal(int(m["n"]), "m", "g" if m[0].endswith("ти") else "i")),
        (r"(?<![\d.,])(?P<n>\d{1,3})-(?:ю|мя)(?![\p{L}])(?=[ ]\p{Ll}+(?:ами|ями)\b)", lambda m: cardinal(int(m["n"]), "m", "i")),
        (rf"(?<![\d.,])(?P<n>1?\d)(?:[ ]?-?[ ]?)(?P<letter>[«\"„]?[А-Е][»\"“]?)[ ](?P<noun>{'|'.join(sorted(_CLASSES, reverse=True))})\b", lambda m: f"{inflected(int(m['n']), _CLASSES[m['noun']], 'm')} {m['letter']} {m['noun']}"),
        (r"(?<=\b[Вв]о?[ ])(?P<n>1?\d)[ ]?-?[ ]?(?P<letter>[«\"„][А-Е][»\"“])", lambda m: f"{inflected(int(m['n']), 'p', 'm')} {m['letter']}"),
        (r"(?<![\d.,:/-]|\d[ ])(?P<n>(?:[2-9]?[2-4])|\d+[02-9][2-4])(?=[ ](?!(?:часов|вместо)\b)\p{Ll}{2,}(?:ов|ев|ей)\b)", lambda m: cardinal(int(m["n"]), "m", "g")),
    )  # fmt: skip


def _in_case(match: regex.Match[str]) -> str:
    return _SHORTS[match["short"]][_SHORT_CASES[match["in"].lower()]]


def _quarter(inflected: Inflected, match: regex.Match[str]) -> str:
    """ "в III кв. 2024 г."."""
    number = int(match["n"][0]) if match["n"][0].isdecimal() else roman_value(match["n"])
    return f"{inflected(number, 'p', 'm')} квартале" if match["in"] else f"{inflected(number, 'n', 'm')} квартал"


def _half(match: regex.Match[str]) -> str:
    """ "возьмите 1/2 стакана"."""
    return "половины" if regex.fullmatch(GENITIVE, match["verb"].lower()) else "половину"


def _fraction(cardinal: Cardinal, inflected: Inflected, top: int, bottom: int, case: str) -> str | None:
    if top >= bottom:
        return None
    said, is_one = cardinal(top, "f", case), top == 1
    if bottom in _QUARTERS:
        name = _QUARTERS[bottom][0 if is_one else _CASES[case]]
    else:
        name = inflected(bottom, case, "f")
        name = name if is_one else regex.sub(r"ой$", "ым" if case == "d" else "ых", name)
    return f"{said} {name}"
