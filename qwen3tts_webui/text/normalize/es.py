"""Spanish: "21 libras" -> "veintiuna libras", "a las 9:05" -> "a las nueve y cinco"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.es_abbreviations import ABBREVIATIONS
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import noun, word_set, words
from qwen3tts_webui.text.normalize.romance_contexts import context_rules, early_rules
from qwen3tts_webui.text.normalize.romance_nouns import event_ordinal, noun_rules, numeral_after_article
from qwen3tts_webui.text.normalize.romance_units import currencies_of, units_of

_NAMES = word_set(
    """Vaticano Felipe Alfonso Carlos Fernando Isabel Juan Enrique Luis Pedro Sancho Jaime Pablo Pío Benedicto León Gregorio
    Napoleón Jorge Guillermo Eduardo Ricardo Catalina Nicolás Alejandro Ramsés Ramiro Jacobo Federico Iván Urbano
    Clemente Inocencio"""
)
_WOMEN = frozenset({"Isabel", "Catalina"})
_NUMBERED = word_set(
    """capítulo Capítulo tomo Tomo acto Acto parte Parte volumen Volumen artículo Artículo libro Libro tipo fase nivel
    clase sección título Mundial anexo Anexo tabla cuadro apartado"""
)
_ORDINALS = (
    "", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo", "undécimo",
    "duodécimo", "decimotercero", "decimocuarto", "decimoquinto", "decimosexto", "decimoséptimo", "decimoctavo", "decimonoveno",
    "vigésimo",
)  # fmt: skip
_PARTS = {2: "medio", 3: "tercio", 11: "onceavo", 12: "doceavo", 20: "veinteavo", 100: "centésimo"}
_FEMININE = {"doscientos": "doscientas", "trescientos": "trescientas", "cuatrocientos": "cuatrocientas", "quinientos": "quinientas",
             "seiscientos": "seiscientas", "setecientos": "setecientas", "ochocientos": "ochocientas", "novecientos": "novecientas"}  # fmt: skip


class Spanish(Grammar):
    code = "es"
    pauses_at_slash, ampere = True, "amperio"
    pairs_decimals = True
    point, minus, plus, plus_minus, to, versus, per = "coma", "menos", "más", "más menos", "a", "a", "por"
    percent = noun("por ciento")
    degree = noun("grado|grados")
    month_names = (
        "enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre",
        "diciembre",
    )  # fmt: skip
    month_shorts = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic")
    time_suffix = r"[ap]\.[ ]?m\.|[AaPp][Mm]|h(?:oras|s)?"
    clock_by_h = True
    part_links = ("de ", "de ")
    currencies = currencies_of("es") | {
        "euros": (noun("euro|euros"), noun("céntimo|céntimos")),
        "dólares": (noun("dólar|dólares"), None),
        "pesos": (noun("peso|pesos"), None),
    }
    magnitudes = words("""
        k = mil
        M = millones
        MM = millones
        mill. = millones
        mil = mil
        millón = millón
        millones = millones
    """)
    magnitude_link = "de"
    units = units_of("es")
    signs = words("""
        + = más
        < = menor que
        > = mayor que
        ≤ = menor o igual que
        ≥ = mayor o igual que
        ≠ = distinto de
        ≈ = aproximadamente igual a
        × = por
        ÷ = dividido entre
        ± = más menos
        √ = raíz cuadrada de
        ∞ = infinito
        → = a
        ~ = aproximadamente
        & = y
        % = por ciento
        ‰ = por mil
        @ = arroba
        § = sección
        ° = grados
        € = euros
        $ = dólares
        £ = libras
    """) | {"=": "igual a", "#": "número"}
    web = {".": "punto", "/": "barra", "@": "arroba", "-": "guion", "_": "guion bajo", ":": "dos puntos",
           "?": "interrogación", "=": "igual", "&": "y", "%": "por ciento", "+": "más", "#": "almohadilla", "~": "virgulilla"}  # fmt: skip
    version, version_point, hashtag = "versión", "punto", "hashtag"
    singulars = {"millones": "un millón", "mil": "mil"}
    abbreviations = ABBREVIATIONS
    phones = r"(?<![\w.+-])9[1-9][ .-]\d{3}[ .-]\d{2}[ .-]\d{2}(?!\d) | (?<![\w.+-])[6789]\d{2}[ .-]?\d{3}[ .-]?\d{3}(?!\d) | (?<![\w.+-])[6789]\d{2}[ .-]\d{2}[ .-]\d{2}[ .-]\d{2}(?!\d) | (?<![\w.+-])\(?\d{2,3}\)?[ -]\d{4}[ -]\d{4}(?!\d) | (?<=\bal[ ])(?:112|911|091|062)(?!\d)"
    phone_words = r"\b(?:tel|teléfono|móvil|celular|código postal|código|contraseña|PIN|CP|DNI|NIE|fax|extensión|clave|llame|llamar)\b"
    squared, cubed, power, root = "al cuadrado", "al cubo", "elevado a {}", "raíz cuadrada de"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        said = super().cardinal(number)
        if gender == "f":
            for masculine, feminine in _FEMININE.items():
                said = said.replace(masculine, feminine) if number < 10**6 else said
            said = regex.sub(r"uno$", "una", said)
        elif counted:
            said = regex.sub(r"veintiuno$", "veintiún", said)
            said = regex.sub(r"uno$", "un", said)
        return regex.sub(r"veintiuno(?= mil)", "veintiún", regex.sub(r"(?<=y )uno(?= mil)", "un", said))

    def ordinal(self, number: int, gender: str = "m") -> str:
        said = _ORDINALS[number] if number <= 20 else super().ordinal(number)
        return regex.sub(r"o\b", "a", said) if gender == "f" else said

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator > 100:
            return f"{self.cardinal(numerator)} partido por {self.cardinal(denominator)}"
        name = _PARTS.get(denominator) or (
            self.ordinal(denominator) if denominator <= 10 else self.cardinal(denominator).replace(" ", "") + "avo"
        )
        return f"{self.cardinal(numerator, counted=True)} {name if numerator == 1 else name + 's'}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        said = "medio" if (numerator, denominator) == (1, 2) else self.fraction(numerator, denominator)
        return f"{self.cardinal(whole, counted=True)} y {said}"

    def money_join(self, units: str, cents: str) -> str:
        return f"{units} con {cents}"

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        said = self.cardinal(hour, "f")
        if minute or second is not None:
            said += f" y {self.cardinal(minute)}"
        elif suffix.startswith("h"):
            said += " hora" if hour == 1 else " horas"
        if second is not None:
            said += f" y {self.cardinal(second, counted=True)} segundos"
        half = {"a": " de la mañana", "p": " de la tarde" if hour < 9 or hour == 12 else " de la noche"}
        return said + half.get(suffix[:1].lower(), "")

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = self.month_names[month - 1]
        if day is not None:
            said = f"{'uno' if day == 1 else self.cardinal(day)} de {said}"
        return said if year is None else f"{said} de {self.year(year)}"

    def roman(self, number: int, before: str, after: str) -> str | None:
        if before in _NAMES and number < 40:
            return self.ordinal(number, "f" if before in _WOMEN else "m") if number <= 10 else self.cardinal(number)
        if before in _NUMBERED or before.lower() in ("siglo", "siglos"):
            return self.cardinal(number)
        return event_ordinal(self, number, after) or numeral_after_article(self, number, before)

    def early_rules(self) -> tuple[Rule, ...]:
        return early_rules(self)

    def rules(self) -> tuple[Rule, ...]:
        return (
            *context_rules(self),
            (r"(?<=\b[Ee]n[ ])(\d{1,2})[ ]?h[ ]?([0-5]\d)\b(?![ ]?min)", lambda m: f"{self.amount(self.number(m[1]), self.units['h'])} {self.amount(self.number(str(int(m[2]))), self.units['min'])}"),
            (r"(?<![\d.,])([01]?\d|2[0-4])[ ]?h[ ]?([0-5]\d)\b(?![ ]?min)", lambda m: self.clock(int(m[1]), int(m[2]), None, "")),
            (r"(?<![\d:.,])(1[0-2]|[1-9])[ ]?([ap]\.[ ]?m\.|[AaPp][Mm])(?!\p{L})", lambda m: self.clock(int(m[1]), 0, None, m[2])),
            (r"(?<=\b(?:[Ll]as|[Ll]a)[ ](?:\d{1,2}[.:]\d\d(?:,[ ]|[ ](?:y|o)[ ](?:las[ ])?)){0,6})([01]?\d|2[0-4])[.]([0-5]\d)(?!\d|[.,]\d|[ ]?(?:%|€|millones|mil\b|k?[mg]\b))", lambda m: self.clock(int(m[1]), int(m[2]), None, "")),
            (r"(?<![\d.,:])([01]?\d|2[0-4])[.]([0-5]\d)(?=[ ](?:a|y|-|–)[ ](?:las[ ])?\d{1,2}(?:[.:][0-5]\d)?[ ]?h)|(?<![\d.,:])([01]?\d|2[0-4])[.]([0-5]\d)[ ](?=h(?:oras)?\b)", lambda m: self.clock(int(m[1] or m[3]), int(m[2] or m[4]), None, "") + (" " if m[3] else "")),
            (r"\bc/[ ]?(?=\d{1,2}[ ]?(?:h|horas|d|días|min|minutos)\b)", lambda m: "cada "),
            (r"(?<![\d.,])1(?=[ ]sobres?[ ]de\b)", lambda m: "un"),
            (r"(?<![\d.,])(\d{1,2})(?:(?:r|d|t|m|n|v)?([oa])\b)(?![ ]?\d)", lambda m: self._ordinal(m[1], "f" if m[2] == "a" else "m")),
            (r"\bs\.(?=[ ][IVXL]+\b)", lambda m: "siglo"),
            (r"(?<![\d.,])([13])\.?(?:er|ᵉʳ)\b", lambda m: {"1": "primer", "3": "tercer"}[m[1]]),
            (r"(?<![\d.,])(\d{1,3})\.?º|(?<![\d.,])([1-9]|1\d)°(?=[ ](?:de|y|B|A|piso|grado|puesto|lugar|premio)\b)", lambda m: self._ordinal(m[1] or m[2], "m")),
            (r"(?<![\d.,])(\d{1,3})\.?ª", lambda m: self._ordinal(m[1], "f")),
            (r"(?<![\d/.,])(\d{1,2})/(\d{1,2})(?=[ ]partes\b)", lambda m: f"{self.cardinal(int(m[1]))} {self.ordinal(int(m[2]), 'f') if m[2] != '4' else 'cuarta'}s" if int(m[1]) > 1 else None),
            (r"(?<=\b[Aa]ños[ ])(\d{2})\b", lambda m: self.cardinal(int(m[1]))),
            (r"(?<![\d.,-])(1\d{3}|20\d{2})[-–](1\d{3}|20\d{2})(?![\d-])", lambda m: f"{self.cardinal(int(m[1]))} a {self.cardinal(int(m[2]))}"),
            (r"(?<=,[ ])(\d{5})(?=[ ]\p{Lu}\p{Ll})", lambda m: self.digits(m[1])),
            *noun_rules(self),
        )  # fmt: skip

    def _ordinal(self, digits: str, gender: str) -> str | None:
        return self.ordinal(int(digits), gender) if 0 < int(digits) <= 100 else None
