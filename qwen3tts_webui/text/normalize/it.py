"""Italian: "alle 9:05" -> "alle nove e cinque", "1° maggio" -> "primo maggio"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.it_abbreviations import ABBREVIATIONS
from qwen3tts_webui.text.normalize.numbers import Noun, Number, noun, word_set, words
from qwen3tts_webui.text.normalize.romance_contexts import context_rules, early_rules
from qwen3tts_webui.text.normalize.romance_nouns import event_ordinal, noun_rules, numeral_after_article
from qwen3tts_webui.text.normalize.romance_units import currencies_of, units_of
from qwen3tts_webui.text.normalize.signs import roman_value

_NAMES = word_set(
    """Vaticano Luigi Enrico Carlo Filippo Vittorio Emanuele Umberto Francesco Napoleone Elisabetta Giovanni Paolo Pio Benedetto
    Leone Gregorio Guglielmo Edoardo Riccardo Giorgio Giacomo Pietro Nicola Alessandro Caterina Federico Ivan
    Alberto Ramses Clemente Innocenzo Bonifacio Urbano Ferdinando"""
)
_WOMEN = frozenset({"Elisabetta", "Caterina"})
_NUMBERED = word_set(
    """capitolo Capitolo tomo Tomo atto Atto parte Parte volume Volume articolo Articolo libro Libro tipo fase livello
    classe sezione titolo Guerra allegato Allegato tabella appendice"""
)
_BEFORE_FIRST = {"l": "il", "dall": "dal", "all": "al", "dell": "del", "nell": "nel", "sull": "sul"}
_PARTS = {2: "mezzo", 3: "terzo", 4: "quarto"}


class Italian(Grammar):
    code = "it"
    pauses_at_slash, ampere = True, "ampere"
    point, minus, plus, plus_minus, to, versus, per = "virgola", "meno", "più", "più o meno", "a", "a", "al"
    per_many = "ogni"
    percent = noun("per cento")
    degree = noun("grado|gradi")
    month_names = (
        "gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre",
        "dicembre",
    )  # fmt: skip
    month_shorts = ("gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic")
    time_suffix = r"h"
    part_links = ("di ", "d'")
    currencies = currencies_of("it") | {
        "euro": (noun("euro"), noun("centesimo|centesimi")),
        "dollari": (noun("dollaro|dollari"), None),
    }
    magnitudes = words("""
        k = mila
        mila = mila
        mln = milioni
        mld = miliardi
        milione = milione
        milioni = milioni
        miliardo = miliardo
        miliardi = miliardi
    """)
    magnitude_link = "di"
    units = units_of("it")
    signs = words("""
        + = più
        < = minore di
        > = maggiore di
        ≤ = minore o uguale a
        ≥ = maggiore o uguale a
        ≠ = diverso da
        ≈ = circa uguale a
        × = per
        ÷ = diviso
        ± = più o meno
        √ = radice quadrata di
        ∞ = infinito
        → = a
        ~ = circa
        & = e
        % = per cento
        ‰ = per mille
        @ = chiocciola
        § = paragrafo
        ° = gradi
        € = euro
        $ = dollari
        £ = sterline
    """) | {"=": "uguale", "#": "numero"}
    web = {".": "punto", "/": "barra", "@": "chiocciola", "-": "trattino", "_": "trattino basso", ":": "due punti",
           "?": "punto interrogativo", "=": "uguale", "&": "e", "%": "per cento", "+": "più", "#": "cancelletto", "~": "tilde"}  # fmt: skip
    version, version_point, hashtag = "versione", "punto", "hashtag"
    singulars = {"milioni": "un milione", "miliardi": "un miliardo"}
    abbreviations = ABBREVIATIONS
    phones = r"(?<![\w.+-])800[ ]\d{3}[ ]\d{3}(?!\d) | (?<![\w.+-])3\d{2}[ ]\d{2}[ ]\d{2}[ ]\d{3}(?!\d) | (?<![\w.+-])3\d{2}[ ./-]?\d{3}[ .-]?\d{3,4}(?!\d) | (?<![\w.+-])0\d{1,3}[ ./-]\d{3,4}[ .-]?\d{2,4}(?!\d) | (?<![\w.+-])0\d{8,10}(?!\d) | (?<=\bil[ ])(?:112|113|115|118)(?!\d)"
    phone_words = r"\b(?:tel|telefono|P\.[ ]?IVA|partita IVA|cellulare|CAP|codice|password|PIN|fax|interno|chiamare|chiama|verde)\b"
    squared, cubed, power, root = "al quadrato", "al cubo", "alla {}", "radice quadrata di"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        said = super().cardinal(number)
        if number == 1 and counted:
            return "una" if gender == "f" else "un"
        said = said.replace("dicotto", "diciotto")
        said = regex.sub(r"(?<=\p{L})tre$", "tré", said)
        return regex.sub(r"(?<=milion[ei]|miliard[oi]) e (?=\p{L}{6})", " ", said)

    def ordinal(self, number: int, gender: str = "m") -> str:
        said = super().ordinal(number)
        return said[:-1] + "a" if gender == "f" else said

    def decimals(self, fraction: str) -> str:
        zeros = len(fraction) - len(fraction.lstrip("0"))
        rest = fraction[zeros:]
        if len(rest) > 2:
            return self.digits(fraction)
        return self.join(*["zero"] * zeros, self.cardinal(int(rest)) if rest else "")

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator > 100:
            return f"{self.cardinal(numerator)} fratto {self.cardinal(denominator)}"
        name = _PARTS.get(denominator) or self.ordinal(denominator)
        return f"{self.cardinal(numerator, counted=True)} {name if numerator == 1 else name[:-1] + 'i'}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        said = "mezzo" if (numerator, denominator) == (1, 2) else self.fraction(numerator, denominator)
        return f"{self.cardinal(whole, counted=True)} e {said}"

    def amount(self, number: Number, noun: Noun) -> str:
        return super().amount(number, noun).replace("una ora", "un'ora")

    def per_unit(self, said: str, link: str, unit: str) -> str:
        return f"{said} all'{unit}" if link == "al" and unit[0] in "aeiou" else super().per_unit(said, link, unit)

    def money_join(self, units: str, cents: str) -> str:
        return f"{units} e {cents}"

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        said = "una" if hour == 1 else self.cardinal(hour)
        if minute or second is not None:
            said += f" e {self.cardinal(minute)}"
        if second is not None:
            said += f" e {self.cardinal(second, counted=True)} second{'o' if second == 1 else 'i'}"
        return said

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = self.month_names[month - 1]
        if day is not None:
            said = f"{'primo' if day == 1 else self.cardinal(day)} {said}"
        return said if year is None else f"{said} {self.year(year)}"

    def roman(self, number: int, before: str, after: str) -> str | None:
        word = after.partition(" ")[2]
        if before in _NAMES and number < 40:
            return self.ordinal(number, "f" if before in _WOMEN else "m")
        if before in _NUMBERED:
            return self.cardinal(number)
        if word in ("secolo", "secoli") or before in ("secolo", "secoli"):
            return self.ordinal(number)
        return event_ordinal(self, number, after) or numeral_after_article(self, number, before)

    def early_rules(self) -> tuple[Rule, ...]:
        return (
            (rf"\b([Ll]|[Dd]all|[Aa]ll|[Dd]ell|[Nn]ell|[Ss]ull)['’]1[°º]?(?:[ ](?={'|'.join(self.month_names)})|/(1[0-2]|0?[1-9])(?:/((?:19|20)\d\d))?(?![\d/]))", self._first),
            (r"\bL\.(?=[ ](?:n\.[ ])?\d+/\d)", lambda m: "legge"),
            (r"(?<![\d.,])(\d{1,2})[ ]set(?=[ ](?:a[ ]\d|su|vinti|persi|pari|point)\b)", lambda m: f"{self.cardinal(int(m[1]), counted=True)} set"),
            (r"(?<=\d[°º][ ])p\.(?!\p{L})", lambda m: "piano"),
            *early_rules(self),
        )  # fmt: skip

    def _first(self, match: regex.Match[str]) -> str:
        """ "dall'1 gennaio", "l'1/1"."""
        before = _BEFORE_FIRST[match[1].lower()]
        said = f"{before.capitalize() if match[1][0].isupper() else before} primo "
        said += self.month_names[int(match[2]) - 1] if match[2] else ""
        return f"{said} {self.year(int(match[3]))}" if match[3] else said

    def rules(self) -> tuple[Rule, ...]:
        return (
            (r"(?<![\d.,])(\d{1,2})([oa])\b(?![ ]?\d)", lambda m: self._ordinal(m[1], "f" if m[2] == "a" else "m")),
            *context_rules(self),
            (r"(?<![\d.,])(?<![-−+–]|(?:max|min|circa|da|a|di|fino a|sotto i|sopra i|oltre|tra|fra|-)\.?[ ])(\d{1,3})(?:º|°(?=[ ](?!C\b|F\b|K\b|di temperatura|[Nn]ord|[Ss]ud|[Ee]st|[Oo]vest|N\b|S\b|E\b|O\b|(?:al|a|e|in|nel|nelle|per|con|gradi|di)\b)\p{L}))", lambda m: self._ordinal(m[1], "m")),
            (r"\b[Ss]ec\.(?=[ ][IVXL]+\b)", lambda m: "secolo"),
            (r"(?<![\d.,])(\d{1,3})ª", lambda m: self._ordinal(m[1], "f")),
            (r"(?<![\p{L}\d])[Hh]\.?(?=[ ](?:[01]?\d|2[0-4])(?:[:.][0-5]\d)?(?![\d.,]\d|\d))", lambda m: "ore"),
            (r"(?<![\d.,\p{L}])(\d{1,2})[\"″](\d{2})(?!\d)", lambda m: f"{self.cardinal(int(m[1]))} secondi e {self.cardinal(int(m[2]))}"),
            (r"(?<=\b[Aa]nni[ ])['’]?(\d{2})\b", lambda m: self.cardinal(int(m[1]))),
            (r"(?<=\b(?:[Ii]l|[Aa]l|[Dd]el|[Dd]al|[Nn]el|[Ss]ul|un|e|o)[ ])(\d{1,3})°(?![ ]?[CFK]\b)", lambda m: self._ordinal(m[1], "m")),
            (r"\b([Aa]ll|[Dd]all)(?:e[ ]|['’])1(?![\d.,:]|[ ]?%)", lambda m: f"{m[1]}'una"),
            (r"(?<=(?:\b(?:[Aa]lle|[Dd]alle|[Dd]elle|[Ll]e|[Oo]re|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica)[ ](?:solo[ ]|anche[ ])?)(?:\d{1,2}[.:]\d\d(?:,[ ]|/|[ ](?:e|o|ed)[ ])){0,6})([01]?\d|2[0-4])[.]([0-5]\d)(?!\d|[.,]\d|[ ]?(?:%|€|euro|milioni|miliardi|k?[mg]\b))", lambda m: self.clock(int(m[1]), int(m[2]), None, "")),
            (r"(?<!\p{L})['’](\d00|\d\d)\b", lambda m: self.cardinal(int(m[1]))),
            (r"(?<![\d:.,])([01]?\d|2[0-4])[.]([0-5]\d)(?=[ ](?:di|del)[ ](?:mattina|mattino|sera|notte|pomeriggio)\b)", lambda m: self.clock(int(m[1]), int(m[2]), None, "")),
            (r"(?<![\d.,])1[ ](?=[aeiou]\p{Ll}+[aà]\b)", lambda m: "un'"),
            (r"([IVXL]+)[ ]sec\.(?!\p{L})", lambda m: f"{self.ordinal(roman_value(m[1]))} secolo" + self.stop_after(m, ".")),
            (r"(?<![\d.,-])(1\d{3}|20\d{2})[-–](1\d{3}|20\d{2})(?![\d-])", lambda m: f"{self.cardinal(int(m[1]))} a {self.cardinal(int(m[2]))}"),
            (r"(?<=,[ ])(\d{5})(?=[ ]\p{Lu}\p{Ll})", lambda m: self.digits(m[1])),
            *noun_rules(self),
        )  # fmt: skip

    def _ordinal(self, digits: str, gender: str) -> str | None:
        return self.ordinal(int(digits), gender) if 0 < int(digits) <= 100 else None
