"""Numbers before a noun of French, Spanish, Portuguese and Italian: "une tasse et demie", "una pizca", "duas colheres".

In: a number and the word after it. Out: the number in that word's gender, and one and a half of it. Gender is guessed by
the ending, with the common exceptions.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.quantities import alternatives
from qwen3tts_webui.text.normalize.signs import roman_value


@dataclass(frozen=True, slots=True)
class _Nouns:
    """`feminine` is a pattern of words, `others` the words that only look like one; `half` is said of a masculine and
    of a feminine noun."""

    feminine: str
    others: str
    half: tuple[str, str]


_NOUNS = {
    "fr": _Nouns(
        r"""(?:heure|minute|seconde|personne|semaine|page|fois|femme|fille|maison|tonne|voiture|nuit|tasse|place|chambre
        |cuill[eè]re|bouteille|gousse|livre(?=[ ]de)|tranche|feuille|boîte|dose|pièce|ligne|table|goutte|botte|branche|noix
        |étoile|équipe|ville|rue|école|carte|porte|fenêtre|chaise|pomme|poire|tomate|carotte|banane|orange|cerise|marche
        |étape|crêpe|recette|rame|rive|ruelle|rose|salle|scène|selle|plage|plante|plaque|clé|vie|partie|copie|photo|vidéo|caisse|lettre|sœur|mère|douzaine|dizaine|centaine)s?
        |pilule|gélule|ampoule|chose|dame|note|langue|chance|vache|poule|main|dent|fleur|mer|forêt|loi|couleur|larme|arme|balle|tarte|olive|fraise|échalote
        |\p{L}+(?:ure|ie|ille|esse|ine|ude|ée|tion|sion|ette|elle|ance|ence|euse|trice|ité|aine)s?""",
        "murmures? génies? incendies? parapluies? gorilles? mille magazines? prématurés? musées? lycées? comités? trophées? étés? côtés? traités? modèles? mètres? million millions milliard domaines?",
        ("demi", "demie"),
    ),
    "es": _Nouns(
        r"""\p{L}{2,}as? | \p{L}+(?:ción|sión|dad|tad|tud|umbre)(?:es)?
        | (?:vez|veces|mujer|mujeres|noches?|tardes?|calles?|clases?|llaves?|partes?|flor|flores|torres?|series?|imagen
        |imágenes|naves?|nubes?|fases?|frases?|fotos?|motos?|manos?|redes?|bases?|claves?|sedes?|voz|voces|luz|luces|cruz|cruces|dosis|crisis|ley|leyes|radios?|aves?
        |gentes?|pieles?|sales?|señales|reuniones|opiniones|regiones|cuestiones|uniones|religiones|opinión|región|unión|cuestión)""",
        "días? mapas? problemas? programas? sistemas? temas? idiomas? climas? planetas? poemas? dramas? para contra cada"
        " hasta era nada ya dálmatas? atletas? poetas? artistas? turistas? ciclistas? futbolistas? periodistas? policías? guardias? gana fuera más tras",
        ("medio", "media"),
    ),
    "pt": _Nouns(
        r"""\p{L}{2,}as? | \p{L}+(?:ção|ções|são|sões|dades?|agem|agens) | (?:opini|regi|quest|uni|religi)(?:ão|ões)
        | (?:chance|rede|base|luz|luze|cruz|cruze|dor|dore|cor|core|voz|voze|árvore|ponte|equipe|crise|dose|foto|moto|ave)s? | ordem | ordens
        | (?:vez|vezes|mulher|mulheres|noites?|tardes?|colher|colheres|partes?|mãos?|flor|flores|chaves?|classes?|frases?
        |fases?|torres?|maçãs?|irmãs?)""",
        "dias? mapas? problemas? programas? sistemas? temas? idiomas? climas? planetas? gramas? quilogramas? miligramas?"
        " cinemas? para contra cada era nada mas das nas pelas pela uma umas",
        ("meio", "meia"),
    ),
    "it": _Nouns(
        r"\p{L}{2,}(?:a|à|zione|sione) | (?:notte|parte|classe|chiave|carne|frase|fase|torre|nave|mano)",
        "problema programma sistema tema clima pianeta poema dramma alla della dalla nella sulla era sia ancora sopra"
        " senza circa prima contro uova paia centinaia migliaia euro",
        ("mezzo", "mezza"),
    ),
}  # fmt: skip
_NO_NOUN = regex.compile(
    r"""(?:de|del|des|du|di|da|do|dos|das|del|et|ou|en|au|aux|par|pour|avec|sur|sous|sans|est|sont|con|per|por|para|com|sin
    |entre|hasta|desde|más|menos|que|como|cada|vs|contra|contre|até|mais|tra|fra|su|nel|dal|al|alle|agli|fino|meno|più|non
    |son|fue|sobre|según|coma|punto|vezes|fois|mil|mila|mille)""",
    regex.X,
)
_ITALIAN_UNO = regex.compile(r"s[bcdfghlmnpqrtvz]|z|gn|ps|pn|x|y")


_COUNTED_EVENTS = regex.compile(
    r"""guerra|rep[úu]blica|edici[óo]n|edizione|edi[çc][ãa]o|aniversario|anivers[áa]rio|anniversario|congres[sc]?o|cumbre|copa
    |festival|feria|jornadas?|premio|pr[êe]mio|concurso|concorso|bienal|biennale|semana|settimana|legislatura|dinast[íi]a
    |torneo|torneio|campeonato|campionato|maratón|maratona|concilio|conc[íi]lio|internacional|internazionale|mostra|giornata
    |trimestre|semestre|quadrimestre|cuatrimestre|bimestre|municipio|divisi[óo]n|divisione|divis[ãa]o|regi[óo]n|cent[eé]n[aá]rio""",
    regex.X | regex.IGNORECASE,
)
_EVENTS_M = regex.compile(r"\p{L}+mestre|munic|ani|anni|congr|fest|pr|con|torn|camp|cent", regex.IGNORECASE)


def event_ordinal(grammar: Grammar, number: int, after: str) -> str | None:
    """ "XX aniversario", "II Guerra Mundial"; None before another word."""
    word = after.strip()
    if number > 100 or _COUNTED_EVENTS.fullmatch(word) is None:
        return None
    said = grammar.ordinal(number, "m" if _EVENTS_M.match(word) else "f")
    return said.capitalize() if word[0].isupper() else said


_ARTICLES = {
    "fr": ("le au du", "la"),
    "es": ("el al del", "la"),
    "pt": ("o ao do no", "a da na"),
    "it": ("il al dal del nel", "la dalla della nella"),
}


def numeral_after_article(grammar: Grammar, number: int, before: str) -> str | None:
    """ "en el XVIII", "nel XIX", "la II": a century, or something counted that was named before."""
    masculine, feminine = (articles.split() for articles in _ARTICLES[grammar.code])
    word = before.lower()
    if not 1 < number < 40 or number in (5, 10) or word not in (*masculine, *feminine):
        return None
    if number > 10 and grammar.code in ("es", "pt"):
        return grammar.cardinal(number)
    return grammar.ordinal(number, "f" if word in feminine else "m")


_CENTURIES = {"es": ("siglos?", "al|y|o|a"), "pt": ("séculos?", "ao|e|ou|a"), "it": ("secol[oi]", "al|e|o|a")}


def _century_spans(grammar: Grammar) -> tuple[Rule, ...]:
    """ "del siglo XV al XVI", "dal XV al XVI secolo"."""
    if grammar.code not in _CENTURIES:
        return ()
    word, links = _CENTURIES[grammar.code]

    def said(match: regex.Match[str]) -> str:
        noun = "secolo" if grammar.code == "it" else match["word"].lower()
        first, last = (grammar.roman(roman_value(match[key]), noun, "") or "" for key in ("a", "b"))
        link = match["link"] or f" {grammar.to} "
        return f"{match['before'] or ''}{first}{link}{last}{match['tail'] or ''}"

    between = rf"(?:(?P<link>[ ](?:{links})[ ])|[ ]?[-–][ ]?)"
    rules: list[Rule] = [
        (rf"\b(?P<before>(?P<word>(?i:{word}))[ ])(?P<a>[IVX]+){between}(?P<b>[IVX]+)\b(?P<tail>)", said),
    ]
    if grammar.code == "it":
        rules.append((rf"(?P<before>)(?<![\p{{L}}\d])(?P<a>[IVX]+){between}(?P<b>[IVX]+)\b(?P<tail>[ ]{word})\b", said))
    return tuple(rules)


def noun_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Halves and numbers before a noun; after the rules for times and dates."""
    nouns = _NOUNS[grammar.code]
    feminine = regex.compile(nouns.feminine, regex.X)
    others = regex.compile("|".join(nouns.others.split()))

    def is_feminine(word: str) -> bool:
        return feminine.fullmatch(word) is not None and others.fullmatch(word) is None

    def number(match: regex.Match[str]) -> str | None:
        word, value = match["noun"], int(match["n"].replace(".", ""))
        if match["n"][0] == "0" or _NO_NOUN.fullmatch(word) or word in grammar.units or word in ("mln", "mld"):
            return None
        if grammar.code in ("es", "pt") and value > 1 and word[-1] != "s":
            return None
        if is_feminine(word):
            if grammar.code == "it":
                return "una" if value == 1 else None
            return grammar.cardinal(value, "f")
        if value % 10 != 1 or value % 100 == 11 or grammar.code in ("fr", "pt"):
            return None
        if grammar.code == "it":
            return ("uno" if _ITALIAN_UNO.match(word) else "un") if value == 1 else None
        return grammar.cardinal(value, counted=True)

    def centuries(match: regex.Match[str]) -> str:
        """ "siglos XVIII y XIX"."""
        said = (grammar.roman(roman_value(match[key]), match["word"].lower(), "") or "" for key in ("a", "b"))
        return f"{match['word']} {next(said)} {match['link']} {next(said)}"

    def thousands(match: regex.Match[str]) -> str | None:
        """ "2 mil pessoas"."""
        return grammar.cardinal(int(match["n"]) * 1000, "f") if is_feminine(match["noun"]) else None

    def both(match: regex.Match[str]) -> str | None:
        """ "2-3 vezes", "2 ou 3 colheres"."""
        noun = match["noun"]
        is_other = _NO_NOUN.fullmatch(noun) or noun in grammar.units or not is_feminine(noun)
        if grammar.code == "it" or (is_other and noun not in ("fois", "vezes", "veces")):
            return None
        if "0" in (match["n"][0], match["m"][0]) or int(match["n"]) >= int(match["m"]):
            return None
        link = match["link"] if match["link"].strip().isalpha() else f" {grammar.to} "
        return f"{grammar.cardinal(int(match['n']), 'f')}{link}{grammar.cardinal(int(match['m']), 'f')}"

    def half_word(feminine: bool) -> str:
        said = nouns.half[feminine]
        return {"demi": "un demi", "demie": "une demi"}.get(said, said)

    def half_unit(match: regex.Match[str]) -> str:
        """ "1/2 kg"."""
        unit = grammar.units[match["unit"]]
        return f"{half_word(unit.gender == 'f')} {unit.forms[0]}"

    def half_of(match: regex.Match[str]) -> str:
        """ "1/2 cucharadita"."""
        word = match["noun"]
        is_spoon = word == "c." or regex.match("colher|cuill", word) is not None
        return half_word(is_spoon or is_feminine(word))

    def half(match: regex.Match[str]) -> str | None:
        word, value = match["noun"], int(match["n"])
        unit = grammar.units.get(word)
        word = "cuillères" if word == "c." else word
        if _NO_NOUN.fullmatch(word) or word in grammar.magnitudes:
            return None
        if unit is not None:
            word, gender = unit.forms[0 if value == 1 else -1], unit.gender
        else:
            is_plural_feminine = grammar.code == "it" and word.endswith("e") and value > 1
            gender = "f" if is_feminine(word) or is_plural_feminine else "m"
            word = singular(word) if value == 1 else word
            gender = "f" if is_feminine(word) else gender
        link = {"fr": "et", "it": "e", "es": "y", "pt": "e"}[grammar.code]
        tail = (match["tail"] or "").replace("c.", "café").replace("s.", "soupe")
        return f"{grammar.cardinal(value, gender, counted=True)} {word}{tail} {link} {nouns.half[gender == 'f']}"

    def singular(word: str) -> str:
        if grammar.code == "it":
            return word[:-1] + {"e": "a", "i": "o"}.get(word[-1], word[-1])
        return word.removesuffix("s")

    spoon = r"c\.(?=[ ]à)|" if grammar.code == "fr" else ""
    tail = r"(?P<tail>[ ]à[ ](?:soupe|café|thé|[cs]\.))?" if spoon else "(?P<tail>)"
    return (
        *_century_spans(grammar),
        (
            r"\b(?P<word>[Ss]iglos|[Ss]éculos|[Ss]ecoli)[ ](?P<a>[IVX]+)[ ](?P<link>\p{Ll}{1,2})[ ](?P<b>[IVX]+)\b",
            centuries,
        ),
        (
            rf"(?<![\d/.,])(?P<n>\d{{1,3}})[ ]1/2[ ](?P<noun>{spoon}\p{{Ll}}\p{{L}}*){tail}(?![\p{{L}}²³/])",
            half,
        ),
        (rf"(?<![\d/.,])(?<!\d )1/2[ ](?P<unit>{alternatives(grammar.units)})(?![\p{{L}}²³/°])", half_unit),
        (rf"(?<![\d/.,])(?<!\d )1/2(?=[ ](?P<noun>{spoon}\p{{Ll}}{{2,}}))", half_of),
        (
            r"(?<![\d.,/:])(?<!\d[-–])(?P<n>\d{1,4})(?=[ ](?:fois|vezes)\b(?![ ]\d))",
            lambda match: grammar.cardinal(int(match["n"]), "f"),
        ),
        (
            r"(?<![\d.,/:])(?<!\d[-–])(?P<n>\d{1,4})(?P<link>[ ]?[-–][ ]?|[ ](?:ou|o|u|a|e|y|à|et|ao)[ ])(?P<m>\d{1,4})(?=[ ](?P<noun>\p{Ll}{3,})(?!\p{L}|\.[ ]?[\p{Ll}\d]|\.\S))",
            both,
        ),
        (r"(?<![\d.,/:])(?<!\d[-–])(?P<n>\d{1,3})[ ]mil(?=[ ](?P<noun>\p{Ll}{3,}))", thousands),
        (
            r"(?<![\d.,/:])(?<!\d[-–])(?P<n>\d{1,6}|\d{1,3}\.\d{3})(?=[ ](?P<noun>\p{Ll}{3,})(?!\p{L}|\.[ ]?[\p{Ll}\d]|\.\S))",
            number,
        ),
    )
