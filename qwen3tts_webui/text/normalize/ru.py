"""Russian: "21 км" -> "двадцать один километр", "6 мая 2024 г." -> "шестого мая две тысячи двадцать четвёртого года"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize import ru_contexts, ru_prepositions
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule, in_words
from qwen3tts_webui.text.normalize.numbers import COMMA, Noun, Number, noun, nouns, words
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.quantities import alternatives
from qwen3tts_webui.text.normalize.ru_cases import (
    DATE_CASES,
    ORDINAL_ENDINGS,
    TENTHS,
    YEAR_TAILS,
    case_rules,
    genitive,
    is_one,
)
from qwen3tts_webui.text.normalize.ru_names import COUNTED, NUMBERED, RULERS
from qwen3tts_webui.text.normalize.ru_units import (
    ABBREVIATIONS,
    CURRENCIES,
    MAGNITUDES,
    SIGNS,
    UNITS,
)
from qwen3tts_webui.text.normalize.signs import roman_value


class Russian(Grammar):
    code = "ru"
    pauses_at_slash, ampere, match_minute = True, "ампер", "{}-я минута"
    duration_units = ("ч", "мин", "с")
    point, minus, plus, plus_minus, to, versus, per = "целых", "минус", "плюс", "плюс-минус", "до", "", "в"
    percent = noun("процент|процента|процентов")
    degree = noun("градус|градуса|градусов")
    month_names = (
        "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря",
    )  # fmt: skip
    month_shorts = ("янв", "февр", "мар", "апр", "мая", "июн", "июл", "авг", "сент", "окт", "нояб", "дек")
    currencies = CURRENCIES
    magnitudes = words(MAGNITUDES)
    units = nouns(UNITS)
    signs = words(SIGNS) | {"=": "равно", "#": "номер"}
    web = {".": "точка", "/": "слэш", "@": "собака", "-": "дефис", "_": "нижнее подчёркивание", ":": "двоеточие",
           "?": "вопросительный знак", "=": "равно", "&": "и", "%": "процент", "+": "плюс", "#": "решётка", "~": "тильда"}  # fmt: skip
    version, version_point, hashtag = "версия", "точка", "хештег"
    abbreviations = words(ABBREVIATIONS)
    linked_words = frozenset(form for day in PHRASES["ru"].shorts for form in (day, day.capitalize()))
    phones = r"(?<![\w.+-])8[ (-]{0,2}\d{3}[ )-]{0,2}\d{3}[ -]?\d{2}[ -]?\d{2}(?!\d) | (?<![\w.+-])\d{3}-\d{2}-\d{2}(?!\d) | (?<=\b(?:по|номеру|телефону|звоните)[ ])(?:112|10[1-4]|0[1-4])(?!\d)"
    phone_words = r"\b(?:тел|телефон|телефону|номер|номеру|звоните|код|пароль|индекс|факс|ПИН)\b"
    squared, cubed, power, root = "в квадрате", "в кубе", "в степени {}", "корень из"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        return self._cardinal(number, gender, "n")

    def _cardinal(self, number: int, gender: str = "m", case: str = "n") -> str:
        if number >= 10**15:
            return self.digits(str(number))
        said = in_words(number, "ru", gender=gender, case=case, animate=False)
        return regex.sub(r"^одна (?=тысяча)|^одной (?=тысячи)", "", said) if number < 2000 else said

    def inflected(self, number: int, case: str = "n", gender: str = "m") -> str:
        """An ordinal in a case: n, g, d, a, i, p."""
        said = in_words(number, "ru", to="ordinal", gender=gender, case=case, animate=False)
        return regex.sub(r"^одна (?=тысяча)", "", said)

    def ordinal(self, number: int, gender: str = "m") -> str:
        return self.inflected(number, "n", gender)

    def form(self, number: Number, noun: Noun) -> str:
        if len(noun.forms) < 3:
            return noun.forms[-1]
        if number.fraction:
            return noun.forms[1]
        tens, ones = divmod(number.value % 100, 10)
        return noun.forms[2 if tens == 1 or ones in (0, 5, 6, 7, 8, 9) else 0 if ones == 1 else 1]

    def say(self, number: Number, gender: str = "m", *, counted: bool = False) -> str:
        if self.keep_digits or not number.fraction or number.is_code:
            return super().say(number, gender, counted=counted)
        name = TENTHS.get(len(number.fraction))
        whole = f"{self.whole(number.whole, 'f')} {'целая' if is_one(number.value) else 'целых'}"
        if name is None:
            return self.with_sign(number.sign, f"{whole} {self.digits(number.fraction)}")
        part = int(number.fraction)
        return self.with_sign(number.sign, f"{whole} {self.cardinal(part, 'f')} {name[0 if is_one(part) else 1]}")

    def with_magnitude(self, number: Number, written: str) -> str:
        spec = self.magnitudes[written]
        return self.amount(number, noun(spec)) if "|" in spec else self.join(self.say(number), spec)

    def range(self, low: Number, high: Number, noun: Noun | None = None) -> str:
        if self.keep_digits or low.fraction or high.fraction or low.is_code or high.is_code:
            return super().range(low, high, noun)
        gender = "m" if noun is None else noun.gender
        first, last = (self.with_sign(each.sign, self._cardinal(each.value, gender, "g")) for each in (low, high))
        tail = "" if noun is None else noun.forms[1 if len(noun.forms) > 2 and is_one(high.value) else -1]
        return self.join("от", first, "до", last, tail)

    def in_percent(self, said: str, number: Number) -> str:
        return self.join(said, "процентов" if said.startswith("от ") else self.form(number, self.percent))

    def fraction(self, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return "одна вторая"
        if denominator > 100:
            return f"{self.cardinal(numerator)} на {self.cardinal(denominator)}"
        if denominator in (3, 4) and numerator < 5:
            names = {3: ("треть", "трети"), 4: ("четверть", "четверти")}[denominator]
            return f"{self.cardinal(numerator, 'f')} {names[0 if numerator == 1 else 1]}"
        name = self.inflected(denominator, "n", "f") if is_one(numerator) else self._plural_genitive(denominator)
        return f"{self.cardinal(numerator, 'f')} {name}"

    def _plural_genitive(self, number: int) -> str:
        return regex.sub(r"(?:ого|его)$", lambda m: "ых" if m[0] == "ого" else "ьих", self.inflected(number, "g", "m"))

    def out_of(self, a: str, b: str) -> str:
        return f"{self.say(self.number(a))} из {self._cardinal(int(b), 'm', 'g')}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return "полтора" if whole == 1 else f"{self.cardinal(whole)} с половиной"
        return f"{self.cardinal(whole, 'f')} {'целая' if is_one(whole) else 'целых'} {self.fraction(numerator, denominator)}"

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        hours, minutes, seconds = (
            noun("час|часа|часов"),
            noun("минута|минуты|минут:f"),
            noun("секунда|секунды|секунд:f"),
        )
        second = second or None
        said = self.amount(Number(str(hour), str(hour)), hours)
        if minute or second is not None:
            said += " " + self.amount(Number(str(minute), str(minute)), minutes)
        return said if second is None else f"{said} {self.amount(Number(str(second), str(second)), seconds)}"

    def clock_range(self, start: str, end: str) -> str:
        """Both ends in the genitive."""
        return f"с {self._genitive(start)} до {self._genitive(end)}"

    def _genitive(self, clock: str, case: str = "g") -> str:
        """Also the dative."""
        numbers = {
            self.cardinal(n, gender): self._cardinal(n, gender, case) for gender in ("m", "f") for n in range(60)
        }
        parts = regex.split(r"\s(час\p{L}*|минут\p{L}*|секунд\p{L}*)\s?", clock)
        said = []
        for number, name in zip(parts[::2], parts[1::2], strict=False):
            one = number.endswith(("один", "одна"))
            stem = {
                "g": {"ч": ("часа", "часов"), "м": ("минуты", "минут"), "с": ("секунды", "секунд")},
                "d": {"ч": ("часу", "часам"), "м": ("минуте", "минутам"), "с": ("секунде", "секундам")},
            }[case][name[0]]
            said.append(f"{numbers.get(number, number)} {stem[0 if one else 1]}")
        return " ".join(said)

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = self.month_names[month - 1]
        if day is not None:
            case, gender = DATE_CASES.get(before.lower(), ("g", "m"))
            said = f"{self.inflected(day, case, gender)} {said}"
        return said if year is None else f"{said} {self.inflected(year, 'g')} года"

    def roman(self, number: int, before: str, after: str) -> str | None:
        word = after.partition(" ")[2]
        if before in RULERS and number < 40:
            return self.inflected(number, *RULERS[before]).capitalize()
        if before in NUMBERED:
            return self.cardinal(number)
        if word.lower() in ("мировая", "мировой", "мировую"):
            return self.inflected(number, {"я": "n", "й": "g", "ю": "a"}[word[-1]], "f").capitalize()
        return self.inflected(number, *COUNTED[word]) if word in COUNTED else None

    def early_rules(self) -> tuple[Rule, ...]:
        return (*ru_prepositions.early_rules(self, self.inflected), *ru_contexts.early_rules(self))

    def rules(self) -> tuple[Rule, ...]:
        preposition = rf"(?<=\b(?i:{ru_prepositions.GENITIVE})[ ])"
        year = r"(?<![\d.,])(?:(?P<from>1\d{3}|20\d{2})[-–])?(?P<y>[12]\d{3})(?:-?й|-?го|-?м)?[ \u00a0]?(?P<tail>год(?:ом|ов|ах|а|у|ы)?|гг?\.)(?!\p{L})"
        return (
            *ru_contexts.rules(self, self._cardinal, self.inflected),
            *ru_prepositions.rules(self, self._cardinal, self.inflected, {**self.units, **{sign: pair[0] for sign, pair in self.currencies.items()}, "%": self.percent}),
            (r"(?<=\b[Сс][ ])([12]\d{3})[ ](по|до)[ ]([12]\d{3})[ ](?:гг?\.|год(?:а|ы)?)(?!\p{L})", self._years),
            (r"(?<![\d.,])(\d{1,4})[ ]?г(?:ода|од|\.)(?=[ ](?:до[ ])?н\.[ ]?э)", lambda m: f"{self.inflected(int(m[1]), 'p')} году" if regex.search(r"\b[Вв][ ]$", m.string[: m.start()]) else f"{self.inflected(int(m[1]))} год"),
            (r"(?<![\d.,])([1-9]0)-е(?![\p{L}-]|[ ]\p{Ll}+[оеё]\b)", lambda m: (self._decade(m[1], False) or "").strip()),
            (year, self._year),
            (r"(?<![\d.,])(\d{2,4})-?е[ ]?(?=(?:годы|года)\b)|(?<![\d.,])(\d{0,2}[1-9]0)-х\b", lambda m: self._decade(m[1] or m[2], m[2] is not None)),
            (r"(?<![\d.,])(\d{1,4})-(й|ый|ой|ий|го|ого|му|ому|м|ом|я|ая|ю|ую|е|ое)(?!\p{L})", lambda m: self.inflected(int(m[1]), *ORDINAL_ENDINGS[m[2]])),
            (r"(?<![\d.,])(\d{1,3})-((?:летн|дневн|часов|минутн|этажн|процентн|метров|километров|кратн|лети|местн|комнатн|градусн|тысячн|недельн|месячн)\p{L}*)",
             lambda m: self._compound(int(m[1])) + m[2]),
            (rf"(?<![\d/.,])(?<!\d )1/2[ ]({alternatives(self.units)})(?!\p{{L}})", lambda m: f"половина {self.units[m[1]].forms[min(1, len(self.units[m[1]].forms) - 1)]}".replace("ые ", "ой ").replace("ки", "ки")),
            (r"(?<![\d/.,])(?<!\d )1/2(?=[ ]\p{Ll})", lambda m: "половина"),
            *case_rules(self._cardinal),
            (rf"{preposition}(?P<minus>[-−+])?(?P<n>(?:{COMMA}))(?![\d/:]|-|[–—]\d)(?:[ \u00a0]?(?P<magnitude>{alternatives(self.magnitudes)})(?!\p{{L}}))?(?:[ \u00a0]?(?P<unit>{alternatives([*self.units, *self.currencies, '%'])})(?![\p{{L}}\d/²³]))?",
             self._genitive_amount),
            (r"(?<=\b[Кк][ ])(\d{1,3})(?=[ ](?:час|минут|год|дн|человек|рубл|процент)\p{Ll}*(?:ам|ям|у|ю)\b)", lambda m: self._cardinal(int(m[1]), "m", "d")),
            (r"\bг\.(?=[ ]\p{Lu})(?<!\d[ ]?г\.)", lambda m: "город"),
            (r"(?:(?<=\b(?P<before>\p{L}+)[ ])|(?<!\p{L}))(?P<roman>[IVXL]+)[ ]в\.(?!\p{L})", self._century),
            (r"(?<![\d/.,])(?:1[ ]1/2|1½)(?=[ ]\p{Ll}+[иы]\b)", lambda m: "полторы"),
            (r"(?P<a>[IVXL]+)[ ]?[–-][ ]?(?P<b>[IVXL]+)[ ](?:вв?\.|века|век|веках)(?!\p{L})", self._centuries),
            (r"(?<=\bст\.[ ]\d{1,4}(?:\.\d+)?)[ ]ч\.(?=[ ]\d)", lambda m: " часть"),
            (r"(?<=\b(?:д|корп)\.[ ]?\d+\p{L}?,[ ])стр\.", lambda m: "строение"),
            (r"№[ ]?(?=\d)", lambda m: "номер "),
            (r"(?<!\p{L})(пн|вт|ср|чт|пт|сб|вс)(?=[ ]\d{1,2}(?:[:.]\d\d)?[ ]?[-–])", lambda m: PHRASES["ru"].weekdays[PHRASES["ru"].shorts.index(m[1])]),
            (r"\b[Сс]тр\.[ ](\d{1,4})[-–](\d{1,4})(?!\d)", lambda m: f"страницы с {self.inflected(int(m[1]), 'g', 'f')} по {self.inflected(int(m[2]), 'a', 'f')}"),
            (r"(?<![\d.,])(\d{1,2}),5-(?=\p{Ll}+(?:ый|ая|ое|ого|ой|ые|ых|ом)\b)", lambda m: f"{self._cardinal(int(m[1]), 'm', 'g')} с половиной "),
            (r"(?<=\bдо[ ])(\d{1,3})(?=[ ](?:лет|часов|минут|человек|рублей|метров|дней|утра|вечера)\b)", lambda m: self._cardinal(int(m[1]), "m", "g")),
        )  # fmt: skip

    def late_rules(self) -> tuple[Rule, ...]:
        accusative = r"(?<=\b(?:на|за|через|в|по)[ ](?:\p{L}+[ ]){0,2})одна(?=[ ](?:целая|\p{Ll}+[ую])\b)"
        return (
            (accusative, lambda m: "одну"),
            (r"(?<=\b(?:на|за|через|в)[ ]одну[ ])целая", lambda m: "целую"),
            (
                r"(?<=\b(?:на|за|через|про)[ ])одна[ ](минут|секунд|тонн|таблетк|капсул|штук|упаковк)а(?!\p{L})",
                lambda m: f"одну {m[1]}у",
            ),
        )

    def days(self, year: int | None, month: int, first: int, last: int, before: str) -> str:
        start = "" if before.lower() == "с" else "с "
        said = f"{start}{self.inflected(first, 'g')} по {self.inflected(last, 'n', 'n')} {self.month_names[month - 1]}"
        return said if year is None else f"{said} {self.inflected(year, 'g')} года"

    def clock_after(self, before: str, said: str) -> str:
        word = before.lower()
        if said.startswith("с "):
            return f"промежутке {said}" if word == "в" else said
        if word in ("к", "ко"):
            return self._genitive(said, "d")
        if word in ("в", "за", "через", "на"):
            return regex.sub(r"одна (минут|секунд)а", r"одну \1у", said)
        return self._genitive(said) if word in ("до", "после", "от", "около", "с", "со") else said

    def _genitive_amount(self, match: regex.Match[str]) -> str | None:
        number = self.number(match["n"])
        if number.is_code:
            return None
        key = match["unit"] or ""
        noun_ = self.percent if key == "%" else self.units.get(key) or (self.currencies[key][0] if key else None)
        size = match["magnitude"] and noun(self.magnitudes[match["magnitude"]])
        said = genitive(number, self._cardinal, size or None, noun_)
        said = f"{self.plus if match['minus'] == '+' else self.minus} {said}" if said and match["minus"] else said
        return said and said + self.stop_after(match, ".")

    def _year(self, match: regex.Match[str]) -> str | None:
        tail = match["tail"]
        before = regex.search(r"(\p{L}+)[ \u00a0]$", match.string[: match.start()])
        case = YEAR_TAILS.get(tail, "n")
        word_before = before[1].lower() if before else ""
        if tail in ("г.", "гг.") and word_before in ("в", "во"):
            case = "p"
        elif tail == "г." and word_before in ("за", "на", "про"):
            case = "n"
        elif tail == "году" and word_before in ("к", "ко"):
            case = "d"
        elif tail == "г." and before is None:
            case = "n"
        word = {"г.": {"p": "году", "g": "года", "n": "год"}, "гг.": {"p": "годах", "n": "годы"}}.get(tail, {}).get(
            case, tail
        )
        if match["from"]:
            said = f"{self.inflected(int(match['from']), case)} — {self.inflected(int(match['y']), case)} {word}"
            return said + self.stop_after(match, ".")
        said = f"{self.inflected(int(match['y']), case)} {word}"
        return said + self.stop_after(match, ".")

    def _century(self, match: regex.Match[str]) -> str:
        """ "в XXI в."."""
        before = (match["before"] or "").lower()
        case = "p" if before in ("в", "во") else "n" if not before or before == "это" else "g"
        word = {"p": "веке", "g": "века", "n": "век"}[case]
        return f"{self.inflected(roman_value(match['roman']), case)} {word}{self.stop_after(match, '.')}"

    def _centuries(self, match: regex.Match[str]) -> str:
        """ "XVIII–XIX вв."."""
        is_in = regex.search(r"\b[Вв]о?[ ]$", match.string[: match.start()]) is not None
        first, last = (self.inflected(roman_value(match[key]), "p" if is_in else "n") for key in ("a", "b"))
        return f"{first} — {last} {'веках' if is_in else 'века'}{self.stop_after(match, '.')}"

    def _years(self, match: regex.Match[str]) -> str:
        end = self.inflected(int(match[3]), "a" if match[2] == "по" else "g")
        return f"{self.inflected(int(match[1]), 'g')} {match[2]} {end} {'год' if match[2] == 'по' else 'года'}"

    def _decade(self, digits: str, oblique: bool) -> str | None:
        number = int(digits)
        if number % 10:
            return None
        stem = regex.sub(r"(?:ый|ой)$", "", self.inflected(number))
        return f"{stem}ых" if oblique else f"{stem}ые "

    def _compound(self, number: int) -> str:
        said = self._cardinal(number, "m", "g").replace(" ", "")
        return {1: "одно", 2: "двух", 100: "сто", 90: "девяносто", 40: "сорока", 1000: "тысяче"}.get(number, said)
