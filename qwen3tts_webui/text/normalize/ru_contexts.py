"""Russian numbers next to certain words: Bible verses, ratings, rates, comparisons, hours, amounts after "при" and "к".

In: the grammar. Out: rules (see grammar.Rule).
"""

from __future__ import annotations

from collections.abc import Callable

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import COMMA, Noun, noun, words
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.quantities import alternatives
from qwen3tts_webui.text.normalize.ru_cases import is_one

BOOKS = words("""
    Быт = Бытие
    Исх = Исход
    Лев = Левит
    Числ = Числа
    Втор = Второзаконие
    Нав = Иисус Навин
    Пс = псалом
    Притч = Притчи
    Еккл = Екклесиаст
    Ис = Исаия
    Иер = Иеремия
    Дан = Даниил
    Мф = от Матфея
    Мк = от Марка
    Лк = от Луки
    Ин = от Иоанна
    Деян = Деяния
    Рим = к Римлянам
    Кор = к Коринфянам
    Гал = к Галатам
    Еф = к Ефесянам
    Флп = к Филиппийцам
    Кол = к Колоссянам
    Тим = к Тимофею
    Евр = к Евреям
    Иак = Иакова
    Пет = Петра
    Откр = Откровение
""")
PER = words("""
    мес. = в месяц
    мес = в месяц
    месяц = в месяц
    год = в год
    г. = в год
    нед. = в неделю
    нед = в неделю
    неделю = в неделю
    сут. = в сутки
    сут = в сутки
    сутки = в сутки
    дн. = в день
    день = в день
    д = в день
    ч. = в час
    ч = в час
    час = в час
    мин. = в минуту
    мин = в минуту
    с = в секунду
    сек = в секунду
    чел. = с человека
    чел = с человека
    шт. = за штуку
    шт = за штуку
    м² = за квадратный метр
    м2 = за квадратный метр
    кв. м = за квадратный метр
    м³ = за кубический метр
    кг = за килограмм
    л = за литр
    м = за метр
    км = за километр
    т = за тонну
    уп. = за упаковку
    ночь = за ночь
""")
_COUNTED = {
    "уд": noun("удар|удара|ударов"),
    "об": noun("оборот|оборота|оборотов"),
    "р": noun("раз|раза|раз"),
    "р.": noun("раз|раза|раз"),
    "раз": noun("раз|раза|раз"),
    "раза": noun("раз|раза|раз"),
}
_COMPARED = {
    "<": ("менее", "меньше"),
    ">": ("более", "больше"),
    "≤": ("не более", "не больше"),
    "≥": ("не менее", "не меньше"),
}
_PARTS = {"ч.": "часть", "п.": "пункт", "пп.": "подпункт", "абз.": "абзац", "ст.": "статья"}
_WEEK = r"(?:[Пп]н|[Вв]т|[Сс]р|[Чч]т|[Пп]т|[Сс]б|[Вв]с)"
_SCREENS = r"(?:[Мм]онитор|[Дд]испле|[Ээ]кран|[Тт]елевизор|[Дд]иск|[Шш]ин|[Нн]оутбук|[Пп]ланшет|[Тт]руб)\p{L}*"
_FULL_DAYS = dict(zip(PHRASES["ru"].shorts, PHRASES["ru"].weekdays, strict=True))
_ON_DAYS = (
    r"(?:понедельник|вторник|среду|среда|четверг|пятницу|пятница|субботу|суббота|воскресенье|пн|вт|ср|чт|пт|сб|вс)"
)
_ENDINGS = {"d": ("у", "ю", "е", "ам", "ям"), "p": ("е", "е", "е", "ах", "ях"), "i": ("ом", "ем", "ой", "ами", "ями")}
_ADJECTIVES = {"d": ("ому", "ой", "ым"), "p": ("ом", "ой", "ых"), "i": ("ым", "ой", "ыми")}
_YEARS = {"год": "n", "года": "g", "году": "p", "годом": "i"}
Cardinal = Callable[[int, str, str], str]
Inflected = Callable[[int, str], str]


def early_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Before dates and times."""
    return (
        (rf"(?:(?<![\d.,])([1-4])(?:-е)?[ ])?\b({alternatives(BOOKS)})\.?[ ](\d{{1,3}})[:,][ ]?(\d{{1,3}})(?:[-–](\d{{1,3}}))?(?![\d:]|,\d)", lambda m: _verse(grammar, m)),
        (rf"(?<=(?P<in>\b[Вв]о?)[ ])(?P<day>{_WEEK})\.?(?=,?[ ](?:\d|в[ ]))|(?<![\p{{L}}\d][ ]?|[-–—])(?P<day>{_WEEK})\.?(?=,?[ ](?:с[ ])?\d{{1,2}}(?:[:.]\d\d)?[ ]?(?:[-–]|до)|[ ]?[:—–]\s?(?:\d|вых|закр)|[ ]—[ ]|[ ](?:и[ ]|вых|закр))|(?<=\b{_WEEK}\.?(?:,|[ ]и)[ ])(?P<day>{_WEEK})\b\.?", _weekday),
        (rf"(?<=\b{_ON_DAYS}\.?,[ ])(\d{{1,2}})\.(0?[1-9]|1[0-2])(?![\d.:]|,\d)|(?<=\b(?i:с|до|по|к|от|на)[ ])(\d{{1,2}})\.(0[1-9]|1[0-2])(?![\d.:]|,\d|[ ]?(?:%|млн|млрд|руб|км|кг|₽|\$))", lambda m: _day(grammar, m)),
        (r"(?<=\b(?i:в|во|до|после|с|к|около|на)[ ])([01]?\d|2[0-3])\.([0-5]\d)(?=$|[\s,.;)](?![ ]?(?:%|млн|млрд|руб|км|кг|₽|раз))(?!\d))(?<!(?:верси\p{L}|пункт\p{L}*|разделе?|главе)[ ][\d.]+)", lambda m: f"{int(m[1])}:{m[2]}"),
        (rf"(?<=\b(?:{_ON_DAYS}|ежедневно|будни|выходные)[ ])(\d{{1,2}})[–-](\d{{1,2}})(?![\d.:]|[ ]?\p{{L}})", lambda m: f"с {m[1]}:00 до {m[2]}:00"),
    )  # fmt: skip


def rules(grammar: Grammar, cardinal: Cardinal, inflected: Inflected) -> tuple[Rule, ...]:
    """After dates and times."""
    units = {**grammar.units, **{sign: pair[0] for sign, pair in grammar.currencies.items()}, "%": grammar.percent}
    sizes = {key: noun(spec) for key, spec in grammar.magnitudes.items() if "|" in spec}
    return (
        (r"(?<=\b(?:[Оо]ценк\p{L}|[Рр]ейтинг\p{L}{0,2}|[Бб]алл?\p{L}{0,2})[^.!?\d\n]{0,12})(\d{1,3})/(5|10|12|20|50|100)(?![\d/])|(?<![\d./,])(\d{1,3})/(\d{1,3})(?=[ ](?:балл|зв[её]зд)\p{L}*)",
         lambda m: f"{grammar.cardinal(int(m[1] or m[3]))} из {cardinal(int(m[2] or m[4]), 'm', 'g')}"),
        (rf"(?<![\d.,])(?P<n>{COMMA})[ ]?(?P<word>{alternatives(_COUNTED)})/(?P<per>{alternatives(PER)})(?!\p{{L}})", lambda m: f"{grammar.amount(grammar.number(m['n']), _COUNTED[m['word']])} {PER[m['per']]}"),
        (rf"(?<=\d[ ]?(?:тыс\.?[ ]|млн\.?[ ]|млрд\.?[ ])?(?P<word>{alternatives(grammar.currencies)}|таб\.?|капс\.?))/(?P<per>{alternatives(PER)})(?![\p{{L}}\d])", lambda m: f" {PER[m['per']]}" + ("." if m["per"][-1] == "." and not m.string[m.end() :].strip() else "")),
        (r"(?<=\d[ ]?[\p{L}·]{1,6})/100[ ]?км(?!\p{L})", lambda m: None if regex.search(r"\d[ ]?л$", m.string[: m.start()]) else " на сто километров"),
        (r"(?<=%[ ]?\(?)(г/г|м/м|к/к)(?!\p{L})", lambda m: {"г": "год к году", "м": "месяц к месяцу", "к": "квартал к кварталу"}[m[1][0]]),
        (r"(?<=\b(?i:ст|ч|п|пп)\.[ ]\d{1,4}(?:\.\d+)*,?[ ])(ч|п|пп|абз|ст)\.(?=[ ]?\d)", lambda m: _PARTS[m[1] + "."]),
        (rf"(?<![\d.,])(\d{{1,3}}(?:,\d+)?)[ ]?(?:\"|″|'')(?:(?=[ ]{_SCREENS})|(?<={_SCREENS}(?:[ ](?:на|с))?[ ][\d,]+[ ]?[\"″]))", lambda m: grammar.amount(grammar.number(m[1]), noun("дюйм|дюйма|дюймов"))),
        (r"(?P<gap>[ ]?)(?P<sign>[<>≤≥])[ ]?(?=\d)", _compared),
        (rf"(?<=\b(?P<by>[Пп]ри|[Оо]б?|[Кк]|равн[аоы]?|равен)[ ])(?P<n>{COMMA})(?![\d/:]|-|[–—]\d)(?:[ \u00a0]?(?P<size>{alternatives(sizes)})(?!\p{{L}}))?(?:[ \u00a0]?(?P<unit>{alternatives(units)})(?![\p{{L}}\d/²³]))?", lambda m: _oblique(grammar, cardinal, m, sizes, units)),
        (rf"(?<=\b[Пп]о[ ])1[ ](?P<unit>{alternatives(units)})(?![\p{{L}}\d/²³])", lambda m: f"{cardinal(1, units[m['unit']].gender, 'd')} {declined(units[m['unit']], 1, 'd')}"),
        (r"(?<![\d.,/])(\d{4})/(\d{2}|\d{4})(?=[ ](?:учебн\p{L}+[ ]|финансов\p{L}+[ ])?(?P<tail>год|года|году|годом)(?!\p{L}))", lambda m: _school_year(inflected, m)),
        (r"(?<=\bг\.[ ]\p{Lu}[\p{L}-]+,[ ]|^|\n)(\d{6})(?=,[ ](?:г\.|\p{Lu}))|(?<=\bг\.[ ]\p{Lu}[\p{L}-]+,[ ])(\d{6})(?!\d)", lambda m: grammar.digits(m[0])),
    )  # fmt: skip


def _compared(match: regex.Match[str]) -> str:
    left = match.string[: match.start()][-1:]
    gap = match["gap"] or (" " if left.isalnum() else "")
    return f"{gap}{_COMPARED[match['sign']][left.isalnum() or left == ')']} "


def declined(counted: Noun, value: int, case: str) -> str:
    """The noun after a number in the dative, prepositional or instrumental: "градусах Цельсия"."""
    done, first = [], counted.forms[0].split(" ")
    for at, word in enumerate(first):
        if word == "евро":
            done.append(word)
        elif word.endswith(("ый", "ий", "ая")):
            done.append(word[:-2] + _ADJECTIVES[case][2 if not is_one(value) else word.endswith("ая")])
            continue
        elif word == "человек" and not is_one(value):
            done.append({"d": "людям", "p": "людях", "i": "людьми"}[case])
        else:
            soft = word.endswith(("ь", "я"))
            stem = word.rstrip("ьяа") if word[-1] in "ьяа" else word
            ending = _ENDINGS[case]
            singular = "и" if word.endswith("ия") else ending[2 if word[-1] in "ая" else 1 if soft else 0]
            done.append(stem + (singular if is_one(value) else ending[4 if soft else 3]))
        return " ".join((*done, *first[at + 1 :]))
    return " ".join(done)


def _oblique(
    grammar: Grammar, cardinal: Cardinal, match: regex.Match[str], sizes: dict[str, Noun], units: dict[str, Noun]
) -> str | None:
    """ "при 180 °C"."""
    number, case = grammar.number(match["n"]), "p" if match["by"][-1].lower() in "иоб" else "d"
    if number.is_code or number.fraction or not (match["size"] or match["unit"]) or grammar.keep_digits:
        return None
    size, unit = sizes.get(match["size"] or ""), units.get(match["unit"] or "")
    counted = size or unit
    if counted is None or len(counted.forms) < 3:
        return None
    tail = unit.forms[-1] if size and unit else ""
    said = grammar.join(cardinal(number.value, counted.gender, case), declined(counted, number.value, case), tail)
    return said + ("." if match[0][-1] == "." and not match.string[match.end() :].strip() else "")


def _verse(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "1 Кор. 13:4–8"."""
    order, book, *parts = match.groups()
    chapter, verse, last = (grammar.cardinal(int(part)) if part else "" for part in parts)
    name = f"{grammar.ordinal(int(order), 'n').capitalize()} {BOOKS[book]}" if order else BOOKS[book]
    return f"{name}, глава {chapter}, " + (f"стихи {verse} — {last}" if last else f"стих {verse}")


def _weekday(match: regex.Match[str]) -> str:
    day = _FULL_DAYS[match["day"].lower()]
    return day.removesuffix("а") + "у" if match["in"] and day.endswith("а") else day


def _day(grammar: Grammar, match: regex.Match[str]) -> str | None:
    """ "в пн., 3.06", "с 1.06 по 15.06"."""
    day, month = int(match[1] or match[3]), int(match[2] or match[4])
    if not 1 <= day <= 31:
        return None
    before = regex.search(r"(\p{L}+)[ ]$", match.string[: match.start()])
    return grammar.date(None, month, day, before[1] if before else "")


def _school_year(inflected: Inflected, match: regex.Match[str]) -> str:
    case = _YEARS[match["tail"]]
    first = int(match[1])
    last = int(match[2]) if len(match[2]) == 4 else first // 100 * 100 + int(match[2])
    return f"{inflected(first, case)} — {inflected(last, case)}"
