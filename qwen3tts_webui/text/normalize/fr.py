"""French: "14h30" -> "quatorze heures trente", "XXe siècle" -> "vingtième siècle"."""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.fr_abbreviations import ABBREVIATIONS
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import Noun, Number, noun, word_set, words
from qwen3tts_webui.text.normalize.romance_contexts import context_rules, early_rules
from qwen3tts_webui.text.normalize.romance_nouns import noun_rules
from qwen3tts_webui.text.normalize.romance_units import currencies_of, units_of
from qwen3tts_webui.text.normalize.signs import roman_value

_NAMES = word_set(
    """Louis Henri Charles Philippe François Napoléon Élisabeth Elisabeth Jean Paul Pie Benoît Léon Grégoire Guillaume
    Édouard Edouard Richard Georges Jacques Pierre Nicolas Alexandre Catherine Frédéric Ivan Albert Léopold Baudouin
    Ramsès Juan Carlos Felipe Robert Rodolphe Ferdinand"""
)
_NUMBERED = word_set(
    """chapitre Chapitre tome Tome acte Acte partie Partie volume Volume article Article livre Livre scène titre type
    phase niveau classe section annexe annexe Annexe tableau phase"""
)


class French(Grammar):
    code = "fr"
    pauses_at_slash, ampere = True, "ampère"
    point, minus, plus, plus_minus, to, versus, per = "virgule", "moins", "plus", "plus ou moins", "à", "à", "par"
    percent = noun("pour cent")
    degree = noun("degré|degrés")
    month_names = (
        "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
        "décembre",
    )  # fmt: skip
    month_shorts = ("janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov", "déc")
    time_suffix = r"h(?:eures?)?"
    clock_by_h = True
    part_links = ("de ", "d'")
    currencies = currencies_of("fr") | {
        "euros": (noun("euro|euros"), noun("centime|centimes")),
        "dollars": (noun("dollar|dollars"), None),
    }
    magnitudes = words("""
        k = mille
        M = millions
        Md = milliards
        Mds = milliards
        Mrd = milliards
        million = million
        millions = millions
        milliard = milliard
        milliards = milliards
    """)
    magnitude_link = "de"
    units = units_of("fr")
    signs = words("""
        + = plus
        < = inférieur à
        > = supérieur à
        ≤ = inférieur ou égal à
        ≥ = supérieur ou égal à
        ≠ = différent de
        ≈ = environ égal à
        × = fois
        ÷ = divisé par
        ± = plus ou moins
        √ = racine carrée de
        ∞ = l'infini
        → = vers
        ~ = environ
        & = et
        % = pour cent
        ‰ = pour mille
        @ = arobase
        § = paragraphe
        ° = degrés
        € = euros
        $ = dollars
        £ = livres
    """) | {"=": "égale", "#": "numéro"}
    web = {".": "point", "/": "slash", "@": "arobase", "-": "tiret", "_": "tiret bas", ":": "deux-points",
           "?": "point d'interrogation", "=": "égal", "&": "et", "%": "pour cent", "+": "plus", "#": "dièse", "~": "tilde"}  # fmt: skip
    version, version_point, hashtag = "version", "point", "hashtag"
    singulars = {"millions": "un million", "milliards": "un milliard"}
    abbreviations = ABBREVIATIONS
    phones = r"(?<![\w.+-])0[ ]8\d{2}[ ]\d{3}[ ]\d{3}(?!\d) | (?<![\w.+-])0[1-9](?:[ .\u00a0-]?\d{2}){4}(?!\d) | (?<![\w.+-])(?:15|17|18|112)(?=[ ]\(?(?:police|SAMU|pompiers|secours))"
    phone_words = (
        r"\b(?:tél|tel|téléphone|portable|mobile|numéro|code|passe|PIN|fax|poste|SIRET|SIREN|RIB|digicode|dossier)\b"
    )
    squared, cubed, power, root = "au carré", "au cube", "puissance {}", "racine carrée de"

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        said = super().cardinal(number)
        return said + "e" if gender == "f" and regex.search(r"(?:^|[ -])un$", said) else said

    def form(self, number: Number, noun: Noun) -> str:
        """Singular below two: "1,85 mètre"."""
        return noun.forms[0 if number.value < 2 else -1]

    def ordinal(self, number: int, gender: str = "m") -> str:
        if number == 1:
            return "première" if gender == "f" else "premier"
        return super().ordinal(number)

    def decimals(self, fraction: str) -> str:
        zeros = len(fraction) - len(fraction.lstrip("0"))
        rest = fraction[zeros:]
        if len(rest) > 3:
            return self.digits(fraction)
        return self.join(*["zéro"] * zeros, self.cardinal(int(rest)) if rest else "")

    def fraction(self, numerator: int, denominator: int) -> str:
        names = {2: "demi", 3: "tiers", 4: "quart"}
        if denominator > 100:
            return f"{self.cardinal(numerator)} sur {self.cardinal(denominator)}"
        name = names.get(denominator, self.ordinal(denominator))
        return f"{self.cardinal(numerator)} {name if numerator == 1 or name.endswith('s') else name + 's'}"

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        if (numerator, denominator) == (1, 2):
            return f"{self.cardinal(whole)} et demi"
        return f"{self.cardinal(whole)} et {self.fraction(numerator, denominator)}"

    def phone_group(self, digits: str) -> str:
        """Two by two, as French telephone numbers are read."""
        if len(digits) % 2 or len(digits) < 2:
            return self.digits(digits)
        pairs = (digits[i : i + 2] for i in range(0, len(digits), 2))
        return ", ".join(self.digits(pair) if pair[0] == "0" else self.cardinal(int(pair)) for pair in pairs)

    def of_magnitude(self, amount: str, noun: Noun) -> str:
        if amount.endswith("mille"):
            return f"{amount} {noun.forms[-1]}"
        return amount + (" d'" if regex.match("[aeiouyéh]", noun.forms[-1]) else " de ") + noun.forms[-1]

    def money_join(self, units: str, cents: str) -> str:
        return f"{units} et {cents}"

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        said = f"{self.cardinal(hour, 'f')} heure{'s' if hour > 1 else ''}"
        if minute or second is not None:
            said += f" {self.cardinal(minute, 'f')}"
        if second is not None:
            said += f" et {self.cardinal(second, 'f')} seconde{'s' if second > 1 else ''}"
        return said

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        said = self.month_names[month - 1]
        if day is not None:
            said = f"{'premier' if day == 1 else self.cardinal(day)} {said}"
        return said if year is None else f"{said} {self.year(year)}"

    def roman(self, number: int, before: str, after: str) -> str | None:
        suffix, _, word = after.partition(" ")
        if before in _NAMES and number < 40:
            return "premier" if number == 1 else self.cardinal(number)
        if before in _NUMBERED:
            return self.cardinal(number)
        if suffix in ("e", "ème", "eme", "er", "re") and (number > 1 or suffix in ("er", "re")):
            return self.ordinal(number, "f" if suffix == "re" or word in ("République", "dynastie") else "m")
        if word in ("siècle", "siècles"):
            return self.ordinal(number)
        return None

    def early_rules(self) -> tuple[Rule, ...]:
        first = r"(?<![\d/.,])1er/(1[0-2]|0?[1-9])(?:/((?:19|20)\d\d))?(?![\d/])"
        return (
            (first, lambda m: self.date(int(m[2]) if m[2] else None, int(m[1]), 1, "")),
            (
                r"(?<=\d[ ]?(h|(?:heure|année|semaine|minute|tasse)s?|\p{Ll}{3,})[ ])1/2(?![\d/])(?![ ](?!(?:et|puis|par|à|pour|avec|ou)\b)\p{Ll})",
                lambda m: "et demi" + "e" * bool(regex.match("h$|heure|année|semaine|minute|tasse", m[1])),
            ),
            (r"(?<=\d{2})[ ]?×[ ]?(?=\d{2,})(?![^\n]{0,12}=)", lambda m: " sur "),
            *early_rules(self),
        )

    def rules(self) -> tuple[Rule, ...]:
        return (
            *context_rules(self),
            (r"(?<![\d.,])(\d{1,2})[ ]?h(?:[ ]?([0-5]\d)\b)?[ ]?[-–à][ ]?(\d{1,2})[ ]?h(?:[ ]?([0-5]\d)\b|(?![\p{L}\d]))",
             lambda m: f"{self.clock(int(m[1]), int(m[2] or 0), None, '')} à {self.clock(int(m[3]), int(m[4] or 0), None, '')}"),
            (r"(?<![\d.,])([01]?\d|2[0-4])[ ]?h[ ]?([0-5]\d)\b(?![ ]?min)", lambda m: self.clock(int(m[1]), int(m[2]), None, "")),
            (r"(?<![\d.,])24[ ]?h(?:eures)?[ ]?/[ ]?24\b", lambda m: "vingt-quatre heures sur vingt-quatre"),
            (r"(?<![\d.,])([5-7])[ ]?j(?:ours)?[ ]?/[ ]?7\b", lambda m: f"{self.cardinal(int(m[1]))} jours sur sept"),
            (r"(?<![\d.,])([12])[ ]?m[ ]?([0-9]\d)\b", lambda m: f"{self.cardinal(int(m[1]))} mètre{'s' if m[1] == '2' else ''} {self.decimals(m[2])}"),
            (r"(?<=\b[LRD]\.?[ ]?)(\d{1,4})-(\d{1,3})(?![\d,.]\d|\d)", lambda m: f"{self.cardinal(int(m[1]))} tiret {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,\p{L}])(\d{1,2})[\"″](\d{2})(?!\d)", lambda m: f"{self.cardinal(int(m[1]))} secondes {self.cardinal(int(m[2]))}"),
            (r"(?<![\d.,])4[ ]?[x×][ ]?4(?![\d.,=])", lambda m: "quatre-quatre"),
            (r"(?:(?<=\bloi[ ])|([nN][°º][ ]?))(\d{2,4})-(\d{1,5})(?![\d-])", lambda m: f"{'numéro ' if m[1] else ''}{self.cardinal(int(m[2]))} tiret {self.cardinal(int(m[3]))}"),
            (r"(?<![\d.,])(\d{1,2})[ ]?[x×][ ]?(?=\d+[ ]?(?:min|h|s|rép)\b)", lambda m: f"{self.cardinal(int(m[1]))} fois "),
            (r"(?<=\b[Ll]es[ ])art\.(?=[ ]\d)", lambda m: "articles"),
            (r"\b([Aa]rt)\.(?=[ ]1er\b)", lambda m: f"{m[1]}icle"),
            (r"(?<=\b[Ll]e[ ]|\b[Dd]u[ ])49[.,]3(?!\d)", lambda m: "quarante-neuf trois"),
            (r"(?<![\d.,])1(?:er|ᵉʳ)(s?)\b", lambda m: f"premier{m[1]}"),
            (r"(?<![\d.,/])(\d{1,2}(?:,\d{1,2})?)/20(?![\d/])", lambda m: f"{self.say(self.number(m[1]))} sur vingt"),
            (r"\b([IVX]+)e[-–]([IVX]+)e(?=[ ](?:si[èe]cles?|s\b))", lambda m: f"{self.ordinal(roman_value(m[1]))} — {self.ordinal(roman_value(m[2]))}"),
            (r"(?<=(?:\b[IVX]+er?|ième|premier)[ ])s\.?(?!\p{L})", lambda m: "siècle" + self.stop_after(m, ".")),
            (r"(?<![\d.,])1(?:re|ʳᵉ|ère)\b", lambda m: "première"),
            (r"(?<![\d.,])2(?:nde|de)\b", lambda m: "seconde"),
            (r"(?<![\d.,])2nd\b", lambda m: "second"),
            (r"(?<![\d.,])(\d{1,4})(?:ᵉ|e|è|ème|eme|ième)(s?)\b", lambda m: self.ordinal(int(m[1])) + m[2]),
            (r"(?<=\b[Aa]nnées[ ])(\d{2})\b", lambda m: self.cardinal(int(m[1]))),
            (r"(?<![\d.,-])(1\d{3}|20\d{2})[-–](1\d{3}|20\d{2})(?![\d-])", lambda m: f"{self.cardinal(int(m[1]))} à {self.cardinal(int(m[2]))}"),
            *noun_rules(self),
        )  # fmt: skip
