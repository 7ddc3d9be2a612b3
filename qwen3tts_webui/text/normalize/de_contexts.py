"""German numbers next to certain words: Bible verses, ratings, durations, rates, sizes, dates after a weekday.

In: the grammar. Out: rules (see grammar.Rule).
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import words
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.quantities import alternatives
from qwen3tts_webui.text.normalize.signs import roman_value

BOOKS = words("""
    Gen = Genesis
    Ex = Exodus
    Lev = Levitikus
    Num = Numeri
    Dtn = Deuteronomium
    Mose = Mose
    Jos = Josua
    Ri = Richter
    Sam = Samuel
    Kön = Könige
    Chr = Chronik
    Ps = Psalm
    Psalm = Psalm
    Spr = Sprüche
    Koh = Kohelet
    Jes = Jesaja
    Jer = Jeremia
    Ez = Ezechiel
    Dan = Daniel
    Mt = Matthäus
    Matthäus = Matthäus
    Mk = Markus
    Markus = Markus
    Lk = Lukas
    Lukas = Lukas
    Joh = Johannes
    Johannes = Johannes
    Apg = Apostelgeschichte
    Röm = Römer
    Kor = Korinther
    Gal = Galater
    Eph = Epheser
    Phil = Philipper
    Kol = Kolosser
    Thess = Thessalonicher
    Tim = Timotheus
    Hebr = Hebräer
    Jak = Jakobus
    Petr = Petrus
    Offb = Offenbarung
""")
PER = words("""
    min = Minute
    Min. = Minute
    Min = Minute
    h = Stunde
    Std. = Stunde
    Std = Stunde
    s = Sekunde
    Tag = Tag
    d = Tag
    Woche = Woche
    Wo. = Woche
    Mon. = Monat
    Monat = Monat
    J. = Jahr
    Jahr = Jahr
    a = Jahr
    Pers. = Person
    Person = Person
    Stk. = Stück
    Stück = Stück
    St. = Stück
    Kopf = Kopf
    Karton = Karton
    Packung = Packung
    Pckg. = Packung
    Flasche = Flasche
    Dose = Dose
    Zimmer = Zimmer
    Nacht = Nacht
    Seite = Seite
    Liter = Liter
    kg = Kilogramm
""")
_SIDES = {"B": "Breite", "T": "Tiefe", "H": "Höhe", "L": "Länge"}
_WINDS = {
    "NW": "Nordwest",
    "NO": "Nordost",
    "SW": "Südwest",
    "SO": "Südost",
    "N": "Nord",
    "S": "Süd",
    "W": "West",
    "O": "Ost",
}
_SHORT_DAYS = "Mo|Di|Mi|Do|Fr|Sa|So"
_TERMS = {"WS": "Wintersemester", "WiSe": "Wintersemester", "SS": "Sommersemester", "SoSe": "Sommersemester"}
_FLOORS = {"OG": "Obergeschoss", "UG": "Untergeschoss", "EG": "Erdgeschoss", "DG": "Dachgeschoss"}
_BOUNDS = {"<": "weniger als", ">": "mehr als", "≤": "höchstens", "≥": "mindestens"}
_LIFE = {"*": "geboren", "†": "gestorben"}
_ONE = {
    "eine": ("Fl", "Pkg", "Do", "Msp", "Tas", "Tbl", "Tabl", "Amp", "Kaps"),
    "ein": ("Pck", "Pkt", "Btl", "Bd", "Gl", "Bch", "Be", "St"),
}
_SCREENS = r"(?:Monitor|Display|Bildschirm|Fernseher|TV|Felge|Reifen|Laptop|Notebook|Tablet|Rad|Räder|Zoll|Schallplatte|Vinyl|Rohr)"
_TIMED = r"(?:[Zz]eit|[Dd]auer|[Ll]änge|[Rr]ekord|[Mm]arathon|gewann|siegte|lief|schwamm)"
_LAP = r"(?:(?:[Bb]est|[Ss]ieger|[Ee]nd|[Rr]unden|[Ss]chluss)zeit|[Rr]ekord|[Ss]piellänge)"
_CLOCK = r"(?:um|gg\.|ab|bis|gegen|von|nach|vor|seit|kurz vor|kurz nach)"
_DAY = r"(?:Mo|Di|Mi|Do|Fr|Sa|So|(?:Mon|Diens|Donners|Frei|Sams|Sonn)tag|Mittwoch)"


def early_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Before dates and times."""
    days = "|".join((*PHRASES["de"].shorts, *PHRASES["de"].weekdays))
    months = "|".join((*grammar.month_names, *grammar.month_shorts))
    return (
        (rf"(?:(?<![\d.,])([1-5])\.?[ ])?\b({alternatives(BOOKS)})\.?[ ](\d{{1,3}})[,:][ ]?(\d{{1,3}})(?:[-–](\d{{1,3}})|f{{1,2}}\.?(?!\p{{L}}))?(?![\d,:]|[ ]?(?:%|€|Mio|Mrd|kg|km|Euro|Prozent|Meter))", lambda m: _verse(grammar, m)),
        (rf"\b([Aa]m|[Vv]o[nm]|[Zz]um|[Bb]is|[Aa]b|[Ss]eit)[ ]({days})\.?,?[ ](?:dem[ ]|den[ ])?(?=\d{{1,2}}\.[ ]?(?:\d{{1,2}}\.|(?:{months})\b))", _weekday),
        (rf"(?<={_TIMED}\b[^.!?\d\n]{{0,15}})(\d{{1,2}}):(\d{{1,2}}):([0-5]\d)(?![\d:]|[ ]?Uhr)(?:[ ](?:Std\.|h|Stunden)(?!\p{{L}}))?|(?<={_LAP}\b[^.!?\d\n]{{0,15}})(\d{{1,2}}):([0-5]\d)(?![\d:,.]|[ ]?Uhr)", lambda m: _duration(grammar, m)),
        (r"(?<![\d.,:])(?:(\d{1,2}):)(\d{1,2}):([0-5]\d)[ ]?(?:h|Std\.|Stunden)(?!\p{L})|(?<![\d.,:])(\d{1,3}):([0-5]\d)[ ]?(?:min|Min\.|Minuten)(?!\p{L})", lambda m: _duration(grammar, m)),
        (r"(?<![\d.,:])0:([0-5]\d)[ ]?h(?!\p{L})", lambda m: f"{int(m[1])} min"),
        (r"(?<![\d.,:])(\d{1,2}):([0-5]\d)[ ]?h(?=[ ](?:Fahr|Flug|Geh|Arbeit|Dauer|später|lang|Wander|Wartezeit|Spiel|Lauf|Film|Schlaf)\p{L}*)", lambda m: ("einer Stunde" if m[1] == "1" and regex.search(r"\b(?:[Nn]ach|[Ii]n|[Vv]or|[Ss]eit|[Vv]on|[Mm]it|[Bb]ei)[ ]$", m.string[: m.start()]) else f"{int(m[1])} h") + f" {int(m[2])} min"),
        (rf"\b({'|'.join(PHRASES['de'].shorts)})\.(?=,?[ ](?:u\.|und|oder)[ ]|,[ ](?:{'|'.join(PHRASES['de'].shorts)})\.)|(?<=\b{_DAY}\.?[ ](?:u\.|und|oder)[ ])({'|'.join(PHRASES['de'].shorts)})\.", lambda m: PHRASES["de"].weekdays[PHRASES["de"].shorts.index(m[1] or m[2])]),
        (r"(?<=\p{L}\.?[ ])u\.(?=[ ](?!a\.|U\.|Ä\.|v\.)\p{L})", lambda m: "und"),
        (rf"(?<=\b(?:aus|nach|Richtung|Winde?|von|im)[ ])({'|'.join(_WINDS)})(?![\p{{L}}\d-]|\.\p{{L}})", lambda m: _WINDS[m[1]]),
        (rf"\b({_SHORT_DAYS})(?=(?:,[ ](?:{_SHORT_DAYS}))+(?:,|[ ]u\.|[ ]und)[ ](?:{_SHORT_DAYS})\b)|(?<=,[ ])({_SHORT_DAYS})\.(?=[ ]\p{{Ll}})", lambda m: PHRASES["de"].weekdays[PHRASES["de"].shorts.index(m[1] or m[2])]),
        (rf"\b({_SHORT_DAYS})(?=[ ](?:u\.|und|\+|&)[ ](?:{_SHORT_DAYS})\b)|(?<=\b(?:{_SHORT_DAYS})[ ](?:u\.|und|\+|&)[ ])({_SHORT_DAYS})\b(?!\.)", lambda m: PHRASES["de"].weekdays[PHRASES["de"].shorts.index(m[1] or m[2])]),
        (r"(?<=\b(?:um|bis|gegen|gg\.|ab|vor|nach)[ ])1/2[ ](?=\d{1,2}(?![\d.,:/]))", lambda m: "halb "),
        (r"(?<![\d.,])(\d{1,2})\.(?=[ ]d\.[ ]?[MJ]\.)", lambda m: f"{grammar.ordinal(int(m[1]))}en"),
        (r"(?<=\bder[ ])(\d{1,3})\.[ ]?\+[ ]?(\d{1,2})\.?(?=[ ]Min)", lambda m: f"{grammar.ordinal(int(m[1]))}en plus {grammar.cardinal(int(m[2]))}"),
        (rf"(?:\b(?P<before>\p{{L}}+)[ ])?(?<![\d.,])(?P<a>\d{{1,2}})\.[ ]?/[ ]?(?P<b>\d{{1,2}})\.(?=[ ](?:{months}|\p{{Lu}}\p{{Ll}}+)\b)", lambda m: _two(grammar, m)),
        (r"(?<=\p{Lu}\p{Ll}+[ ])d\.[ ](Gr|Ä|J)\.", lambda m: {"Gr": "der Große", "Ä": "der Ältere", "J": "der Jüngere"}[m[1]] + grammar.stop_after(m, ".")),
        (r"(?<=\p{Lu}\p{Ll}+[ ])v\.(?=[ ]\p{Lu}\p{Ll})(?![ ]Chr)", lambda m: "von"),
        (r"(?<=\p{L}{3,}\.?[ ])m\.(?=[ ]\p{Lu}\p{Ll})(?![ ]E\.)", lambda m: "mit"),
        (rf"(?<=\b{_CLOCK}[ ])(\d{{1,2}})[ ]?h(?!\p{{L}})|(?<=\b{_DAY}\.?[ ])(\d{{1,2}}[-–]\d{{1,2}})[ ]?h(?!\p{{L}})", lambda m: f"{m[1] or m[2]} Uhr"),
        (rf"(?<![–-][ ]?)\b({'|'.join(PHRASES['de'].shorts)})\.(?=[ ](?:bis|ab|von|um|geschl)\b)", lambda m: PHRASES["de"].weekdays[PHRASES["de"].shorts.index(m[1])]),
        (r"(?<=(?<!Uhr)(?:[Zz]eit|[Dd]auer)\b[^.!?\d\n]{0,15})(\d{1,2}):([0-5]\d)[ ]?h(?!\p{L})", lambda m: f"{int(m[1])} h {int(m[2])} min"),
        (rf"(?<![–-][ ]?)\bFr\.(?=[ ](?:und|\d))|(?<={_DAY}\.?(?:,|[ ]und|[ ]bis)[ ])Fr\.", lambda m: "Freitag"),
        (r"(?<=\b(?:um|gegen|kurz vor|kurz nach)[ ])([01]?\d|2[0-3])\.([0-5]\d)(?![\d,]|\.\d|[ ]?(?:%|€|Uhr|Mio|Mrd|Euro|Prozent|Punkte|Meter))", lambda m: f"{m[1]}:{m[2]}"),
        (r"(?<![\p{L}\d*])([*†])[ ]?(?=\d{1,2}\.[ ]?(?:\d|\p{Lu})|1\d{3}\b|20\d\d\b|um[ ]1\d{3})", lambda m: _LIFE[m[1]] + (" am " if regex.match(r"\d{1,2}\.", m.string[m.end() :]) else " ")),
    )  # fmt: skip


def rules(grammar: Grammar) -> tuple[Rule, ...]:
    """After dates and times."""
    return (
        (r"(?<=\b(?:Note|Bewertung|Wertung|Score|Skala|Rating|Schmerz(?:skala|en)?|Punktzahl)\b[^.!?\d\n]{0,12})(\d{1,3})/(5|6|10|15|20|50|100)(?![\d/])|(?<![\d./,])(\d{1,3})/(\d{1,3})(?=[ ](?:Punkten?|Sternen?|Pkt)\b)",
         lambda m: f"{grammar.cardinal(int(m[1] or m[3]))} von {grammar.cardinal(int(m[2] or m[4]))}"),
        (r"(?<=\b(?:[Ww]urde|wird|war|ist|als|werden|Platz:?)[ ])(\d{1,2})\.(?=[ ]\p{Ll})", lambda m: f"{grammar.ordinal(int(m[1])).capitalize()}er"),
        (rf"(?<![\d.,])(\d{{1,2}})[ ]?[-–][ ]?(\d{{1,2}})[ ]?[x×](?:(?=[ ]\p{{Ll}})|/(?P<per>{alternatives(PER)})(?!\p{{L}}))", lambda m: f"{grammar.cardinal(int(m[1]), counted=True)}- bis {grammar.cardinal(int(m[2]), counted=True)}mal" + (f" pro {PER[m['per']]}" if m["per"] else "")),
        (rf"(?<![\d.,])(\d{{1,2}})[ ]?[x×][ ]?/[ ]?({alternatives(PER)})(?!\p{{L}})", lambda m: f"{grammar.cardinal(int(m[1]), counted=True)}mal pro {PER[m[2]]}"),
        (r"(?<![\d.,:/-])1(?=[ ]?[-–][ ]?\d{1,3}[ ](?!Uhr|Prozent)\p{L}{2,})(?=[ ]?[-–][ ]?\d{1,3}[ ](?P<unit>\p{L}+\.?))", lambda m: None if m["unit"] in grammar.units else "ein"),
        (r"(?<=^|[\s(])(?<!(?<!\p{L})\p{L}[ ])(?<![\d)=][ ]?)(?P<sign>[<>≤≥])[ ]?(?=\d)", lambda m: _BOUNDS[m["sign"]] + " "),
        (r"(?<=\b(?:bis|ab|seit|gültig|Stand:?|MHD:?|haltbar bis|Ablauf(?:datum)?:?)[ ])(0?[1-9]|1[0-2])/(\d{2})(?!\d|/)", lambda m: f"{grammar.month_names[int(m[1]) - 1]} {grammar.year(2000 + int(m[2]))}"),
        (r"(?<=\b(?:Art\.|§§?)[ ]?\d{1,4}\p{L}?[ ])([IVX]{1,4})(?=[ ])", lambda m: f"Absatz {grammar.cardinal(roman_value(m[1]))}"),
        (r"(?<=\d[ ]?(?:€|Euro|EUR|\$|ct|Cent))[ ]?/[ ]?(?=\d+[ ]?(?:g|kg|ml|l|km|m|Stück|Stk\.|Blatt|kWh)\b)", lambda m: " pro "),
        (r"(?<=\b(?:\d{1,4}|Az\.[ ][\d/]+))/(?=\d{1,4}/\d{1,4}\b)|(?<=\d/0\d{2,4})/(?=\d{1,4}\b)", lambda m: " Schrägstrich " if regex.search(r"0\d{2,}", m.string[max(0, m.start() - 6) : m.end() + 6]) else None),
        (r"(?<=\b(?:gab|forderte|gibt|mit|auf|hat|und|sowie|mindestens)[ ])1(?=[ ]\p{Lu}\p{Ll}+(?:oten|erletzten|erdächtigen|rwachsenen|ugendlichen|ermissten|ranken)\b)", lambda m: "einen" if not m.string[: m.start()].endswith("mit ") else "einem"),
        (r"(?<=[€$£])/(?=[€$£])", lambda m: " je "),
        (r"(?<=\d[ ]?)U/(?:min|Min\.?)(?!\p{L})", lambda m: "Umdrehungen pro Minute"),
        (rf"(?<=\d[ ]?(?P<word>[€$£]|\p{{L}}{{0,15}}[.²³]?))[ ]?/[ ]?(?P<per>{alternatives(PER)})(?![\p{{L}}\d²³/])", lambda m: _per(grammar, m)),
        (rf"(?<![\d.,])(\d{{1,3}}(?:,\d+)?)[ ]?(?:\"|″|'')(?:(?=-\p{{L}})|(?=[ ]{_SCREENS})|(?<=\b\p{{L}}*(?i:{_SCREENS})(?:[ ]mit)?[ ][\d,]+[ ]?[\"″]))", lambda m: f"{grammar.say(grammar.number(m[1]))} Zoll"),
        (r"\b[BTHL](?:[ ]?[x×][ ]?[BTHL]){1,2}\b", lambda m: " mal ".join(_SIDES[side] for side in regex.findall("[BTHL]", m[0]))),
        (rf"\b({alternatives(_TERMS)})[ ](?=(?:19|20)\d\d)", lambda m: _TERMS[m[1]] + " "),
        (rf"(?<=\b(?:\d{{1,2}}\.|[Ii]m|[Dd]as|\p{{Ll}}+[tn]e[ns]?)[ ])({alternatives(_FLOORS)})\b(?:[ ](re|li)\.?(?!\p{{L}}))?", lambda m: _floor(m) + grammar.stop_after(m, ".")),
        (r"(?<=\b(?:geboren|gestorben|gegr\.|gegründet|geb\.|gest\.|erbaut|verh\.|um|[Bb]j\.|Baujahr|erschienen|Jg\.|Jahrgang)[ ])(1[1-9]\d\d)(?![\d.,:]\d|\d)", lambda m: grammar.year(int(m[1]))),
        (rf"(?<![\d.,/:-])1[ ](?=({'|'.join(short for shorts in _ONE.values() for short in shorts)})\.)", lambda m: next(one for one, shorts in _ONE.items() if m[1] in shorts) + " "),
        (r"(?<=\d[ ])f\.(?!\p{L})", lambda m: "folgende" + grammar.stop_after(m, ".")),
        (r"(?<![\d.,])(\d{1,3}(?:,\d+)?)[ ]?%-?(ig\p{Ll}{0,2})\b|(?<![\d.,])(\d{1,3}(?:,\d+)?)[ ]?%(?=-(?:ig)?\p{L})", lambda m: f"{grammar.say(grammar.number(m[1] or m[3]))}{f'prozent{m[2]}' if m[1] else ' Prozent'}"),
        (r"(?<![\d.,])(\d)/(\d)(?=-(?:Mehrheit|Takt|Liter|Stunde|Zoll|Stelle|Anteil)\p{L}*)", lambda m: f"{grammar.cardinal(int(m[1]))} {grammar.cardinal(int(m[2]))}" if m.string[m.end() :].startswith("-Takt") else f"{grammar.fraction(int(m[1]), int(m[2]))}"),
    )  # fmt: skip


def _verse(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "1 Kor 13,4–8"."""
    order, book, *parts = match.groups()
    chapter, verse, last = (grammar.cardinal(int(part)) if part else "" for part in parts)
    following = "folgende" if regex.search(r"\df{1,2}\.?$", match[0]) else ""
    if BOOKS[book] == "Mose":
        first = f"{grammar.ordinal(int(order)).capitalize()}es Buch" if order else ""
    else:
        first = f"{grammar.ordinal(int(order)).capitalize()}er" if order else ""
    return grammar.join(first, BOOKS[book], chapter, "Vers", verse, grammar.to if last else "", last, following)


def _two(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "am 5./6. Juni"."""
    before = match["before"] or ""
    ending = "en" if before.lower() in ("am", "vom", "zum", "im", "dem", "den", "der", "bis") else "e"
    first, last = (grammar.ordinal(int(match[key])) + ending for key in ("a", "b"))
    return f"{before} {first} und {last}".strip()


def _weekday(match: regex.Match[str]) -> str:
    """ "am Mo., 3.6." -> "am Montag, dem 3.6."."""
    phrases, preposition = PHRASES["de"], match[1]
    day = match[2] if match[2] in phrases.weekdays else phrases.weekdays[phrases.shorts.index(match[2])]
    return f"{preposition} {day}, {'den' if preposition.lower() == 'bis' else 'dem'} "


def _duration(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "2:35:10"."""
    groups = [int(group) for group in match.groups() if group]
    names = ("h", "min", "s")[-len(groups) :]
    return " ".join(f"{group} {name}" for group, name in zip(groups, names, strict=True) if group or name == "min")


def _per(grammar: Grammar, match: regex.Match[str]) -> str | None:
    """ "72/min" and "3 Tabletten/Tag", but not a unit such as "km/h"."""
    word, per = match["word"], match["per"]
    if f"{word}/{per}" in grammar.units or (not word and len(per) == 1):
        return None
    return f" pro {PER[per]}{grammar.stop_after(match, '.')}"


def _floor(match: regex.Match[str]) -> str:
    side = {"re": "rechts", "li": "links"}.get(match[2] or "", "")
    return f"{_FLOORS[match[1]]} {side}".strip()


def half(noun: str) -> str:
    """ "1/2" before `noun`."""
    if regex.match("Stunde|Tasse|Flasche|Tonne|Minute|Million|Seite|Portion|Zwiebel|Zitrone|Gurke|Dose", noun):
        return "eine halbe"
    return (
        "ein halbes" if regex.match("Kilo|Pfund|Jahr|Glas|Gramm|Dutzend|Prozent|Päckchen|Pck", noun) else "ein halber"
    )


def one(noun: str) -> str | None:
    """ "1" before `noun`."""
    if noun in ("Million", "Milliarde", "Billion", "Uhr", "Prozent"):
        return "ein" if noun in ("Uhr", "Prozent") else "eine"
    is_feminine = noun.endswith(
        ("iebel", "toffel", "üssel", "udel", "afel", "abel", "ung", "heit", "keit", "schaft", "ion", "tät", "in")
    ) or (noun.endswith("e") and noun not in ("Auge", "Ende", "Name", "Junge", "Käse"))
    return "eine" if is_feminine else "ein"
