"""Numbers next to certain words of French, Spanish, Portuguese and Italian: verses, laws, doses, minutes of a match.

In: the grammar. Out: rules (see grammar.Rule) that differ only by their words.
"""

from __future__ import annotations

from dataclasses import dataclass

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import Noun, Number
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.quantities import alternatives
from qwen3tts_webui.text.normalize.romance_books import books_of


@dataclass(frozen=True, slots=True)
class _Words:
    """`days` stand before the short name of a weekday, `joins` after it; `law` joins a law and its year, `rate` a number
    and the time it is counted in; `at` and `the_minute` are patterns of words before the minute of a match."""

    days: str
    joins: str
    law: str
    rate: str
    of: str
    at: str


_WORDS = {
    "fr": _Words("du|le|au|les|chaque|jusqu'au|dès", "au|à|et|ou|de", "slash", "par", "de|des|du|d['’]", r"à[ ]la"),
    "es": _Words("del?|el|los|al|hasta|y|a", "al?|y|o|de", "barra", "por", "del?", r"el|al|del|minuto"),
    "pt": _Words("de|das?|n[ao]s?|aos?|até|às?|e", "a|à|às|e|ou|das|de", "de", "por", "d[aeo]s?", r"aos|dos"),
    "it": _Words(
        "il|la|dal?|al|ogni|di|e|del", "al?|e|o|dalle|alle|ore", "del", "al", "di|del|della|dei", r"al|dal|del"
    ),
}
_LAW = (
    r"(?:(?:[Ll]ey|[Ll]ei|[Ll]egge)(?:[ ](?:[Oo]rg[áâ]nica|[Gg]eneral|[Ff]oral|[Cc]omplementar|costituzionale|regionale))?|[Dd]ecreto[ ][Ll]eg\p{L}+|[Ll]oi|LEI|LEY|[Dd]ecreto(?:[- ][Ll]e[iy]|[- ][Ll]egge)?|[Dd]écret|[Rr]eglamento|[Rr]egolamento"
    r"|[Rr]èglement|[Rr]egulamento|[Dd]iret?ti(?:va|ve)|[Dd]irecti(?:va|ve)|D\.?[ ]?[Ll]gs\.?|D\.?[ ]?L\.?|DPR|D\.P\.R\.|RDL?|[Ss]entencia|[Ss]entenza|STC|[Pp]rocesso|[Ee]xpediente"
    r"|[Rr]esolu(?:ción|ção)|[Oo]rden|ADI|MP|PEC|PLC?|HC|RE|[Pp]ortaria|L\.)(?:[ ]\(?(?:UE|CE|EU)\)?)?[ ]"
)
_RATED = r"(?:[Nn]otes?|[Nn]otas?|[Vv]ot[oi]|[Ss]core|[Pp]unteggio|[Pp]untuación|[Aa]valiação|[Vv]aloración|[Vv]alutazione|[Ee]xamen|[Ee]same|[Pp]rova)"
_PRESSURE = r"(?:[Tt]ension|[Tt]ensión|[Pp]resión|[Pp]ressão|[Pp]ressione|TA|PA)"
_SCREENS = (
    r"(?i:écran|télé|tv|moniteur|monitor|pantalla|televisor|tela|schermo|televisore|display|jantes?|llantas?|cerchi|rodas?|aro|tablet|tablette|laptop"
    r"|portátil|notebook|macbook|vélo|ipad|smart)"
)
_TIMED = r"(?:marat[oóh]+na?|semi-marathon|récords?|records?|recorde|tiempo|temps|tempo|crono|durée|duración|duração|durata|course|carrera|corrida|gara|etapa|étape|tappa)"
_WEEK = {"fr": "semaine", "es": "semana", "pt": "semana", "it": "settimana"}
_SPANS = r"jours?|jr|j|semaine|sem|mois|ans?|día|dia|semana|mes|mês|año|ano|die|giorno|gg|settimana|sett|mese|anno|h|hora|heure|ora|min"
_PER = {"die": "giorno", "gg": "giorno", "sett": "settimana", "j": "jour", "jr": "jour", "jours": "jour"}
_INCHES = {"fr": "pouce|pouces", "es": "pulgada|pulgadas", "pt": "polegada|polegadas", "it": "pollice|pollici"}
_NOT_DATES = frozenset({(24, 7), (16, 9), (16, 10), (21, 9), (18, 10), (18, 8)})


def early_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Before dates and times."""
    words, slash = _WORDS[grammar.code], f" {grammar.web['/']} "
    books = books_of(grammar.code)
    days = "|".join(PHRASES[grammar.code].shorts)

    def verse(match: regex.Match[str]) -> str:
        book = f"{grammar.ordinal(int(match['n']), 'f')} " if match["n"] else ""
        said = f"{book}{books[match['book']]} {grammar.cardinal(int(match['a']))}, {grammar.cardinal(int(match['b']))}"
        return f"{said} {grammar.to} {grammar.cardinal(int(match['c']))}" if match["c"] else said

    def weekday(match: regex.Match[str]) -> str:
        short, phrases = match["day"].casefold(), PHRASES[grammar.code]
        at = next(at for at, shorts in enumerate(phrases.shorts) if short in shorts.split("|"))
        return phrases.weekdays[at] + grammar.stop_after(match, ".")

    def race(match: regex.Match[str]) -> str:
        return _duration(grammar, match)

    def law(match: regex.Match[str]) -> str:
        number = grammar.cardinal(int(match["n"].replace(".", "")))
        number = f"{grammar.signs['#']} {number}" if match["no"] else number
        is_year_first = match["n"][:2] in ("19", "20") and len(match["n"]) == 4
        last = (
            grammar.digits(match["year"])
            if match["year"][0] == "0" and is_year_first
            else grammar.cardinal(int(match["year"]))
        )
        return f"{number}{slash if is_year_first else f' {words.law} '}{last}"

    def date(match: regex.Match[str]) -> str | None:
        day, month = int(match["d"]), int(match["m"])
        if (day, month) in _NOT_DATES or not 1 <= month <= 12 or not 12 < day <= 31:
            return None
        return grammar.date(None, month, day, "")

    return (
        (rf"(?:(?<![\d.,])(?P<n>[1-3])[ ]?|\b)(?P<book>{alternatives(books)})\.?[ ](?P<a>\d{{1,3}})[,:.][ ]?(?P<b>\d{{1,3}})(?:[-–](?P<c>\d{{1,3}}))?(?![\d,:%]|[.]\d|[ ]?(?:%|€|[kmg]|\p{{L}}{{1,3}}\b[²³]?/|million|mill|mil|euro|punt|pont|anni|an[so]|años))", verse),
        (rf"(?<=\b(?:{words.days})[ ])(?<!\d[ ](?:de|di|le|e|a)[ ])(?P<day>(?i:{days}))\.(?![ ]?\d{{4}})(?=[ ]?[\p{{Ll}}\d,;)])|(?<!\d[ ])(?<!\d[ ](?:de|di)[ ])(?<![\p{{L}}–/-])(?P<day>(?i:{days}))\.(?=[ ](?:{words.joins})[ ])(?!.de[ ]\d)|(?<=(?:^|[,(:;\n])[ ]?)(?P<day>(?i:{days}))\.(?=[,;)]|\s*$|[ ]\d{{1,2}}[:h])|(?<!\d[ ])\b(?P<day>(?i:{days}))\.(?=,?[ ]\d{{1,2}}/\d|,[ ](?:{days})\.)|(?<=\b(?:{days})\.,[ ]|[^\d],[ ])(?P<day>(?i:{days}))\.(?=[ ]\p{{Ll}})", weekday),
        (rf"(?<=(?i:{_TIMED})\b[^.!?\d\n]{{0,20}})(\d{{1,2}}):([0-5]\d):([0-5]\d)(?![\d:]|[ ]?h)", race),
        (rf"(?:(?<=\b{_LAW})|(?<!\p{{L}})(?P<no>[Nn](?:[°º.]|\.[°º]|úm\.|r\.)[ ]?))(?P<n>\d{{1,4}}|\d{{1,3}}\.\d{{3}})/(?P<year>\d{{2,4}})(?![\d/]|[.,]\d)|(?<![\d/.,])(?P<n>(?:19|20)\d\d)/(?P<year>\d{{3,4}})(?<!/(?:19|20)\d\d)(?![\d/]|[.,]\d)|(?<![\d/.,])(?P<n>1[3-9]|[2-9]\d|(?!19|20)\d{{3,4}})/(?P<year>(?:19|20)\d\d)(?![\d/]|[.,]\d)", law),
        (r"(?<![\d/])(\d{2,4})/(\d{1,4})/(?=(?:CEE?|UE|EU|CECA)\b)", lambda m: f"{grammar.cardinal(int(m[1]))}{slash}{grammar.cardinal(int(m[2]))} "),
        (rf"(?<=\b{_PRESSURE}\b[^.\d]{{0,25}})(\d{{1,3}})/(\d{{1,3}})(?![\d/]|[ ]?mm)", lambda m: f"{grammar.cardinal(int(m[1]))} {PHRASES[grammar.code].over} {grammar.cardinal(int(m[2]))}"),
        (r"(?<![\d/.,:-])(?P<d>\d{2})/(?P<m>\d{1,2})(?![\d/]|[.,]\d|[ ]?(?:mm|[\"″]))", date),
        (r"(?<![\d.,:])(\d{1,2})[ ]?h[ ]?([0-5]?\d)['′][ ]?(?:([0-5]?\d)(?:[\"″]|''))?(?!\d)", lambda m: _duration(grammar, m)),
        (r"(?<=\p{L}[ ])(\d{1,2})[ ](?=(?:16|32|64|128|256|512)[ ]?(?:GB|Go|Gb|TB|To)\b)", lambda m: f"{grammar.cardinal(int(m[1]))}, "),
    )  # fmt: skip


def context_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """After dates and times."""
    words, slash = _WORDS[grammar.code], f" {grammar.web['/']} "
    inch = Noun(tuple(_INCHES[grammar.code].split("|")), "f" if grammar.code in ("es", "pt") else "m")

    def out_of(match: regex.Match[str]) -> str:
        said = grammar.out_of(match["a"], match["b"])
        return said.replace(" de ", " sobre ") if grammar.code == "es" else said

    def rate(match: regex.Match[str]) -> str:
        number, span = Number(match["n"], match["n"]), match["span"]
        noun = PHRASES[grammar.code].multiple
        said = grammar.amount(number, noun) if match["x"] else grammar.cardinal(number.value)
        span = _WEEK[grammar.code] if span == "sem" else _PER.get(span, span)
        unit = grammar.units.get(span)
        span = unit.forms[0] if unit else span
        link = "all'" if words.rate == "al" and span[0] in "aeo" else f"{words.rate} "
        return f"{said} {link}{span}"

    units = alternatives(unit for unit in grammar.units if unit[0].isalpha()) + "|vezes|veces|volt[ae]|fois|vez"

    def per_word(match: regex.Match[str]) -> str | None:
        word = _PER.get(match["span"], match["span"])
        if match["span"] in grammar.units and match["span"] not in _PER:
            return None
        return f" all'{word}" if words.rate == "al" and word[0] in "aeiou" else f" {words.rate} {word}"

    return (
        (rf"(?<=\d[ ]?(?:%|(?:{units})(?:/(?:{units}))?))/(?P<span>\p{{Ll}}{{3,12}}|an|j)(?![\p{{L}}\d²³/])", per_word),
        (r"(?<=\b(?:[Ll]e|[Ii]l|[Ee]l|[Oo])[ ])1/(\d{1,2})(?=[ ]d)", lambda m: grammar.fraction(1, int(m[1])).partition(" ")[2]),
        *([_hectares(grammar)] if grammar.code in ("es", "it") else []),
        (rf"(?<=\b{_RATED}\b[^.\d]{{0,15}})(?<![\d/.,])(?P<a>\d{{1,3}})/(?P<b>5|6|10|20|30|50|100|110)(?![\d/]|[.,]\d)", out_of),
        (rf"(?<![\d/.,]|\.[ ]|\b(?:página|pagina|page|slide|étape|paso|passo)[ ])(?P<a>[2-9]|10)/(?P<b>10)(?![\d/]|[.,]\d|[ ](?:{words.of})\b)", out_of),
        (rf"(?<![\d/.,]|\p{{Sc}}[ ]?)(?:(?P<x>[x×])[ ]?)?(?P<n>\d{{1,3}})(?P<x>[ ]?[x×])?[ ]?/[ ]?(?P<span>{_SPANS})(?![\p{{L}}\d²³/])", rate),
        (r"(?<=\b\p{Lu}{2,6})/(?=(?:\d\d|(?:19|20)\d\d)(?!\d|[.,]\d))", lambda m: f" {words.law} "),
        (r"(?<=\b(?:[Ll]os|[Oo]s|[Dd]os|[Ll]es|[Dd]es|[Ii]|[Dd]ei)[ ])km(?=[ ]\d)", lambda m: grammar.units["km"].forms[-1]),
        (r"(?<=[ ](?:y|e|et)[ ])1/2(?![\d/])(?![ ]\p{Ll})", lambda m: _and_a_half(grammar, m)),
        (r"(?<=\b[Ss]et\b[^.\d]{0,15}|[0-7]/[0-7](?:,[ ]|[ ](?:e|y|et)[ ])|[67][-/][67][ ]\()([0-7])[/-]([0-7])(?![\d/-])|(?<![\d/.,])([0-7])/([0-7])(?=,[ ][0-7]/[0-7](?!\d))", lambda m: f" {grammar.versus} ".join(grammar.cardinal(int(n)) for n in m.groups() if n)),
        (r"(?<=\d)/(?=\p{Lu}(?![\p{L}/]))|(?<=\b\p{Lu}{2,6})/(?=\d)", lambda m: slash),
        (r"(?<![\d.,:\p{L}])(?<![\s(]['‘][^'’\n]{1,40})(?P<n>\d{1,3})[ ]?['′’](?:[ ]?\+[ ]?(?P<more>\d{1,2})['′’]?)?(?![\d\p{L}'′’\"″])", lambda m: _minute(grammar, words, m)),
        (rf"(?<![\d.,])(\d{{1,2}}(?:[.,]\d)?)[ ]?(?:\"|″|”|'')(?:(?=[ ]?{_SCREENS})|(?<=\b{_SCREENS}\b[^.\d\"“]{{0,25}}\d{{1,2}}(?:[.,]\d)?[ ]?(?:\"|″|”|'')))", lambda m: grammar.amount(grammar.number(m[1]), inch)),
        (r"(?<=\b[1-4][TtQ]|\bT[1-4])(?=\d\d\b)", lambda m: " "),
        (r"(?<!\p{L})(?:T(?P<q>[1-4])(?=[ ]20\d\d)|(?P<q>[1-4])[ºo]?[ ]?(?:T|tri\.?|trim\.?)(?=[ ](?:d[eo]l?[ ])?20\d\d))", lambda m: _quarter(grammar, int(m["q"]))),
    )  # fmt: skip


def _and_a_half(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "a las 7 y 1/2", "1 kg e 1/2"."""
    before = match.string[: match.start()]
    is_time = (
        regex.search(r"(?:\b(?:[Ll]as?|[Àà]s?|[Aa]ll?e?|h|horas?|ora|ore|heures?)\b|\p{Nd}[ ]?h)[^.!?]{0,18}$", before)
        is not None
    )
    forms = {"es": ("medio", "media"), "pt": ("meio", "meia"), "it": ("mezzo", "mezza"), "fr": ("demi", "demie")}
    return forms[grammar.code][is_time]


def _duration(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "2h 05' 42\""."""
    parts = zip(match.groups(), grammar.duration_units, strict=True)
    return " ".join(grammar.amount(Number(str(int(n)), str(int(n))), grammar.units[unit]) for n, unit in parts if n)


def _minute(grammar: Grammar, words: _Words, match: regex.Match[str]) -> str:
    """ "al 90'+2", "(45')", "90'"."""
    number, more = int(match["n"]), match["more"]
    before = match.string[max(0, match.start() - 12) : match.start()]
    is_named = regex.search(rf"(?:\b(?:{words.at})[ ]|\($)$", before) is not None or bool(more)
    extra = f" {grammar.plus} {grammar.cardinal(int(more))}" if more else ""
    if grammar.code == "pt" or not is_named:
        return grammar.amount(Number(match["n"], str(number)), grammar.units["min"]) + extra
    if grammar.code == "es":
        return ("" if before.endswith("minuto ") else "minuto ") + grammar.cardinal(number) + extra
    return grammar.ordinal(number, "f" if grammar.code == "fr" else "m") + extra


def _hectares(grammar: Grammar) -> Rule:
    """ "ha" is also a verb: "nel 2023 ha vinto"."""
    unit = Noun(("hectárea", "hectáreas"), "f") if grammar.code == "es" else Noun(("ettaro", "ettari"))
    ends = (
        r"(?=\s*(?:$|[.,;:!?)\n])|[ ](?:di|de|del|d['’]|y|e|o|in|en|a|al|su|por|per|con|tra|entre|que|che|son|sono)\b)"
    )
    return (
        rf"(?<![\p{{L}}\d.,])({grammar.number_pattern})[ ]?ha{ends}",
        lambda match: grammar.amount(grammar.number(match[1]), unit),
    )


def _quarter(grammar: Grammar, number: int) -> str:
    said = grammar.ordinal(number)
    return f"{said.removesuffix('o') if grammar.code == 'es' and number in (1, 3) else said} trimestre"
