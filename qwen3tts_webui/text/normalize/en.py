"""English: "May 6, 2024" -> "May sixth, twenty twenty-four"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.en_units import ABBREVIATIONS, BOOKS, UNITS
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import POINT, Noun, Number, noun, nouns, word_set, words
from qwen3tts_webui.text.normalize.phrases import PHRASES

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
_YEAR_WORDS = r"(?:[Ii]n|[Ss]ince|[Ff]rom|[Uu]ntil|[Tt]ill|[Bb]y|[Oo]f|[Yy]ear|[Bb]efore|[Aa]fter|[Aa]round|[Cc]irca|ca?\.|[Dd]uring|[Ll]ate|[Ee]arly|[Mm]id|[Ss]pring|[Ss]ummer|[Aa]utumn|[Ff]all|[Ww]inter|[Bb]orn|©|[Cc]opyright|[Bb]ack in|[Ee]nd of|[Jj]une|[Mm]ay|Q[1-4]|[Ee]st\.|[Ee]stablished)"
_STREETS = r"(?:St|Street|Rd|Road|Ave|Avenue|Lane|Ln|Blvd|Boulevard|Way|Drive|Court|Ct|Place|Pl)\b"
_WEEKDAYS = dict(zip(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), PHRASES["en"].weekdays, strict=True))
_DECADES = ("tens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")


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
    feet_by_prime = True
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
        | (?<![\w.-])\(0\d{2,4}\)\s?\d{3,4}\s\d{3,4}(?!\d) | (?<![\w.-])\d{3}-\d{4}(?![\d-]) | (?<![\w.-])\d{3}-\d{2}-\d{4}(?![\d-]) | (?<![\w.-])0\d{10}(?!\d)"""
    phone_words = r"\b(?:tel|phone|mobile|dial|fax|PIN|passcode|password|code|zip|extension|ext|room|flight|channel|hotline|bus|plate)\b"
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
        if day is not None and before == "the":
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

    def rules(self) -> tuple[Rule, ...]:
        return (
            (r"\bca?\.(?=[ ]\d)", lambda m: "circa"),
            (r"(?<![\d.,])(\d{1,2})[ ]?st\.?[ ]?(?=\d{1,2}[ ]?lbs?\b)", lambda m: f"{self.cardinal(int(m[1]))} stone "),
            (r"(?<=\b\d{1,2}(?:st|nd|rd|th)[ ])c\.", lambda m: "century"),
            (r"(?<![\p{L}-])(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?=[ ]\d{1,2}(?:[:.]\d\d)?(?:[ ]?[-–]|[ ]?[ap]\.?m|st\b|nd\b|rd\b|th\b))", lambda m: _WEEKDAYS[m[1]]),
            (r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", lambda m: self.ordinal(int(m[1].replace(",", "")))),
            (r"(?<![\d.,:-])(\d{2})(\d)0['’]?s\b", lambda m: self._decade(int(m[1]), int(m[2]))),
            (r"(?<=\b(?:the|his|her|their|my|your|early|mid|late|in)[ -])['’]?([1-9])0['’]?s\b|['’]([1-9])0s\b",
             lambda m: _DECADES[int(m[1] or m[2]) - 1]),
            (rf"(?<=\b{_YEAR_WORDS}[ ])(1\d{{3}}|20\d{{2}})[-–—](1\d{{3}}|20\d{{2}}|\d\d)(?![\d,.]\d|\d)",
             lambda m: f"{self.year(int(m[1]))} to {self._end_year(m[1], m[2])}"),
            (rf"(?:(?<=\b{_YEAR_WORDS}[ ])|(?<=[\p{{Lu}}][\p{{Ll}}]+,[ ])|(?<=[(]))(1\d{{3}}|20\d{{2}})(?![\d,.:/%-]\d|\d|[ ]?(?:%|\$|(?:people|units|items|km|kg|m|g|miles|dollars|points|words|times|steps|participants|employees|students)\b))",
             lambda m: self.year(int(m[1]))),
            (r"(?<![\d-])(1\d{3}|20\d{2})[-–—](1\d{3}|20\d{2})(?![\d-])",
             lambda m: f"{self.year(int(m[1]))} to {self.year(int(m[2]))}" if int(m[1]) < int(m[2]) else None),
            (r"(?<![\d,.-])(19\d\d|20[1-9]\d)(?=[ ]?(?:BC|AD|CE|BCE)\b|['’]s\b|[.!?]?$)", lambda m: self.year(int(m[1]))),
            (r"(?<![\d:.,])(1[0-2]|[1-9])([ ]?)([ap]\.m\.|[AaPp][Mm]|[AP]\.M\.)(?!\p{L})",
             lambda m: f"{self.cardinal(int(m[1]))} {m[3][0].upper()} M"),
            (r"(?<![\d:.,])(1[0-2]|[1-9])[ ]o['’]clock\b", lambda m: f"{self.cardinal(int(m[1]))} o'clock"),
            (r"(?<!\d)(\d)['′’][ ]?(\d{1,2})(?:[\"″”]|'')", lambda m: self._feet(m[1], m[2])),
            (r"(?<![\d.,])(\d)[ ]?ft\.?[ ]?(\d{1,2})[ ]?in\b\.?", lambda m: self._feet(m[1], m[2])),
            (r"(?<![\d.])(\d+(?:\.\d+)?)[\"″](?=[ ]?(?:screen|display|monitor|TV|vinyl|record|pizza|ruler|wheel|pipe|laptop|tablet))",
             lambda m: f"{self.say(self.number(m[1]))} inch"),
            (r"(?<=\bFY)[ ]?(20\d\d)(?:/(\d\d))?(?!\d)", lambda m: f" {self.year(int(m[1]))}" + (f" {self.cardinal(int(m[2]))}" if m[2] else "")),
            (r"(?<![\d-])1-(8\d\d)-(?=[A-Z\d])", lambda m: f"one {'eight hundred' if m[1] == '800' else self.digits(m[1])} "),
            (r"(?<=\b(?:Boeing|Airbus|Dreamliner|the|a)[ ])(7)([0-8]7)(?=[ ](?:\d|MAX\b|jet|plane|aircraft)|\b[ ]?$)|(?<=\bA)(3)([1-8]0)(?=[ ]\d{3}\b|neo\b)",
             lambda m: f"{self.cardinal(int(m[1] or m[3]))} {self.cardinal(int(m[2] or m[4]))}"),
            (r"(?<=\b(?:RTX|GTX|RX)[ ])(\d\d)(\d\d)(?!\d)", lambda m: f"{self.cardinal(int(m[1]))} {self.cardinal(int(m[2]))}" if m[2][0] != "0" else None),
            (r"(?<![\d./,])(\d{1,2})/(5|10|100)(?=[ ](?!(?:pounds|miles|inches|cups|teaspoons|tablespoons|ounces|seconds|minutes|hours)\b)\p{Ll}{3,}s\b)",
             lambda m: f"{self.cardinal(int(m[1]))} out of {self.cardinal(int(m[2]))}"),
            (r"(?<=\d/\d{1,2})[\"″”]", lambda m: " inch"),
            (r"(?<![\d.,])([4-7])['′’](1[01]|\d)(?![\d'\"″”’])", lambda m: self._feet(m[1], m[2])),
            (r"(?<=\b[CF])#(?![\p{L}\d])", lambda m: " sharp"),
            (r"(?<![\d.,])(\d{1,3}),(\d{1,2})[ ]?(kg|g|km|m|cm|mm|l|L|ml|°C)(?![\p{L}\d/])",
             lambda m: self.amount(Number(m[0], m[1], m[2]), self.units[m[3]])),
            (rf"(?<![\d.,])(\d{{1,4}})([A-Z]?)(?=[ ](?:\p{{Lu}}[\p{{L}}.]*[ ]){{1,3}}{_STREETS})", lambda m: self._house(m[1], m[2])),
            (r"(?<=,[ ][A-Z]{2}[ ])(\d{5})(?:-(\d{4}))?(?![\d,.]\d|\d)", lambda m: self.digits(m[1]) + (f", {self.digits(m[2])}" if m[2] else "")),
            (r"(?<=\b(?:[Ee]rror|HTTP|[Ss]tatus)[ ])([1-5])0(\d)(?!\d)", lambda m: f"{self.cardinal(int(m[1]))} oh {self.cardinal(int(m[2]))}"),
            (r"(?<=\b(?:[Cc]all|[Rr]ing|[Dd]ial)[ ])(?:911|999|112|311|411|988|111)(?!\d)", lambda m: self.digits(m[0])),
            (rf"\b(?:([1-3])[ ])?({'|'.join(BOOKS)})\.?[ ](\d{{1,3}}):(\d{{1,3}})(?:[-–](\d{{1,3}}))?(?![\d:])", self._verse),
            (r"\bRev\.(?=[ ][\p{Ll}\d])", lambda m: "Revelation"),
            (r"\bPs\.(?=[ ]\d)", lambda m: "Psalm"),
            (r"\b([01]\d|2[0-4])([0-5]\d)[ ]h(?:ou)?rs\b", lambda m: f"{self.digits(m[1]) if m[1][0] == '0' else self.cardinal(int(m[1]))} {self.cardinal(int(m[2])) if int(m[2]) else 'hundred'} hours"),
            (r"(?<=\b[Oo]dds\b[^.\d\n]{0,8})(\d{1,3})[/-](\d{1,3})(?![\d/])", lambda m: f"{self.cardinal(int(m[1]))} to {self.cardinal(int(m[2]))}"),
            (r"(?<=\b(?:[Ss]cor(?:ed?|es|ing)|[Gg]ot|[Gg]ets?|[Rr]at(?:ed?|ing)|[Gg]rade|[Gg]ave|[Gg]ives?|[Mm]ark)\b[^.!?\d\n]{0,20})(\d{1,3})/(5|10|20|25|50|100)(?![\d/%]|[ ]of\b)"
             r"|(?<![\d./,$])(\d{1,2})/(10|100)(?=[.!?,;:)]|$|[ ]\p{Ll}{3,}s\b)",
             lambda m: f"{self.cardinal(int(m[1] or m[3]))} out of {self.cardinal(int(m[2] or m[4]))}"),
            (r"(?<=\b(?i:prep|cook|total|time|bake|rest|duration|runtime|wait)\b[^.\d\n]{0,6})(\d{1,3})m\b|(?<![\d.,])(\d{1,3})m(?=[ ](?:ago|read)\b)",
             lambda m: self.amount(self.number(m[1] or m[2]), self.units["min"])),
            (r"(?<=^|[\s(])([<>])(?=[$€£]?\d)", lambda m: "more than " if m[1] == ">" else "less than "),
            (r"(?<![\d.,])(\d{1,3})['′](?=[ ](?:container|ladder|ceiling|wall|boat|yacht|truck|pole|tree|wave|drop)s?\b)", lambda m: f"{self.cardinal(int(m[1]))} foot"),
            (r"(?<=\d)/ea\b", lambda m: " each"),
            (r"(?<=\b(?:[Oo]n|[Ee]very|[Nn]ext|[Tt]his|[Ll]ast|[Ee]ach|and|or|&)[ ])(Sat|Sun)\.(?=\s*$|[ ]\p{Ll}|[,;])", lambda m: _WEEKDAYS[m[1]] + ("" if m.string[m.end() :].strip() else ".")),
            (r"(?<=\d)/(?=(?:day|week|month|year|hour|night|minute|second|person|game|player|household)\b)", lambda m: " per "),
            (r"(?<![\d.,])(\d{1,3})['′][ ]?[x×][ ]?(\d{1,3})['′](?![\d'])(?=([ ]\p{Ll})?)", lambda m: f"{self.cardinal(int(m[1]))} by {self.cardinal(int(m[2]))} {'foot' if m[3] else 'feet'}"),
            (r"(?<![\d.,:/-])(\d{1,2})p\b", lambda m: self.amount(self.number(m[1]), Noun(("penny", "pence")))),
            (r"(?<=\b(?:an?|got|grade)[ ][A-F])[-−](?!\w)", lambda m: " minus"),
            (r"\b(\d)x(\d)s\b", lambda m: f"{self.cardinal(int(m[1]))} by {self.cardinal(int(m[2]))}s"),
            (r"\bS(\d{1,2})[ ]?E(\d{1,3})\b", lambda m: f"season {self.cardinal(int(m[1]))} episode {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])(4|7|10|14|21)([2468]0)(?=p\b)", lambda m: f"{self.cardinal(int(m[1]))} {self.cardinal(int(m[2]))} "),
            (r"(?<=(?<![\p{L}-])\p{Lu}{1,4}-)(\d{4,})\b(?![-.,]\d)", lambda m: self.digits(m[1])),
            (r"(?<=\b(?:Ref\.|Reference|Serial|serial|Order|order|Part|Model)[ ])[Nn]o\.", lambda m: "number"),
            (r"\b50-50\b", lambda m: "fifty-fifty"),
            (r"(?<=\p{Lu}\p{Ll}+[ ])St(?=,)", lambda m: "Street"),
            (r"\b9/11\b", lambda m: "nine eleven"),
            (r"(?<=\d+\p{L}?(?:[ ]\p{Lu}[\p{L}.]*){1,3}[ ])Dr\.?(?=,|$|[ ]\p{Ll}|\n)", lambda m: "Drive"),
            (r"\b(2|4|5|8|10)K\b", lambda m: f"{self.cardinal(int(m[1]))} K"),
            (r"(?<=\b(?:tall|him|her|me|is|was|he['’]s|she['’]s|I['’]m|stands|over|under|about|almost)[ ])(\d)['′](?![\p{L}\d'])", lambda m: self._feet(m[1], "")),
            (r"\bSt\.(?=[ ]\p{Lu})", lambda m: "Saint"),
            (r"(?<=\p{L}[ ])St\.(?=,|$|[ ]\p{Ll})", lambda m: "Street" if m.string[m.end() :].strip() else "Street."),
            (r"(?<=(?<!\b[Ss]ee )\b\p{Lu}\p{Ll}+[ ])Dr\.(?=[ ]\p{Ll}|,)", lambda m: "Drive"),
            (r"\b(\d{1,3})([A-Z])\b(?=[ ](?:seat|row|gate))", lambda m: f"{self.cardinal(int(m[1]))} {m[2]}"),
        )  # fmt: skip

    def late_rules(self) -> tuple[Rule, ...]:
        number = r"(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\p{L}+teen|\p{L}+ty(?:-\p{L}+)?|hundred|thousand|million|billion|point|zero)[ -])+"
        plural = "dollar|pound|euro|meter|kilometer|centimeter|mile|yard|kilogram|gram|liter|gallon|ton|hour|minute|second|percent point|gigabyte|megabyte|terabyte|watt|kilowatt"
        return (
            (
                rf"(?<=\b[Aa]n? {number}(?:US |square |cubic )?(?:{plural}))s(?= \p{{Ll}})(?! (?:per|of|and|or|is|was|in|on|at|to|for|from|each|later|ago|away|long|high|wide|old)\b)",
                lambda m: "",
            ),
            (
                rf"(?<=\b[Aa]n? {number})feet(?= \p{{Ll}})(?! (?:of|and|or|is|was|in|on|at|to|long|high|wide|tall|deep|away|above|below)\b)",
                lambda m: "foot",
            ),
        )

    def _house(self, number: str, letter: str) -> str | None:
        if number[0] == "0" or (len(number) < 4 and not letter):
            return None
        return self.join(self.year(int(number)), letter)

    def _verse(self, match: regex.Match[str]) -> str:
        """ "1 Cor. 13:4-8"."""
        number, book, *verses = match.groups()
        first, verse, last = (self.cardinal(int(each)) if each else "" for each in verses)
        order = self.ordinal(int(number)).capitalize() if number else ""
        return self.join(order, BOOKS[book], first, verse, self.to if last else "", last)

    def _decade(self, century: int, ten: int) -> str | None:
        if century == 20 and not ten:
            return "two thousands"
        if not ten:
            return f"{self.cardinal(century)} hundreds"
        return f"{self.cardinal(century)} {_DECADES[ten - 1]}"

    def _end_year(self, start: str, end: str) -> str:
        return self.cardinal(int(end)) if len(end) == 2 else self.year(int(end))

    def _feet(self, feet: str, inches: str) -> str:
        small = self.amount(Number(inches, inches), Noun(("inch", "inches"))) if inches else ""
        return self.join(self.amount(Number(feet, feet), Noun(("foot", "feet"))), small)
