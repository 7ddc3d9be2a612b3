"""English: "May 6, 2024" -> "May sixth, twenty twenty-four"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize import en_contexts
from qwen3tts_webui.text.normalize.en_abbreviations import ABBREVIATIONS
from qwen3tts_webui.text.normalize.en_units import UNITS
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import POINT, Number, noun, nouns, word_set, words

_KINGS = word_set(
    """Henry Louis Elizabeth Charles George Edward James William Richard Philip Francis Napoleon Pius Paul Benedict Leo
    Gregory Peter Nicholas Alexander Catherine Frederick Wilhelm Ivan Mary John Ramses Ferdinand Alfonso Christian
    Gustav Haakon Harald Innocent Clement Urban Boniface Otto Leopold Albert Umberto Pedro Juan Carlos Felipe Darius
    Xerxes Ptolemy Cleopatra Constantine Justinian Mehmed Suleiman Robert Malcolm Margaret Victoria"""
)
_NUMBERED = word_set(
    """Chapter Part Volume Vol. Act Scene Section Type Phase Level Class Article Book Stage Grade Title Bowl War
    Schedule Appendix Figure Table Model Mark Rocky Final Fantasy Unit Module Episode Season Group Round Step
    Category Tier Amendment Canto Lesson Plate Annex Season Division Region Apollo Cohort Element chapter part
    volume section phase type stage act level class article"""
)


class English(Grammar):
    code = "en"
    decimal_mark = "."
    number_pattern = POINT
    date_order = "mdy"
    point, minus, plus, plus_minus, to, versus, per = "point", "minus", "plus", "plus or minus", "to", "to", "per"
    percent = noun("percent")
    degree = noun("degree|degrees")
    month_names = (
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December",
    )  # fmt: skip
    month_shorts = (
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep|Sept", "Oct", "Nov", "Dec",
    )  # fmt: skip
    laps_by_clock = True
    next_sentence = (
        r"\s*$|\s+(?!(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|East|Pacific|Centr)\p{Ll}*)"
        r"(?:\p{Lu}\p{Ll}|I\b)"
    )
    feet_by_prime = True
    match_minute = "minute {}"
    time_suffix = r"[ap]\.\s?m\.|[AaPp][Mm]|[AP]\.M\.|o['’]clock|hrs|hours"
    currencies = {
        sign: (noun(whole), noun(cents) if cents else None)
        for sign, whole, cents in (
            ("$", "dollar|dollars", "cent|cents"), ("US$", "US dollar|US dollars", "cent|cents"),
            ("USD", "US dollar|US dollars", "cent|cents"), ("€", "euro|euros", "cent|cents"),
            ("EUR", "euro|euros", "cent|cents"), ("£", "pound|pounds", "penny|pence"),
            ("GBP", "pound|pounds", "penny|pence"), ("¥", "yen", ""), ("JPY", "yen", ""), ("CN¥", "yuan", ""),
            ("CNY", "yuan", ""), ("RMB", "yuan", ""), ("₩", "won", ""), ("₽", "ruble|rubles", ""),
            ("₹", "rupee|rupees", ""), ("Rs.", "rupee|rupees", ""), ("Rs", "rupee|rupees", ""), ("R$", "real|reais", "centavo|centavos"), ("CHF", "Swiss franc|Swiss francs", ""),
            ("C$", "Canadian dollar|Canadian dollars", "cent|cents"), ("A$", "Australian dollar|Australian dollars", "cent|cents"),
            ("¢", "cent|cents", ""), ("BTC", "bitcoin|bitcoins", ""), ("ETH", "ether", ""),
        )
    }  # fmt: skip
    magnitudes = words("""
        k = thousand
        K = thousand
        M = million
        m = million
        mn = million
        bn = billion
        B = billion
        tn = trillion
        thousand = thousand
        million = million
        billion = billion
        trillion = trillion
        lakh = lakh
        crore = crore
    """)
    units = nouns(UNITS)
    signs = words("""
        + = plus
        = = equals
        < = less than
        > = greater than
        ≤ = less than or equal to
        ≥ = greater than or equal to
        ≠ = not equal to
        ≈ = approximately equal to
        × = times
        ÷ = divided by
        ± = plus or minus
        √ = square root of
        ∞ = infinity
        → = to
        ~ = about
        # = number
        & = and
        % = percent
        ‰ = per mille
        @ = at
        § = section
        ¶ = paragraph
        ° = degrees
        © = copyright
        € = euros
        $ = dollars
        £ = pounds
    """) | {"=": "equals"}
    web = {".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
           "=": "equals", "&": "and", "%": "percent", "+": "plus", "#": "hash", "~": "tilde"}  # fmt: skip
    abbreviations = words(ABBREVIATIONS)
    phones = r"""(?<![\w+.-])(?:1[-. ])?(?:\(\d{3}\)\s?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\d-]) | (?<![\w.-])0\d{2,4}\s\d{3,4}\s\d{3,4}(?!\d)
        | (?<![\w.-])0\d{4}\s\d{6}(?!\d) | (?<![\w.-])\(0\d{2,4}\)\s?\d{3,4}\s\d{3,4}(?!\d) | (?<![\w.-])\d{3}-\d{4}(?![\d-]) | (?<![\w.-])\d{3}-\d{2}-\d{4}(?![\d-]) | (?<![\w.-])0\d{10}(?!\d)"""
    phone_words = r"\b(?:OTP|ID|(?:confirmation|tracking|reference|booking|serial|order|case|ticket|routing|passport|member(?:ship)?|policy|customer|account) (?:no\.|number)|tel|phone|mobile|dial|fax|PIN|passcode|password|code|zip|extension|ext|room|flight|channel|hotline|bus|plate)\b"
    squared, cubed, power, root = "squared", "cubed", "to the power of {}", "square root of"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        said = super().cardinal(number).replace(",", "")
        return regex.sub(r"(?<=hundred|thousand|million|billion|trillion) and ", " ", said)

    def ordinal(self, number: int, gender: str = "m") -> str:
        return regex.sub(r"(?<=hundred|thousand|million) and ", " ", super().ordinal(number).replace(",", ""))

    def decimals(self, fraction: str) -> str:
        return self.join(*(self.cardinal(int(digit)) for digit in fraction))

    def year(self, year: int) -> str:
        high, low = divmod(year, 100)
        if not 1000 <= year <= 2099 or 2000 <= year <= 2009:
            return self.cardinal(year)
        if not low:
            return f"{self.cardinal(high)} hundred" if high % 10 else self.cardinal(year)
        return f"{self.cardinal(high)} {'oh ' if low < 10 else ''}{self.cardinal(low)}"

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator > 100:
            return f"{self.cardinal(numerator)} over {self.cardinal(denominator)}"
        names = {2: ("half", "halves"), 4: ("quarter", "quarters")}
        one, many = names.get(denominator, (self.ordinal(denominator), self.ordinal(denominator) + "s"))
        return f"{self.cardinal(numerator)} {one if numerator == 1 else many}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        part = self.fraction(numerator, denominator)
        if numerator == 1:
            part = ("an " if part.startswith("one eigh") else "a ") + part.removeprefix("one ")
        return f"{self.cardinal(whole)} and {part}"

    def money_join(self, units: str, cents: str) -> str:
        return f"{units} and {cents}"

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        half = {"a": " A M", "p": " P M"}.get(suffix[:1].lower(), "")
        said = self.cardinal(hour)
        if minute or second:
            said += f" oh {self.cardinal(minute)}" if minute < 10 else f" {self.cardinal(minute)}"
        elif not half:
            said += " hundred" if hour > 12 or hour == 0 else " o'clock"
        if second is not None:
            said += f" and {self.amount(Number(str(second), str(second)), self.units['s'])}"
        return said + half

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = self.month_names[month - 1]
        if day is not None and before.lower() == "the":
            said = f"{self.ordinal(day)} of {said}"
        elif day is not None:
            said += f" {self.ordinal(day)}"
        if year is None:
            return said
        return f"{said}{',' if day is not None else ''} {self.year(year)}"

    def days(self, year: int | None, month: int, first: int, last: int, before: str) -> str:
        said = f"{self.date(None, month, first, '')} {self.to} {self.ordinal(last)}"
        return said if year is None else f"{said}, {self.year(year)}"

    def roman(self, number: int, before: str, after: str) -> str | None:
        if before in _KINGS and number < 40:
            return f"the {self.ordinal(number).capitalize()}"
        if before in _NUMBERED:
            return self.cardinal(number)
        return None

    def early_rules(self) -> tuple[Rule, ...]:
        return en_contexts.early_rules(self)

    def rules(self) -> tuple[Rule, ...]:
        return en_contexts.rules(self)

    def late_rules(self) -> tuple[Rule, ...]:
        return en_contexts.late_rules()
