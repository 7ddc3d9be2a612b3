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
from qwen3tts_webui.text.normalize.ru_cases import genitive, is_one

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
    кВт·ч = за киловатт-час
    кВтч = за киловатт-час
""")
_COUNTED = {
    "уд.": noun("удар|удара|ударов"),
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
_PARTS = {
    "ч": ("часть", "части", "части", "части"),
    "п": ("пункт", "пункта", "пункту", "пункте"),
    "пп": ("подпункт", "подпункта", "подпункту", "подпункте"),
    "абз": ("абзац", "абзаца", "абзацу", "абзаце"),
    "ст": ("статья", "статьи", "статье", "статье"),
}
_PART_CASES = {"по": 2, "согласно": 2, "к": 2, "в": 3, "о": 3, "об": 3, "на": 3, "из": 1, "от": 1, "до": 1, "без": 1}
_ROOMS = ("одно", "двух", "трёх", "четырёх", "пяти", "шести", "семи", "восьми", "девяти")
_WEEKDAY_CASES = {
    "с": dict(zip(PHRASES["ru"].shorts, (day.partition(" ")[2] for day in PHRASES["ru"].first), strict=True)),
    "по": dict(zip(PHRASES["ru"].shorts, (day.partition(" ")[2] for day in PHRASES["ru"].last), strict=True)),
}
_WEEK = r"(?:[Пп]н|[Вв]т|[Сс]р|[Чч]т|[Пп]т|[Сс]б|[Вв]с)"
_SCREENS = r"(?:[Мм]онитор|[Дд]испле|[Ээ]кран|[Тт]елевизор|[Дд]иск|[Шш]ин|[Нн]оутбук|[Пп]ланшет|[Тт]руб)\p{L}*"
_FULL_DAYS = dict(zip(PHRASES["ru"].shorts, PHRASES["ru"].weekdays, strict=True))
_ON_DAYS = (
    r"(?:понедельника?|вторника?|сред[уаы]|четверга?|пятниц[уаы]|суббот[уаы]|воскресень[ея]|пн|вт|ср|чт|пт|сб|вс)"
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
        (rf"(?<=(?P<in>\b(?:[Вв]о?|[Сс]о?|[Пп]о|[Дд]о|[Нн]а|[Зз]а))[ ])(?P<day>{_WEEK})\.?(?=,?[ ](?:\d|в[ ])|[ ]по[ ])|(?<![\p{{L}}\d][ ]?|[-–—])(?P<day>{_WEEK})\.?(?=,?[ ](?:с[ ])?\d{{1,2}}(?:[:.]\d\d)?[ ]?(?:[-–]|до)|,?[ ](?:до|с)[ ]\d|[ ]?[:—–]\s?(?:\d|вых|закр)|[ ]—[ ]|[ ](?:и[ ]|вых|закр))|(?<![\p{{L}}\d][ ]?|[-–—])(?P<day>{_WEEK})\.?(?=,[ ]\d{{1,2}}\.\d)|(?<![\p{{L}}\d][ ]?|[-–—])(?P<day>{_WEEK})\.?(?=(?:,|[ ]и)[ ]{_WEEK}(?!\p{{L}}))|(?<=(?:{_WEEK}|[уакерг]|ник)\.?(?:,|[ ]и)[ ])(?P<day>{_WEEK})\b\.?", _weekday),
        (rf"(?<=\b{_ON_DAYS}\.?,[ ])(\d{{1,2}})\.(0?[1-9]|1[0-2])(?![\d:]|[.,]\d)|(?<=\b(?i:с|до|по|к|от|на)[ ])(\d{{1,2}})\.(0[1-9]|1[0-2])(?![\d:]|[.,]\d|[ ]?(?:%|млн|млрд|руб|км|кг|₽|\$))", lambda m: _day(grammar, m)),
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
        (rf"(?<![\d.,])(\d{{1,2}})[–-](\d{{1,2}})[ ]?(?:раза?|р\.?)/(?P<per>{alternatives(PER)})(?!\p{{L}})", lambda m: f"{grammar.cardinal(int(m[1]))}-{grammar.amount(grammar.number(m[2]), _COUNTED['р'])} {PER[m['per']]}"),
        (rf"(?<![\d.,])(?P<n>{COMMA})[ ]?(?P<word>{alternatives(_COUNTED)})?/(?P<per>{alternatives(PER)})(?![\p{{L}}²³\d])", lambda m: _rate(grammar, m)),
        (rf"(?<=\d[ ]?(?:тыс\.?[ ]|млн\.?[ ]|млрд\.?[ ])?(?P<word>{alternatives(grammar.currencies)}|таб\.?|капс\.?))/(?P<per>{alternatives(PER)})(?![\p{{L}}\d])", lambda m: f" {PER[m['per']]}" + grammar.stop_after(m, ".")),
        (rf"(?<=\d[ ]?(?P<word>кВт·ч|ч|мин|час(?:а|ов)?|минут[ыа]?|дн(?:я|ей)|таблет\p{{L}}+|кап(?:ли|ель)|Вт·ч|м³|м²|л|т|ГБ|МБ|г|кг|мг|мл))/(?P<per>{alternatives(PER)})(?![\p{{L}}\d²³])", lambda m: None if f"{m['word']}/{m['per']}" in grammar.units or len(m["per"]) == 1 else f" {PER[m['per']]}" + grammar.stop_after(m, ".")),
        (rf"(?<=\d[ ]?(?:{alternatives(grammar.currencies)}))/(?=\d+[ ]?(?:г|кг|мл|л|м|км|шт|листов)(?!\p{{L}}))", lambda m: " за "),
        (rf"(?<=\b[Пп]о[ ])(?P<a>\d{{1,2}})[–-](?P<b>\d{{1,2}})[ ](?P<unit>{alternatives(units)})(?![\p{{L}}/])", lambda m: _some(grammar, m, units)),
        (r"(?<=\b(?:до|годен|по|от|с)[ ])(0[1-9]|1[0-2])/(\d{2})(?![\d/])", lambda m: f"{grammar.month_names[int(m[1]) - 1]} {inflected(2000 + int(m[2]), 'g')} года"),
        (r"(?<=\b[Нн]а[ ]|\b[Вв]о?[ ])(\d{1,3})(?=[ ](?:этаже|курсе|месте|ряду|уровне|классе|томе|туре|раунде|круге|километре|подъезде|абзаце|пункте)\b)", lambda m: inflected(int(m[1]), "p")),
        (r"(?<=\b[Вв]о?[ ])(\d{1,3})(?=[ ]из[ ]\d)", lambda m: cardinal(int(m[1]), "m", "p")),
        (r"(?<=\d[ ]?[\p{L}·]{1,6})/100[ ]?км(?!\p{L})", lambda m: None if regex.search(r"\d[ ]?л$", m.string[: m.start()]) else " на сто километров"),
        (r"(?<=%[ ]?\(?)(г/г|м/м|к/к)(?!\p{L})", lambda m: {"г": "год к году", "м": "месяц к месяцу", "к": "квартал к кварталу"}[m[1][0]]),
        (r"(?<=(?P<in>\b(?i:по|согласно|в|из|от|до|без|к|на|о|об)[ ]|\b(?i:ст|ч|п|пп)\.[ ]\d{1,4}(?:\.\d+)*,?[ ]))(?P<part>ч|п|пп|абз|ст)\.[ ]?(?P<n>\d{1,4})(?![.,]?\d)", lambda m: f"{_part(m)} {grammar.cardinal(int(m['n']))}"),
        (r"(?<=(?P<in>\b(?i:по|согласно|в|из|от|до|без|к)[ ]))(?P<part>п|пп)\.(?=[ ]?\d)", _part),
        (r"(?<=\b[Вв][ ])ред\.(?=[ ])", lambda m: "редакции"),
        (r"~[ ]?(?=(?:в|на|к|с|по|до|от)[ ]\d)", lambda m: "примерно "),
        (r"(?<=№[ ]?\d{1,6})[-–](?=\d)", lambda m: " дефис "),
        (r"(?<=\d[ ]?)х(?=[ ]?\d)|(?<=\d{2})[ ]?×[ ]?(?=\d{2,})(?![^\n]{0,12}=)", lambda m: " на "),
        (r"(?<![\d.,])(\d{1,3})[ ]?%-н?(ый|ая|ое|ого|ой|ую|ые|ых|ом|ому|ым|ыми)\b", lambda m: f"{'сто' if m[1] == '100' else cardinal(int(m[1]), 'm', 'g').replace(' ', '')}процентн{m[2]}"),
        (r"(?<![\d.,])([1-9])-(?:к(?:омн)?\.?)[ ](?=кв)", lambda m: f"{_ROOMS[int(m[1]) - 1]}комнатная "),
        (r"(?<=комнатная[ ]|[-]к\.?[ ])кв\.(?![ ]м|\d)", lambda m: "квартира"),
        (r"(?<![\d./,])(\d{1,2})/(\d{1,2})[ ]?эт(?:аж)?\.?(?!\p{L})", lambda m: f"{inflected(int(m[1]), 'n')} этаж из {cardinal(int(m[2]), 'm', 'g')}" + grammar.stop_after(m, ".")),
        (rf"(?<=\b[Сс][ ])(?P<n>{COMMA})(?P<tail>[ ]?%)?(?=[ ](?:до|по)[ ]\d)(?![ ](?:до|по)[ ]\d{{4}}[ ](?:гг?\.|год))", lambda m: _from(grammar, cardinal, m)),
        (rf"(?<![\d.,])(\d{{1,3}}(?:,\d+)?)[ ]?(?:\"|″|'')(?:(?=[ ]{_SCREENS})|(?<={_SCREENS}(?:[ ](?:на|с))?[ ][\d,]+[ ]?[\"″]))", lambda m: grammar.amount(grammar.number(m[1]), noun("дюйм|дюйма|дюймов"))),
        (r"(?P<gap>[ ]?)(?P<sign>[<>≤≥])[ ]?(?=\d)", _compared),
        (rf"(?<=\b(?P<by>[Пп]ри|[Оо]б?|[Кк]|равн[аоы]?|равен)[ ])(?P<minus>[-−+])?(?P<n>{COMMA})(?![\d/:]|-|[–—]\d)(?:[ \u00a0]?(?P<size>{alternatives(sizes)})(?!\p{{L}}))?(?:[ \u00a0]?(?P<unit>{alternatives(units)})(?![\p{{L}}\d/²³]))?", lambda m: _oblique(grammar, cardinal, m, sizes, units)),
        (rf"(?<=\b[Пп]о[ ])1[ ](?P<unit>{alternatives(units)})(?![\p{{L}}\d/²³])", lambda m: f"{cardinal(1, units[m['unit']].gender, 'd')} {declined(units[m['unit']], 1, 'd')}"),
        (r"(?<![\d.,/])(\d{4})/(\d{2}|\d{4})(?=[ ](?:учебн\p{L}+[ ]|финансов\p{L}+[ ])?(?P<tail>год|года|году|годом)(?!\p{L}))", lambda m: _school_year(inflected, m)),
        (r"(?<=\bг\.[ ]\p{Lu}[\p{L}-]+,[ ]|^|\n|\p{L}:[ ])(\d{6})(?=,[ ](?:г\.|\p{Lu}))|(?<=\bг\.[ ]\p{Lu}[\p{L}-]+,[ ])(\d{6})(?!\d)", lambda m: grammar.digits(m[0])),
    )  # fmt: skip


def _compared(match: regex.Match[str]) -> str:
    left = match.string[: match.start()][-1:]
    gap = match["gap"] or (" " if left.isalnum() else "")
    return f"{gap}{_COMPARED[match['sign']][left.isalnum() or left == ')']} "


def _rate(grammar: Grammar, match: regex.Match[str]) -> str | None:
    """ "72 уд/мин" and "16/мин"."""
    number, word, per = grammar.number(match["n"]), match["word"], match["per"]
    if not word and len(per) < 2:
        return None
    said = grammar.amount(number, _COUNTED[word]) if word else grammar.say(number)
    return f"{said} {PER[per]}"


def _some(grammar: Grammar, match: regex.Match[str], units: dict[str, Noun]) -> str | None:
    """ "по 1–2 таб."."""
    low, high, unit = grammar.number(match["a"]), grammar.number(match["b"]), units[match["unit"]]
    if low.value >= high.value:
        return None
    first = grammar.cardinal(low.value, unit.gender)
    first = first.removesuffix("на") + "ной" if first.endswith("одна") else first
    return f"{first}-{grammar.amount(high, unit)}{grammar.stop_after(match, '.')}"


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
    sign = {"": "", "+": grammar.plus}.get(match["minus"] or "", grammar.minus)
    said = grammar.join(sign, cardinal(number.value, counted.gender, case), declined(counted, number.value, case), tail)
    return said + grammar.stop_after(match, ".")


def _verse(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "1 Кор. 13:4–8"."""
    order, book, *parts = match.groups()
    chapter, verse, last = (grammar.cardinal(int(part)) if part else "" for part in parts)
    name = f"{grammar.ordinal(int(order), 'n').capitalize()} {BOOKS[book]}" if order else BOOKS[book]
    if book == "Пс":
        name, chapter = f"{BOOKS[book]} {chapter}", ""
    return (
        f"{name}, "
        + (f"глава {chapter}, " if chapter else "")
        + (f"стихи {verse} — {last}" if last else f"стих {verse}")
    )


def _weekday(match: regex.Match[str]) -> str:
    day = _FULL_DAYS[match["day"].lower()]
    preposition = (match["in"] or "").lower()
    if preposition[:1] in ("с", "д"):
        return _WEEKDAY_CASES["с"][match["day"].lower()]
    return _WEEKDAY_CASES["по"][match["day"].lower()] if preposition else day


def _part(match: regex.Match[str]) -> str:
    """ "по п. 2 ст. 15"."""
    before = regex.match(r"\p{L}+(?![.\p{L}])", match["in"])
    case = _PART_CASES[before[0].lower()] if before else 1 if match["part"] == "ст" else 0
    return _PARTS[match["part"]][case]


def _from(grammar: Grammar, cardinal: Cardinal, match: regex.Match[str]) -> str | None:
    """ "с 2,1 до 2,4 %"."""
    number = grammar.number(match["n"])
    said = None if number.is_code else genitive(number, cardinal, None, grammar.percent if match["tail"] else None)
    return said


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
