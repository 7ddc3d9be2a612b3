"""German: "am 3. Mai 2024" -> "am dritten Mai zweitausendvierundzwanzig"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize import de_contexts
from qwen3tts_webui.text.normalize.de_units import ABBREVIATIONS, UNITS
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import Noun, Number, noun, nouns, word_set, words
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.signs import roman_value

_NAMES = word_set(
    """Ludwig Friedrich Wilhelm Heinrich Karl Otto Franz Joseph Leopold Ferdinand Rudolf Maximilian Benedikt Pius Paul
    Johannes Leo Gregor Elisabeth Katharina Napoleon Georg Eduard Philipp Alexander Nikolaus Peter Iwan Albert
    Gustav Christian Harald Margarete Juan Carlos Felipe Richard Konrad Sigismund Charles William"""
)
_WOMEN = frozenset({"Elisabeth", "Katharina", "Margarete"})
_NUMBERED = word_set(
    """Kapitel Teil Band Akt Typ Klasse Phase Stufe Abschnitt Artikel Weltkrieg Szene Buch Hartz Sektion Gruppe Level Anhang Anlage Tabelle Absatz Stadium"""
)
_WEAK_N = word_set(
    """am dem den des vom zum zur beim im ans bis ab seit nach einem einer der_ diesem jedem meinem unserem deren"""
)
_WEAK_E = word_set("""der die das diese dieser dieses jeder jede jedes""")


class German(Grammar):
    code = "de"
    pauses_at_slash, ampere, match_minute = True, "Ampere", "Minute {}"
    point, minus, plus, plus_minus, to, versus, per = "Komma", "minus", "plus", "plus minus", "bis", "zu", "pro"
    percent = noun("Prozent")
    degree = noun("Grad")
    month_names = (
        "Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November",
        "Dezember",
    )  # fmt: skip
    month_shorts = ("Jan", "Feb", "Mär", "Apr", "Mai", "Jun", "Jul", "Aug", "Sept", "Okt", "Nov", "Dez")
    time_suffix = r"Uhr|h"
    next_sentence = r"\s*$|\s+(?:D(?:as|ie|er|ann|och|amit|abei|anach)|E[sr]|Sie|Wir|Ich|I[nm]|Und|Aber|A[mu]|Auch|Nur|Eine?|Wenn|Weil|So)\b"
    currencies = {
        sign: (noun(whole), noun(cents) if cents else None)
        for sign, whole, cents in (
            ("€", "Euro", "Cent"), ("EUR", "Euro", "Cent"), ("Euro", "Euro", "Cent"), ("$", "Dollar", "Cent"), ("US$", "US-Dollar", "Cent"), ("USD", "US-Dollar", "Cent"),
            ("£", "Pfund", "Pence"), ("GBP", "Pfund", "Pence"), ("CHF", "Franken", "Rappen"), ("Fr.", "Franken", "Rappen"), ("¥", "Yen", ""), ("JPY", "Yen", ""), ("CNY", "Yuan", ""),
            ("₽", "Rubel", ""), ("₩", "Won", ""), ("₹", "Rupien", ""), ("ct", "Cent", ""), ("Ct", "Cent", ""),
        )
    }  # fmt: skip
    magnitudes = words("""
        Mio. = Millionen
        Mio = Millionen
        Mrd. = Milliarden
        Mrd = Milliarden
        Bio. = Billionen
        Tsd. = Tausend
        Millionen = Millionen
        Milliarden = Milliarden
        Billionen = Billionen
    """)
    units = nouns(UNITS)
    signs = words("""
        + = plus
        < = kleiner als
        > = größer als
        ≤ = kleiner oder gleich
        ≥ = größer oder gleich
        ≠ = ungleich
        ≈ = ungefähr
        × = mal
        ÷ = geteilt durch
        ± = plus minus
        √ = Wurzel aus
        ∞ = unendlich
        → = nach
        ~ = etwa
        & = und
        % = Prozent
        ‰ = Promille
        @ = ät
        § = Paragraf
        ° = Grad
        € = Euro
        $ = Dollar
        £ = Pfund
    """) | {"=": "gleich", "#": "Nummer"}
    web = {".": "Punkt", "/": "Schrägstrich", "@": "ät", "-": "Minus", "_": "Unterstrich", ":": "Doppelpunkt",
           "?": "Fragezeichen", "=": "gleich", "&": "und", "%": "Prozent", "+": "plus", "#": "Raute", "~": "Tilde"}  # fmt: skip
    version, version_point, hashtag = "Version", "Punkt", "Hashtag"
    singulars = {"Millionen": "eine Million", "Milliarden": "eine Milliarde", "Billionen": "eine Billion"}
    abbreviations = words(ABBREVIATIONS)
    linked_words = word_set("Kaiser Kaiserin König Königin Papst Zar Zarin Herzog Herzogin Fürst Kurfürst")
    phones = r"""(?<![\w.+-])0\d{2,4}[ /-]{1,3}(?:\d{3,}|\d{2}(?=[ ]\d{2}[ ]\d))(?:[ -]\d{2,}){0,4}(?:-\d)?(?!\d) | (?<![\w.+-])\(0\d{2,4}\)\s?\d{3,}(?:[ -]\d+)*(?!\d) | (?<![\w.+-])0[1-9]\d{8,11}(?!\d)
        | (?<=Notruf\s)11[02](?!\d)"""
    phone_words = r"\b(?:Tel|Telefon|Telefonnummer|Handy|Mobil|Fax|PIN|Code|Passwort|PLZ|Postleitzahl|Durchwahl|Konto|Kundennummer|Steuer-ID|Steuernummer|Notruf|Kennzeichen|Flug)\b"
    squared, cubed, power, root = "zum Quadrat", "hoch drei", "hoch {}", "Wurzel aus"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        said = super().cardinal(number)
        said = regex.sub(r"^eintausend(?=.)", "eintausend", said)
        if counted and number % 100 == 1 and said.endswith("eins"):
            return said[:-1] + ("e" if gender == "f" else "")
        return said

    def ordinal(self, number: int, gender: str = "m") -> str:
        """Without its ending: "dritt"."""
        return super().ordinal(number).removesuffix("e")

    def ordinal_word(self, number: int) -> str:
        return self.ordinal(number) + "e"

    def inflected(self, number: int, before: str) -> str:
        """ "am" -> "dritten", "der" -> "dritte", without an article "dritter"."""
        word = before.lower()
        ending = "en" if word in _WEAK_N else "e" if word in _WEAK_E else "er"
        return self.ordinal(number) + ending

    def year(self, year: int) -> str:
        high, low = divmod(year, 100)
        if 11 <= high <= 19:
            return f"{self.cardinal(high)}hundert{self.cardinal(low) if low else ''}"
        return self.cardinal(year)

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator == 2:
            return "ein halb" if numerator == 1 else f"{self.cardinal(numerator)} Halbe"
        if denominator > 100:
            return f"{self.cardinal(numerator)} durch {self.cardinal(denominator)}"
        name = regex.sub(r"tt?$", "tel", self.ordinal(denominator)).replace("dritel", "drittel")
        name = {3: "drittel", 4: "viertel", 7: "siebtel", 8: "achtel"}.get(denominator, name).capitalize()
        return f"{self.cardinal(numerator, counted=True)} {name}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return "eineinhalb" if whole == 1 else f"{self.cardinal(whole)}einhalb"
        return f"{self.cardinal(whole)} {self.fraction(numerator, denominator)}"

    def amount(self, number: Number, noun: Noun) -> str:
        gap = "" if noun.forms[0] == "mal" else " "
        return f"{self.say(number, noun.gender, counted=True)}{gap}{self.form(number, noun)}"

    def range(self, low: Number, high: Number, noun: Noun | None = None) -> str:
        if noun is None or self.keep_digits:
            return super().range(low, high, noun)
        return f"{self.say(low, noun.gender, counted=True)} bis {self.amount(high, noun)}"

    def money_join(self, units: str, cents: str) -> str:
        return f"{units} und {cents}"

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        said = f"{self.cardinal(hour, counted=True)} Uhr"
        if minute or second is not None:
            said += f" {self.cardinal(minute)}"
        if second is not None:
            said += f" und {self.amount(Number(str(second), str(second)), self.units['s'])}"
        return said

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = self.month_names[month - 1]
        if day is not None:
            said = f"{self.inflected(day, before)} {said}"
        return said if year is None else f"{said} {self.year(year)}"

    def roman(self, number: int, before: str, after: str) -> str | None:
        suffix, _, word = after.partition(" ")
        if before in _NAMES and number < 40:
            return f"{'die' if before in _WOMEN else 'der'} {self.ordinal(number).capitalize()}e"
        if before in _NUMBERED:
            return self.cardinal(number)
        if suffix == "." and word.startswith("Jahrhundert") and before.lower() not in _WEAK_E | _WEAK_N:
            return self.ordinal(number) + "es"
        if suffix == "." and word[:1].isupper() and before.lower() in _WEAK_E | _WEAK_N:
            return self.inflected(number, before)
        if suffix == "." and word in (
            "Jahrhundert",
            "Jahrhunderts",
            "Weltkrieg",
            "Weltkriegs",
            "Weltkrieges",
            "Internationale",
        ):
            return self.inflected(number, before)
        return None

    def early_rules(self) -> tuple[Rule, ...]:
        return de_contexts.early_rules(self)

    def rules(self) -> tuple[Rule, ...]:
        ordinal_word = r"(?:\b(?P<before>\p{L}+)[ ])?(?<![\d.,])(?P<n>\d{1,3})\.(?=[ \u00a0](?P<after>\p{Lu}\p{Ll}+))"
        return (
            *de_contexts.rules(self),
            (r"(?<=\b(?i:mit|von|bei|unter|zu|nach|gegenüber|seit)[ ](?:\p{Lu}\p{L}+[ ]){0,2}\p{Lu}\p{L}+[ ])([IVX]{1,5})\.(?=[ ,]|$)", self._dative_king),
            (r"(?<=\p{Lu}\p{Ll}+s[ ])([IVX]{1,5})\.(?=[ ,]|$)", self._genitive_king),
            (r"(?<![\d.,:])(\d{1,2})\.([0-5]\d)(?:[ ]?Uhr)?[ ]?([–-]|bis)[ ]?(\d{1,2})(?:\.([0-5]\d))?[ ]?Uhr\b",
             lambda m: f"{self.clock(int(m[1]), int(m[2]), None, '')} bis {self.clock(int(m[4]), int(m[5] or 0), None, '')}"),
            (r"(?<![\d.,:])(\d{1,2}):([0-5]\d)[ ]?(?:h|Std\.?|Stunden)(?!\p{L})", lambda m: f"{self.amount(Number(m[1], m[1]), self.units['h'])} {self.amount(Number(m[2], m[2]), self.units['min'])}"),
            (r"(?<=\b[Aa]m[ ])(\d{1,2})\.(?=[ ]\p{Ll})", lambda m: f"{self.ordinal(int(m[1]))}en"),
            (r"(?<=\b(?i:in|an|zu|auf|mit)[ ])(\d{1,3})\.(?=[ ](?:Lesung|Stelle|Linie|Reihe|Klasse|Runde|Auflage|Etage|Generation|Ehe|Instanz|Person|Stufe|Liga)\b)", lambda m: f"{self.ordinal(int(m[1]))}er"),
            (r"(?<=\d[ ])ff\.?(?!\p{L})", lambda m: "folgende"),
            (r"(?<![\d.,:])(\d{1,4})er(?=-\p{Lu}|\b)", lambda m: f"{self.year(int(m[1])) if len(m[1]) == 4 else self.cardinal(int(m[1]))}er" if m[1][-1] != "0" else None),
            (r"(?<=\b(?i:mit|von|bei|nach|aus|seit|zu)[ ])1(?=[ ](\p{Lu}\p{Ll}{2,})(?![\p{L}]))", lambda m: {"ein": "einem", "eine": "einer"}.get(de_contexts.one(m[1]) or "")),
            (r"\b(des)[ ](\d{1,2})\.[ ]Jh(?:d|dt)?\.?(?!\p{L})", lambda m: f"des {self.ordinal(int(m[2]))}en Jahrhunderts" + self.stop_after(m, ".")),
            (r"\bAbs\.[ ](\d{1,2})[ ]S\.(?=[ ]\d)", lambda m: f"Absatz {self.cardinal(int(m[1]))} Satz"),
            (r"(\p{L}+)nr\.(?=[ ]?\d)", lambda m: f"{m[1]}nummer"),
            (r"(?<![\d.,])(\d{1,3})-(?=[ ](?:bis|und|oder)[ ]\d)", lambda m: self.cardinal(int(m[1]))),
            (r"(?<=\b(?i:in|vor)[ ])1(?=[ ](Stunde|Woche|Minute|Sekunde|Tag|Jahr|Monat)\b)", lambda m: {"ein": "einem", "eine": "einer"}[de_contexts.one(m[1]) or "ein"]),
            (r"\b(Mo|Di|Mi|Do|Fr|Sa|So)(?=[ ]\d{1,2}(?:[:.]\d\d)?(?:[ ]?[-–]|[ ]Uhr))",
             lambda m: PHRASES["de"].weekdays[PHRASES["de"].shorts.index(m[1])]),
            (r"(?<![\d.,])(\d{1,3})\.(?=,[ ]\d+\.|[–-]\d+\.[ ]\p{Lu}|[ ](?:und|oder|bis)[ ](?:\p{L}+[ ])?\d+\.[ ]\p{Lu})", self._ordinal_after_word),
            (ordinal_word, self._ordinal_before_noun),
            (r"(?<![\d.,:-])(1\d|20)(\d)0er\b(?:[ -]?(?=Jahre))?", lambda m: f"{self.year(int(m[1] + m[2] + '0'))}er" + (" " if m[0][-1] in " -r" and m.string[m.end() :][:1].isalpha() else "")),
            (r"(?<![\d.,])([1-9]0)er(n?)\b", lambda m: f"{self.cardinal(int(m[1]))}er{m[2]}"),
            (r"(?<![\d.,])(\d{1,2})[–-](\d{1,2})[ ]Uhr\b", lambda m: f"{self.cardinal(int(m[1]), counted=True)} bis {self.cardinal(int(m[2]), counted=True)} Uhr"),
            (r"(?<![\d.,:])(\d{1,2})\.([0-5]\d)[ ]?Uhr\b", lambda m: self.clock(int(m[1]), int(m[2]), None, "")),
            (r"(?<![\d.,:])(\d{1,2})[ ]Uhr(?:[ ]([0-5]?\d)(?![\d.,:]))?", lambda m: self.clock(int(m[1]), int(m[2] or 0), None, "")),
            (r"(?<=\b(?:[Ii]m Jahr|[Jj]ahre?|[Ss]eit|[Ii]n|[Vv]on|[Bb]is|[Aa]b|[Nn]ach|[Vv]or|[Uu]m|[Aa]nno|Sommer|Winter|Herbst|Frühjahr|Ende|Anfang|Mitte|©)[ ])(1[1-9]\d\d)(?![\d,.:/%-]\d|\d|[ ]?(?:%|€|Euro|Meter|km|kg|Menschen|Leute))",
             lambda m: self.year(int(m[1]))),
            (r"(?<![\d.,:])(1[1-9]\d\d|20\d\d)[-–](1[1-9]\d\d|20\d\d)(?![\d-])", lambda m: f"{self.year(int(m[1]))} bis {self.year(int(m[2]))}"),
            (r"(?<![\d.,])(1[1-9]\d\d)(?=[ ](?:geboren|gestorben|gegründet|erbaut|errichtet|entdeckt|gekrönt|eröffnet|zerstört|erfunden|erstmals|wurde|war|starb|kam|endete|begann|in|im)\b)", lambda m: self.year(int(m[1]))),
            (r"(?<![\d.,])(1[1-9]\d\d)(?=[.!?]?$)|(?<=[(])(1[1-9]\d\d)(?=[);,])", lambda m: self.year(int(m[1] or m[2])) if (m[1] or m[2])[2:] != "00" else None),
            (r"(?<![\d/.,])(?<!\d )1/2[ ](?=(\p{Lu}\p{Ll}+))", lambda m: de_contexts.half(m[1]) + " "),
            (r"(?<![\d.,])(\d)\.(?=[ ](?:FC|FCK|SC|SV|BC|OG|UG|EG|FSV)\b)", self._ordinal_after_word),
            (r"(?<![\d.,])(\d{1,3}(?:,\d+)?)-((?i:mal|fach|türig|spurig|seitig|bändig|zylindrig|gängig|karätig|sitzig|tägig|jährig|stündig|minütig|köpfig|stellig|prozentig|monatig|wöchig|teilig|stöckig)\p{Ll}*)",
             lambda m: self.say(self.number(m[1]), counted=True) + m[2].lower()),
            (r"(?:(?<=\b((?i:ab|unter|über|bis|von|mit|seit|vor|nach))[ ])|(?<!\p{L}))(?<![\d.,])(\d{1,3})[ ]J\.(?!\p{L})", self._age),
            (r"(?<=\d[ ]?\p{L}?,[ ]|\bD-)(\d{5})(?=[ ]\p{Lu})", lambda m: self.digits(m[1])),
            (r"(?<![\d.,])(\d{1,3}(?:\.\d{3})*),[-–—]+(?:[ ]?(?:€|Euro|EUR))?", lambda m: self.amount(self.number(m[1]), self.currencies["€"][0])),
            (r"§§[ ]?(?=\d)", lambda m: "Paragrafen "),
            (r"(\p{L}+)str\.(?=[ ]\d|[ ]?[,)]|$)", lambda m: f"{m[1]}straße"),
            (r"(?<![\d.,:/-])(?<!\b(?:Abs|Nr|Art|Kap|Ziff|S|Bd|Klasse|Gleis|Satz|Zimmer|Raum|Kapitel|Teil|Platz|Artikel)\.?[ ])1(?=[ ](\p{Lu}\p{Ll}+)(?!\p{L}|\.(?!\s*$|[ ]\p{Lu})))", lambda m: de_contexts.one(m[1]) if len(m[1]) > 3 or m.string[m.end() + 1 + len(m[1]) :][:1] != "." else None),
            (r"(?<![\d.,:/x×-])(19\d\d)(?![\d:/%-]|[ ]?[x×]|[.,]\d|[ ]?(?:€|km|kg|m\b|Euro|Meter|Menschen|Leute|Stück|Seiten|Personen))", lambda m: self.year(int(m[1]))),
        )  # fmt: skip

    def _age(self, match: regex.Match[str]) -> str:
        years = "Jahr" if match[2] == "1" else "Jahren" if match[1] else "Jahre"
        return f"{self.cardinal(int(match[2]), counted=True)} {years}{self.stop_after(match, '.')}"

    def _genitive_king(self, match: regex.Match[str]) -> str | None:
        name = regex.search(r"(\p{L}+)s[ ]$", match.string[: match.start()])
        if name is None or name[1] not in _NAMES:
            return None
        return f"des {self.ordinal(roman_value(match[1])).capitalize()}en{self.stop_after(match, '.')}"

    def _dative_king(self, match: regex.Match[str]) -> str | None:
        name = regex.search(r"(\p{L}+)[ ]$", match.string[: match.start()])
        if name is None or name[1] not in _NAMES:
            return None
        article = "der" if name[1] in _WOMEN else "dem"
        return f"{article} {self.ordinal(roman_value(match[1])).capitalize()}en{self.stop_after(match, '.')}"

    def _ordinal_after_word(self, match: regex.Match[str]) -> str:
        before = regex.search(r"(\p{L}+)[ ]$", match.string[: match.start()])
        return self.inflected(int(match[1]), before[1] if before else "")

    def _ordinal_before_noun(self, match: regex.Match[str]) -> str | None:
        if match["after"] in self.month_names or match["after"] in self.month_shorts:
            return None
        before = match["before"] or ""
        linked = regex.search(r"(ten|sten|te|ste)[ ](?:und|oder|bis)[ ]?$", match.string[: match.start("n")])
        if linked is not None:
            return f"{before} {self.ordinal(int(match['n']))}{linked[1].removeprefix('s').removeprefix('t')}".strip()
        known = before.lower() in _WEAK_E | _WEAK_N
        if not known and not regex.match(
            r"Jahrhundert|Jh|Platz|Mal|Stock|Etage|Klasse|Kapitel|Teil|Tag|Geburtstag|Jahrestag|Auflage|Aufl|Spieltag|Weltkrieg|Akt|Runde|Liga|Bundesliga|Halbzeit|Hälfte|Reihe|Person|Stufe|Stunde|Ausgabe|Staffel|Folge|Lesung|Generation|Advent|Quartal|Obergeschoss|Untergeschoss|Stelle|Rang|Lauf|Woche",
            match["after"],
        ):
            return None
        feminine = (
            regex.match(
                r"Etage|Klasse|Auflage|Aufl|Runde|Liga|Stelle|Woche|Bundesliga|Halbzeit|Hälfte|Reihe|Person|Stufe|Stunde|Ausgabe|Staffel|Folge|Lesung|Generation",
                match["after"],
            )
            is not None
        )
        neuter = (
            regex.match(r"Jahrhundert|Jh|Mal|Kapitel|Quartal|Obergeschoss|Untergeschoss", match["after"]) is not None
        )
        word = self.inflected(int(match["n"]), before)
        if before.lower() == "der" and feminine:
            word = self.ordinal(int(match["n"])) + "en"
        if not known:
            word = self.ordinal(int(match["n"])) + ("e" if feminine else "es" if neuter else "er")
        return f"{before} {word}".strip()
