"""Portuguese (of Brazil): "14h30" -> "quatorze horas e trinta minutos", "R$ 5,50" -> "cinco reais e cinquenta centavos"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import Noun, Number, noun, word_set, words
from qwen3tts_webui.text.normalize.pt_abbreviations import ABBREVIATIONS
from qwen3tts_webui.text.normalize.romance_contexts import context_rules, early_rules
from qwen3tts_webui.text.normalize.romance_nouns import event_ordinal, noun_rules, numeral_after_article
from qwen3tts_webui.text.normalize.romance_units import currencies_of, units_of

_NAMES = word_set(
    """Vaticano Pedro João Paulo Manuel Afonso Carlos Henrique Luís Filipe Elizabeth Isabel Maria Pio Bento Leão Gregório
    Napoleão Jorge Guilherme Eduardo Ricardo Catarina Nicolau Alexandre Ramsés Francisco Sebastião Fernando Dinis"""
)
_WOMEN = frozenset({"Elizabeth", "Isabel", "Maria", "Catarina"})
_NUMBERED = word_set(
    """capítulo Capítulo tomo Tomo ato Ato parte Parte volume Volume artigo Artigo livro Livro tipo fase nível classe
    seção título Guerra inciso alínea anexo Anexo tabela quadro"""
)
_FEMININE = {"duzentos": "duzentas", "trezentos": "trezentas", "quatrocentos": "quatrocentas", "quinhentos": "quinhentas",
             "seiscentos": "seiscentas", "setecentos": "setecentas", "oitocentos": "oitocentas", "novecentos": "novecentas"}  # fmt: skip
_PARTS = {2: "meio", 3: "terço"}


class Portuguese(Grammar):
    code = "pt"
    pauses_at_slash, ampere = True, "ampere"
    pairs_decimals = True
    num2words_code = "pt_BR"
    point, minus, plus, plus_minus, to, versus, per = "vírgula", "menos", "mais", "mais ou menos", "a", "a", "por"
    percent = noun("por cento")
    degree = noun("grau|graus")
    month_names = (
        "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro",
        "dezembro",
    )  # fmt: skip
    month_shorts = ("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez")
    time_suffix = r"h(?:oras?|rs|s)?"
    clock_by_h = True
    part_links = ("de ", "de ")
    currencies = currencies_of("pt") | {
        "reais": (noun("real|reais"), noun("centavo|centavos")),
        "euros": (noun("euro|euros"), noun("centavo|centavos")),
        "dólares": (noun("dólar|dólares"), None),
    }
    magnitudes = words("""
        k = mil
        mi = milhões
        bi = bilhões
        tri = trilhões
        mil = mil
        milhão = milhão
        milhões = milhões
        bilhão = bilhão
        bilhões = bilhões
        trilhões = trilhões
    """)
    magnitude_link = "de"
    units = units_of("pt")
    signs = words("""
        + = mais
        < = menor que
        > = maior que
        ≤ = menor ou igual a
        ≥ = maior ou igual a
        ≠ = diferente de
        ≈ = aproximadamente igual a
        × = vezes
        ÷ = dividido por
        ± = mais ou menos
        √ = raiz quadrada de
        ∞ = infinito
        → = para
        ~ = cerca de
        & = e
        % = por cento
        ‰ = por mil
        @ = arroba
        § = parágrafo
        ° = graus
        € = euros
        $ = dólares
        £ = libras
    """) | {"=": "igual a", "#": "número"}
    web = {".": "ponto", "/": "barra", "@": "arroba", "-": "hífen", "_": "sublinhado", ":": "dois-pontos",
           "?": "interrogação", "=": "igual", "&": "e", "%": "por cento", "+": "mais", "#": "cerquilha", "~": "til"}  # fmt: skip
    version, version_point, hashtag = "versão", "ponto", "hashtag"
    singulars = {"milhões": "um milhão", "bilhões": "um bilhão", "trilhões": "um trilhão", "mil": "mil"}
    abbreviations = ABBREVIATIONS
    phones = r"(?<![\w.+-])\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}(?!\d) | (?<![\w.+-])\(?\d{2}\)?[ ]?9?\d{4}[- ]\d{4}(?!\d) | (?<![\w.+-])(?!(?:1\d|20)\d\d-(?:1\d|20)\d\d)9?\d{4}-\d{4}(?!\d) | (?<![\w.+-])0800[ -]?\d{3}[ -]?\d{4}(?!\d) | (?<![\w.+-])\d{5}-\d{3}(?!\d) | (?<![\w.+-])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d) | (?<=\bRG[ :nº.]{1,5})\d{1,2}\.\d{3}\.\d{3}-[\dXx](?!\w) | (?<![\w.+-])9[1236]\d[ ]\d{3}[ ]\d{3}(?!\d)"
    phone_words = r"\b(?:tel|telefone|celular|telemóvel|CEP|código|senha|PIN|fax|ramal|ligue|disque)\b"
    squared, cubed, power, root = "ao quadrado", "ao cubo", "elevado a {}", "raiz quadrada de"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        said = super().cardinal(number).replace(",", "").replace("catorze", "quatorze")
        if gender == "f" and number < 10**6:
            said = regex.sub(r"\bum\b", "uma", regex.sub(r"\bdois\b", "duas", said))
            for masculine, feminine in _FEMININE.items():
                said = said.replace(masculine, feminine)
        return said

    def form(self, number: Number, noun: Noun) -> str:
        """Singular below two: "1,85 metro"."""
        return noun.forms[0 if number.value < 2 else -1]

    def ordinal(self, number: int, gender: str = "m") -> str:
        said = super().ordinal(number)
        return regex.sub(r"o\b", "a", said) if gender == "f" else said

    def fraction(self, numerator: int, denominator: int) -> str:
        if denominator > 100:
            return f"{self.cardinal(numerator)} sobre {self.cardinal(denominator)}"
        name = _PARTS.get(denominator) or (
            self.ordinal(denominator)
            if denominator <= 10 or denominator == 100
            else self.cardinal(denominator) + " avo"
        )
        return f"{self.cardinal(numerator)} {name if numerator == 1 else name + 's'}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        said = "meio" if (numerator, denominator) == (1, 2) else self.fraction(numerator, denominator)
        return f"{self.cardinal(whole)} e {said}"

    def money_join(self, units: str, cents: str) -> str:
        return f"{units} e {cents}"

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        said = f"{self.cardinal(hour, 'f')} hora{'s' if hour != 1 else ''}"
        if minute or second is not None:
            said += f" e {self.cardinal(minute)} minuto{'s' if minute != 1 else ''}"
        if second is not None:
            said += f" e {self.cardinal(second)} segundo{'s' if second != 1 else ''}"
        return said

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = self.month_names[month - 1]
        if day is not None:
            said = f"{'primeiro' if day == 1 else self.cardinal(day)} de {said}"
        return said if year is None else f"{said} de {self.year(year)}"

    def roman(self, number: int, before: str, after: str) -> str | None:
        if before in _NAMES and number < 40:
            return self.ordinal(number, "f" if before in _WOMEN else "m") if number <= 10 else self.cardinal(number)
        if before.lower() in ("século", "séculos"):
            return self.ordinal(number) if number <= 10 else self.cardinal(number)
        if before in _NUMBERED:
            return self.cardinal(number)
        return event_ordinal(self, number, after) or numeral_after_article(self, number, before)

    def early_rules(self) -> tuple[Rule, ...]:
        return early_rules(self)

    def rules(self) -> tuple[Rule, ...]:
        return (
            (r"(?<![\d/.,])1º/(1[0-2]|0?[1-9])(?:/((?:19|20)\d\d))?(?![\d/])", lambda m: self.date(int(m[2]) if m[2] else None, int(m[1]), 1, "")),
            (r"(?<![\d/.,])(\d{1,2})/\1[ ]?(?:hs?|horas)\b", lambda m: f"{self.cardinal(int(m[1]), 'f')} em {self.cardinal(int(m[1]), 'f')} horas"),
            (r"(?<=\p{Lu}\p{L}+[ ])(\d{1,2})[ ]?[xX×][ ]?(\d{1,2})(?=[ ]\p{Lu})", lambda m: f"{self.cardinal(int(m[1]))} a {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])(\d{1,2})([oa])\b(?![ ]?\d)", lambda m: self._ordinal(m[1], "f" if m[2] == "a" else "m")),
            *context_rules(self),
            (r"(?<![\d.,])([01]?\d|2[0-4])[ ]?h(?:[ ]?([0-5]\d)(?:min)?\b)?[ ]?[-–às]+[ ]?([01]?\d|2[0-4])[ ]?h(?:[ ]?([0-5]\d)(?:min)?\b|(?![\p{L}\d]))",
             lambda m: f"{self.clock(int(m[1]), int(m[2] or 0), None, '')} às {self.clock(int(m[3]), int(m[4] or 0), None, '')}"),
            (r"(?<![\d.,])([01]?\d|2[0-4])[ ]?h[ ]?([0-5]\d)(?:[ ]?min)?\b", lambda m: self.clock(int(m[1]), int(m[2]), None, "")),
            (r"\b([Aa])rts?\.(?=[ ]\d)", lambda m: m[1] + ("rtigos" if "s" in m[0] else "rtigo")),
            (r"(?<=\b(?:[Pp]lacar|[Vv]enceu|[Vv]ence|[Gg]anhou|[Ee]mpatou|[Bb]ateu|[Gg]oleou|[Pp]erdeu|[Ff]inal)\b[^.\d]{0,30})(?<![\d.,])(\d{1,2})[ ]?x[ ]?(\d{1,2})\b", lambda m: f"{self.cardinal(int(m[1]))} a {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])(\d{1,3})\.?º|(?<![\d.,])([1-9]|1\d)°(?=[ ](?:de|andar|lugar|ano|grau|dia|colocado)\b)", lambda m: self._ordinal(m[1] or m[2], "m")),
            (r"\b[Ss]éc\.(?=[ ][IVXL]+\b)", lambda m: "século"),
            (r"\bR\.(?=[ ](?:d[aeo]s?[ ])?\p{Lu}\p{Ll})", lambda m: "rua"),
            (r"(?<=\b(?:venceu|ganhou|perdeu|empatou|por|de|em|placar|vitória|derrota)[ ])(\d{1,2})[ ]?x[ ]?(\d{1,2})\b", lambda m: f"{self.cardinal(int(m[1]))} a {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])(\d{1,3})\.?ª", lambda m: self._ordinal(m[1], "f")),
            (r"(?<=\b[Aa]nos[ ])(\d{2})\b", lambda m: self.cardinal(int(m[1]))),
            (r"(?<![\d.,-])(1\d{3}|20\d{2})[-–](1\d{3}|20\d{2})(?![\d-])", lambda m: f"{self.cardinal(int(m[1]))} a {self.cardinal(int(m[2]))}"),
            *noun_rules(self),
        )  # fmt: skip

    def _ordinal(self, digits: str, gender: str) -> str | None:
        return self.ordinal(int(digits), gender) if 0 < int(digits) <= 100 else None
