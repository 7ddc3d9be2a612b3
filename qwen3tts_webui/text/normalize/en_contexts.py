"""The rules of English for numbers in a context: years, decades, feet and inches, houses, verses, scores.

In: the grammar. Out: rules (see grammar.Rule).
"""

from __future__ import annotations

import regex

from qwen3tts_webui.text.normalize.en_abbreviations import BOOKS
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.numbers import Noun, Number
from qwen3tts_webui.text.normalize.phrases import PHRASES
from qwen3tts_webui.text.normalize.signs import roman_value

_YEAR_WORDS = r"(?:[Ii]n|[Ss]ince|[Ff]rom|[Uu]ntil|[Tt]ill|[Bb]y|[Oo]f|[Yy]ear|[Bb]efore|[Aa]fter|[Aa]round|[Cc]irca|ca?\.|[Dd]uring|[Ll]ate|[Ee]arly|[Mm]id|[Ss]pring|[Ss]ummer|[Aa]utumn|[Ff]all|[Ww]inter|[Bb]orn|©|[Cc]opyright|[Bb]ack in|[Ee]nd of|[Jj]une|[Mm]ay|Q[1-4]|[Ee]st\.|[Ee]stablished|[Ff]ounded|[Bb]uilt|[Oo]pened|[Pp]ublished|[Rr]eleased|[Dd]ied)"
_STREETS = r"(?:St|Street|Rd|Road|Ave|Avenue|Lane|Ln|Blvd|Boulevard|Way|Drive|Court|Ct|Place|Pl)\b"
_WEEKDAYS = dict(zip(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), PHRASES["en"].weekdays, strict=True))
_COMPASS = r"([NS](?:[EW]|[NS][EW])?|[EW](?:[NS][EW])?)"
_TIMED = r"(?i:time|record|marathon|runtime|duration|length|ran|finished|clocked|won|elapsed|total|best|split)"
_DIRECTIONS = dict(zip("NESW", ("north", "east", "south", "west"), strict=True))
_PIECES = {"K": "king", "Q": "queen", "R": "rook", "B": "bishop", "N": "knight"}
_DECADES = ("tens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")


def early_rules(grammar: Grammar) -> tuple[Rule, ...]:
    """Before times of day: "2 Tim. 3:16"."""
    return (
        (
            rf"\b(?:([1-3])[ ])?({'|'.join(BOOKS)})\.?[ ](\d{{1,3}}):(\d{{1,3}})(?:[-–](\d{{1,3}}))?(?![\d:])",
            lambda m: _verse(grammar, m),
        ),
        (rf"(?<=\b{_TIMED}\b[^.\n\d]{{0,15}})(\d{{1,2}}):([0-5]\d):([0-5]\d)(?![\d:]|[ ]?(?:[ap]\.?m|UTC|GMT|[ECMP][SD]?T)\b)",
         lambda m: f"{int(m[1])} h {int(m[2])} min {int(m[3])} s"),
        (r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?::(\d{2,5}))?(?![.:]?\d)", lambda m: _host(grammar, m)),
    )  # fmt: skip


def rules(grammar: Grammar) -> tuple[Rule, ...]:
    return (
        (r"\bEst\.(?=[ ]\d{4}\b)", lambda m: "Established"),
        (r"\bca?\.(?=[ ]\d)", lambda m: "circa"),
        (r"(?<![\d.,])(\d{1,2})[ ]?st\.?[ ]?(?=\d{1,2}[ ]?lbs?\b)", lambda m: f"{grammar.cardinal(int(m[1]))} stone "),
        (r"(?<=\b\d{1,2}(?:st|nd|rd|th)[ ])c\.", lambda m: "century"),
        (r"(?<![\p{L}-])(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?=[ ]\d{1,2}(?:[:.]\d\d)?(?:[ ]?[-–]|[ ]?[ap]\.?m|st\b|nd\b|rd\b|th\b)|[ ]\p{Lu}\p{Ll}+[ ](?:\p{Ll}+-)?\p{Ll}+(?:st|nd|rd|th)\b)", lambda m: _WEEKDAYS[m[1]]),
        (r"(?<=\d(?:st|nd|rd|th)[ ])[Ee]d\.", lambda m: "edition"),
        (r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", lambda m: grammar.ordinal(int(m[1].replace(",", "")))),
        (r"(?<![\d.,:]|\d-)(\d{2})(\d)0['’]?s\b", lambda m: _decade(grammar, int(m[1]), int(m[2]))),
        (r"(?<=\b(?:the|his|her|their|my|your|early|mid|late|in)[ -])['’]?([1-9])0['’]?s\b|['’]([1-9])0s\b",
         lambda m: _DECADES[int(m[1] or m[2]) - 1]),
        (rf"(?<=\b{_YEAR_WORDS}[ ])(1\d{{3}}|20\d{{2}})[-–—](1\d{{3}}|20\d{{2}}|\d\d)(?![\d,.]\d|\d)",
         lambda m: f"{grammar.year(int(m[1]))} to {_end_year(grammar, m[1], m[2])}"),
        (r"(?<![\d-])(1\d{3}|20\d{2})[-–—](1\d{3}|20\d{2})(?![\d-])",
         lambda m: f"{grammar.year(int(m[1]))} to {grammar.year(int(m[2]))}" if int(m[1]) < int(m[2]) else None),
        (r"(?<=\b(?:[Ff]rom|[Bb]etween)[ ])(1\d{3}|20\d{2})([ ](?:to|and|until|till|through)[ ])(1\d{3}|20\d{2})(?![\d,.:/%-]\d|\d|[ ]?(?:%|\$|\p{Ll}+s\b))",
         lambda m: f"{grammar.year(int(m[1]))}{m[2]}{grammar.year(int(m[3]))}"),
        (rf"(?:(?<=\b{_YEAR_WORDS}[ ])|(?<=[\p{{Lu}}][\p{{Ll}}]+,[ ])|(?<=[(]))(1\d{{3}}|20\d{{2}})(?![\d,.:/%-]\d|\d|[ ]?(?:%|\$|(?:people|units|items|km|kg|m|g|miles|dollars|points|words|times|steps|participants|employees|students)\b))",
         lambda m: grammar.year(int(m[1]))),
        (r"(?<![\d,.-])(19\d\d|20[1-9]\d)(?=[ ]?(?:BC|AD|CE|BCE)\b|['’]s\b|[.!?]?$)", lambda m: grammar.year(int(m[1]))),
        (r"(?<![\d:.,])(1[0-2]|[1-9])([ ]?)([ap]\.m\.|[AaPp][Mm]|[AP]\.M\.)(?!\p{L})",
         lambda m: f"{grammar.cardinal(int(m[1]))} {m[3][0].upper()} M" + grammar.stop_after(m, m[3])),
        (r"(?<![\d:.,])(1[0-2]|[1-9])[ ]o['’]clock\b", lambda m: f"{grammar.cardinal(int(m[1]))} o'clock"),
        (r"(?<!\d)(\d)['′’][ ]?(\d{1,2})(?:[\"″”]|'')", lambda m: _feet(grammar, m[1], m[2])),
        (r"(?<![\d.,])(\d)[ ]?ft\.?[ ]?(\d{1,2})[ ]?in\b\.?", lambda m: _feet(grammar, m[1], m[2])),
        (r"(?<![\d.])(\d+(?:\.\d+)?)[\"″](?=[ ]?(?:screen|display|monitor|TV|vinyl|rims?|tires?|record|pizza|ruler|wheel|pipe|laptop|tablet))",
         lambda m: f"{grammar.say(grammar.number(m[1]))} inch"),
        (r"(?<=\bFY)[ ]?(20\d\d)(?:/(\d\d))?(?!\d)", lambda m: f" {grammar.year(int(m[1]))}" + (f" {grammar.cardinal(int(m[2]))}" if m[2] else "")),
        (r"(?<![\d-])1-(8\d\d)-(?=[A-Z\d])", lambda m: f"one {'eight hundred' if m[1] == '800' else grammar.digits(m[1])} "),
        (r"(?<=\b(?:Boeing|Airbus|Dreamliner|the|a)[ ])(7)([0-8]7)(?=[ ](?:\d|MAX\b|jet|plane|aircraft)|\b[ ]?$)|(?<=\bA)(3)([1-8]0)(?=[ ]\d{3}\b|neo\b)",
         lambda m: f"{grammar.cardinal(int(m[1] or m[3]))} {grammar.cardinal(int(m[2] or m[4]))}"),
        (r"(?<=\b(?:RTX|GTX|RX)[ ])(\d\d)(\d\d)(?!\d)", lambda m: f"{grammar.cardinal(int(m[1]))} {grammar.cardinal(int(m[2]))}" if m[2][0] != "0" else None),
        (r"(?<![\d./,])(\d{1,2})/(5|10|100)(?=[ ](?!(?:pounds|miles|inches|cups|teaspoons|tablespoons|ounces|seconds|minutes|hours)\b)\p{Ll}{3,}s\b)",
         lambda m: f"{grammar.cardinal(int(m[1]))} out of {grammar.cardinal(int(m[2]))}"),
        (r"(?<=\d/\d{1,2})[\"″”]", lambda m: " inch"),
        (r"(?<![\d.,])([4-7])['′’](1[01]|\d)(?![\d'\"″”’])", lambda m: _feet(grammar, m[1], m[2])),
        (r"(?<=\b[CF])#(?![\p{L}\d])", lambda m: " sharp"),
        (r"(?<![\d.,])(\d{1,3}),(\d{1,2})[ ]?(kg|g|km|m|cm|mm|l|L|ml|°C)(?![\p{L}\d/])",
         lambda m: grammar.amount(Number(m[0], m[1], m[2]), grammar.units[m[3]])),
        (rf"(?<![\d.,])(\d{{1,4}})([A-Z]?)(?=[ ](?:\p{{Lu}}[\p{{L}}.]*[ ]){{1,3}}{_STREETS})", lambda m: _house(grammar, m[1], m[2])),
        (r"(?<=,[ ][A-Z]{2}[ ])(\d{5})(?:-(\d{4}))?(?![\d,.]\d|\d)", lambda m: grammar.digits(m[1]) + (f", {grammar.digits(m[2])}" if m[2] else "")),
        (r"(?<=\b(?:[Ee]rror|HTTP|[Ss]tatus)[ ])([1-5])0(\d)(?!\d)", lambda m: f"{grammar.cardinal(int(m[1]))} oh {grammar.cardinal(int(m[2]))}"),
        (r"(?<=\b(?:[Cc]all|[Rr]ing|[Dd]ial)[ ])(?:911|999|112|311|411|988|111)(?!\d)", lambda m: grammar.digits(m[0])),
        (r"\bRev\.(?=[ ][\p{Ll}\d])", lambda m: "Revelation"),
        (r"\bPs\.(?=[ ]\d)", lambda m: "Psalm"),
        (r"\b([01]\d|2[0-4])([0-5]\d)[ ]h(?:ou)?rs\b", lambda m: f"{grammar.digits(m[1]) if m[1][0] == '0' else grammar.cardinal(int(m[1]))} {grammar.cardinal(int(m[2])) if int(m[2]) else 'hundred'} hours"),
        (r"(?<=\b[Oo]dds\b[^.\d\n]{0,8})(\d{1,3})[/-](\d{1,3})(?![\d/])", lambda m: f"{grammar.cardinal(int(m[1]))} to {grammar.cardinal(int(m[2]))}"),
        (r"(?<=\b(?:[Ss]cor(?:ed?|es|ing)|[Gg]ot|[Gg]ets?|[Rr]at(?:ed?|ing)|[Gg]rade|[Gg]ave|[Gg]ives?|[Mm]ark)\b[^.!?\d\n]{0,20})(\d{1,3})/(5|10|20|25|50|100)(?![\d/%]|[ ]of\b)"
         r"|(?<![\d./,$])(\d{1,2})/(10|100)(?=[.!?,;:)]|$|[ ]\p{Ll}{3,}s\b)",
         lambda m: f"{grammar.cardinal(int(m[1] or m[3]))} out of {grammar.cardinal(int(m[2] or m[4]))}"),
        (r"(?<=\b(?i:prep|cook|total|time|bake|rest|duration|runtime|wait)\b[^.\d\n]{0,6})(\d{1,3})m\b|(?<![\d.,])(\d{1,3})m(?=[ ](?:ago|read)\b)",
         lambda m: grammar.amount(grammar.number(m[1] or m[2]), grammar.units["min"])),
        (r"(?<=^|[\s(])([<>])(?=[$€£]?\d)", lambda m: "more than " if m[1] == ">" else "less than "),
        (r"(?<![\d.,])(\d{1,3})['′](?=[ ](?:container|ladder|ceiling|wall|boat|yacht|truck|pole|tree|wave|drop)s?\b)", lambda m: f"{grammar.cardinal(int(m[1]))} foot"),
        (r"(?<![\d.,])(20\d\d|19\d\d)[-–/](\d\d)(?=[ ](?:season|school|academic|fiscal|budget|campaign|term)\b)", lambda m: f"{grammar.year(int(m[1]))} to {grammar.cardinal(int(m[2]))}"),
        (r"(?<=\bQ[1-4])[ ]?['’](\d\d)\b", lambda m: f" {grammar.year(2000 + int(m[1]))}"),
        (r"(?<=[“\"'‘])(1[89]\d\d|20\d\d)(?=[”\"'’])", lambda m: grammar.year(int(m[1]))),
        (r"(?<=\d\.\d{1,2})[ ]?A\b", lambda m: " amperes"),
        (r"(?<=\b\p{Lu}{1,3}-)(\d{1,3})s\b", lambda m: f"{grammar.cardinal(int(m[1]))}s"),
        (r"(?<![\d./,$])(5|10|100)/\1(?![\d/])", lambda m: f"{grammar.cardinal(int(m[1]))} out of {grammar.cardinal(int(m[1]))}"),
        (r"(?<=\b[Nn]oon|\b[Mm]idnight)[ ]?[-–—][ ]?(?=\w)", lambda m: " to "),
        (r"(?<!\w)['’](\d\d)[ ]?[-–][ ]?['’](\d\d)(?!\d)", lambda m: f"{grammar.cardinal(int(m[1]))} to {grammar.cardinal(int(m[2]))}"),
        (r"(?<=\b(?:in|[Ii]n|[Ss]ince|[Uu]ntil|[Ff]rom|[Oo]f|[Ff]all|[Ss]ummer|[Ss]pring|[Ww]inter)[ ])['’](\d)(\d)(?![\d'’s])", lambda m: grammar.cardinal(int(m[1] + m[2])) if m[1] != "0" else f"oh {grammar.cardinal(int(m[2]))}"),
        (r"\b(AB?|B|O)([-−+])(?=[ ](?:blood|donors?|type|patients?|plasma)\b)", lambda m: f"{m[1]} {'positive' if m[2] == '+' else 'negative'}"),
        (r"(?<=\b(?:[Uu]nder|[Oo]ver)[ ])(\d{1,2})s\b", lambda m: f"{grammar.cardinal(int(m[1]))}s"),
        (r"(?<=\d)!(?=[ ]?[=+×÷/*])", lambda m: " factorial"),
        (r"\b802\.(\d\d?)(?=[a-z]{0,2}\b)", lambda m: f"eight oh two dot {grammar.cardinal(int(m[1]))} "),
        (r"\b([KQRBN]|[a-h])([a-h1-8])?(x)?([a-h])([1-8])([+#])?(?![\p{L}\d])", lambda m: _chess(grammar, m)),
        (r"(?<![\p{L}-])(?:O-O|0-0)(-O|-0)?(?![\w-])(?=[ ,.;)]|$)(?<![\d ]0-0)", lambda m: f"castles {'queenside' if m[1] else 'kingside'}"),
        (r"\b(pp?\.|[Ss]cenes?|[Pp]ages?|[Ss]ections?|[Pp]arts?|[Cc]hapters?|[Ii]tems?)[ ]([ivxl]{1,7})(?:[-–]([ivxl]{1,7}))?(?![\p{L}\d'’-])", lambda m: _small_romans(grammar, *m.groups())),
        (r"(?<=\b(?:ends?|ending)[ ]in[ ])\d{3,4}(?![\d%]|[,.]\d|[ ]\p{Ll})", lambda m: grammar.digits(m[0])),
        (r"(?<=\b(?:Pro|Air|iPad|iMac|[Tt]V|[Mm]onitor|[Ll]aptop|[Ss]creen|[Dd]isplay|[Ss]ize|[Dd]iameter)(?:[ ](?:is|of))?[ ])(\d{2}(?:\.\d)?)\"(?=[ ]\p{Ll}|[.,;)]|$)", lambda m: f"{grammar.say(grammar.number(m[1]))} inches"),
        (r"(?<=^|[ (])\*(\d{2,3})(#?)(?![\d*])", lambda m: f"star {grammar.cardinal(int(m[1]))}" + (" pound" if m[2] else "")),
        (r"(?<![\d.,:])(\d{1,3}\.\d{1,2}):(\d{1,3})(?![\d:])", lambda m: f"{grammar.say(grammar.number(m[1]))} to {grammar.cardinal(int(m[2]))}"),
        (r"(?<![\w-])M[ ]?[-–][ ]?F(?![\w-])(?=,?[ ](?:\d|from|at)|[,.]|$)", lambda m: "Monday to Friday"),
        (r"\b(\d{1,2})ers\b", lambda m: grammar.cardinal(int(m[1])).removesuffix("e") + "ers"),
        (r"(?<=\d)/ea\b", lambda m: " each"),
        (r"(?<=\d)[ -]?y/o(?=[ ](?!(?:and|or|but|with|who|from|in|at|now|today|when|then)\b)\p{Ll})", lambda m: " year old"),
        (r"(?<=\b(?:[Oo]n|[Ee]very|[Nn]ext|[Tt]his|[Ll]ast|[Ee]ach|and|or|&)[ ])(Sat|Sun)\.(?=\s*$|[ ]\p{Ll}|[,;])", lambda m: _WEEKDAYS[m[1]] + ("" if m.string[m.end() :].strip() else ".")),
        (r"(?<=\d[ ]?[\p{L}/]{0,12})/(?=(?:day|week|month|year|hour|night|minute|second|person|game|player|household|dose|serving|cup|tablet|user|share|unit|seat|item|device|page|head|session|visit|room|mile|acre|gallon|guest|ticket|student|bottle)\b)", lambda m: " per "),
        (r"(?<=\d)[ ]?[x×][ ]?(?=\d+(?:\.\d+)?(?:[ ]?[x×][ ]?\d+(?:\.\d+)?)?[ ]?(?:mm|cm|m|in\.|inch(?:es)?|ft|feet|px|pixels)(?!\w))|(?<=(?<![\d.,])\d{3,4})[ ]?[x×][ ]?(?=\d{3,4}(?!\d|[.,]\d|[ ]?[=×x*+]))", lambda m: " by "),
        (r"(?<![\d.,])(\d{1,4})[ ]?A\b(?=[ ](?:fuse|circuit|breaker|charger|socket|plug|outlet|supply|current|max|relay|load)\b|[ ]?[,;/@][ ]?\d+[ ]?V\b)|(?<=\b(?:[Ff]use|[Rr]ated|[Cc]urrent|[Dd]raws?|[Cc]harger|[Bb]reaker|[Oo]utput|[Ii]nput|V[ ,/@]{0,2}(?:at[ ])?)\b[^.\n\d]{0,12}|\d[ ]?k?[VW][ ]?[,/@]?(?:[ ]?|[ ](?:and|at|or)[ ]))(\d{1,4})[ ]?A\b",
         lambda m: grammar.amount(grammar.number(m[1] or m[2]), Noun(("ampere", "amperes")))),
        (rf"(?<=\b(?:mph|km/h|kts?|knots|mi\.?|miles|km|[Ww]inds?|[Hh]eading|[Bb]earing|Avenue|Street|(?:Ave|St|Rd|Blvd)\.|(?:I|US|SR)[- ]\d{{1,3}}|Route[ ]\d{{1,3}})[ ]){_COMPASS}(?![\w-])|(?<![\w-]){_COMPASS}(?=[ ](?:winds?|corner|of[ ]\p{{Lu}})\b)", lambda m: _compass(m[1] or m[2])),
        (r"(?<=\b\p{Lu}[\p{L}.]+[ ])v\.(?=[ ]\p{Lu})", lambda m: "versus"),
        (r"(?<=§[ ]?)([1-9]\d)(\d\d)(?![\d,.]\d|\d)", lambda m: grammar.year(int(m[0])) if m[2][0] != "0" else None),
        (r"(?<![\d.,])(\d{1,3})['′][ ]?[x×][ ]?(\d{1,3})['′](?![\d'])(?=([ ]\p{Ll})?)", lambda m: f"{grammar.cardinal(int(m[1]))} by {grammar.cardinal(int(m[2]))} {'foot' if m[3] else 'feet'}"),
        (r"(?<![\d.,:/-])(\d{1,2})p\b", lambda m: grammar.amount(grammar.number(m[1]), Noun(("penny", "pence")))),
        (r"(?<=\b(?:an?|got|grade)[ ][A-F])[-−](?!\w)", lambda m: " minus"),
        (r"\b(\d)x(\d)s\b", lambda m: f"{grammar.cardinal(int(m[1]))} by {grammar.cardinal(int(m[2]))}s"),
        (r"\bS(\d{1,2})[ ]?E(\d{1,3})\b", lambda m: f"season {grammar.cardinal(int(m[1]))} episode {grammar.cardinal(int(m[2]))}"),
        (r"(?<![\d.,])(4|7|10|14|21)([2468]0)(?=p(?:\d{2,3})?\b)", lambda m: f"{grammar.cardinal(int(m[1]))} {grammar.cardinal(int(m[2]))} "),
        (r"(?<=(?<![\p{L}-])\p{Lu}{1,4}-)(\d{4,})\b(?![-.,]\d)", lambda m: grammar.digits(m[1])),
        (r"(?<=\b(?:Ref\.|Reference|Serial|serial|Order|order|Part|Model)[ ])[Nn]o\.", lambda m: "number"),
        (r"\b50-50\b", lambda m: "fifty-fifty"),
        (r"(?<=\p{Lu}\p{Ll}+[ ])St(?=,)", lambda m: "Street"),
        (r"\b([97])/11\b", lambda m: f"{grammar.cardinal(int(m[1]))} eleven"),
        (r"(?<=\d+\p{L}?(?:[ ]\p{Lu}[\p{L}.]*){1,3}[ ])Dr\.?(?=,|$|[ ]\p{Ll}|\n)", lambda m: "Drive"),
        (r"\b(\d{1,2})k(?=[ ](?:run|race|walk|jog)\b)|\b(2|4|5|8|10)K\b", lambda m: f"{grammar.cardinal(int(m[1] or m[2]))} K"),
        (r"(?<=\b(?:tall|him|her|me|is|was|he['’]s|she['’]s|I['’]m|stands|over|under|about|almost)[ ])(\d)['′](?![\p{L}\d'])", lambda m: _feet(grammar, m[1], "")),
        (r"\bSt\.(?=[ ]\p{Lu})", lambda m: "Saint"),
        (r"(?<=\p{L}[ ])St\.(?=,|$|[ ]\p{Ll})", lambda m: "Street" if m.string[m.end() :].strip() else "Street."),
        (r"(?<=(?<!\b[Ss]ee )\b\p{Lu}\p{Ll}+[ ])Dr\.(?=[ ]\p{Ll}|,)", lambda m: "Drive"),
        (r"\b(\d{1,3})([A-Z])\b(?=[ ](?:seat|row|gate))", lambda m: f"{grammar.cardinal(int(m[1]))} {m[2]}"),
    )  # fmt: skip


def late_rules() -> tuple[Rule, ...]:
    number = r"(?:(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\p{L}+teen|\p{L}+ty(?:-\p{L}+)?|hundred|thousand|million|billion|point|zero)[ -])+"
    plural = "dollar|pound|euro|meter|kilometer|centimeter|mile|yard|kilogram|gram|liter|gallon|ton|hour|minute|second|percent point|gigabyte|megabyte|terabyte|watt|kilowatt|ampere|volt|ounce"
    return (
        (
            rf"(?<=\b[Aa]n? {number}(?:US |square |cubic )?(?:{plural}))s(?= \p{{Ll}})(?! (?:per|of|and|or|is|was|in|on|at|to|for|from|each|later|ago|away|long|high|wide|old)\b)",
            lambda m: "",
        ),
        (
            r"(?<=hundred meter)s(?= (?:relay|dash|race|final|sprint|hurdles|freestyle|backstroke|butterfly|breaststroke)\b)",
            lambda m: "",
        ),
        (
            rf"(?<=\b[Aa]n? {number})feet(?= \p{{Ll}})(?! (?:of|and|or|is|was|in|on|at|to|long|high|wide|tall|deep|away|above|below)\b)",
            lambda m: "foot",
        ),
    )


def _house(grammar: Grammar, number: str, letter: str) -> str | None:
    if number[0] == "0" or (len(number) < 4 and not letter):
        return None
    return grammar.join(grammar.year(int(number)), letter)


def _verse(grammar: Grammar, match: regex.Match[str]) -> str:
    """ "1 Cor. 13:4-8"."""
    number, book, *verses = match.groups()
    first, verse, last = (grammar.cardinal(int(each)) if each else "" for each in verses)
    order = grammar.ordinal(int(number)).capitalize() if number else ""
    return grammar.join(order, BOOKS[book], first, verse, grammar.to if last else "", last)


def _host(grammar: Grammar, match: regex.Match[str]) -> str | None:
    """ "192.168.0.1:8080"; None for a version of four parts."""
    parts = [int(part) for part in match.groups()[:4]]
    if max(parts) > 255 or (max(parts) < 100 and parts[0] != 10):
        return None
    port = f" colon {grammar.cardinal(int(match[5]))}" if match[5] else ""
    return " dot ".join(map(grammar.cardinal, parts)) + port


def _chess(grammar: Grammar, match: regex.Match[str]) -> str | None:
    """ "Qxd5+" -> "queen takes d five, check"; a move of a pawn only when it takes."""
    piece, origin, takes, file, rank, check = match.groups()
    if piece.islower() and (not takes or origin):
        return None
    end = {"+": ", check", "#": ", checkmate"}.get(check, "")
    start = grammar.cardinal(int(origin)) if (origin or "").isdecimal() else origin
    return grammar.join(
        _PIECES.get(piece, piece), start, takes and "takes", f"{file} {grammar.cardinal(int(rank))}{end}"
    )


def _small_romans(grammar: Grammar, word: str, first: str, last: str | None) -> str | None:
    """ "pp. xii–xv"."""
    numbers = [roman_value(numeral.upper()) for numeral in (first, last) if numeral]
    word = {"p.": "page", "pp.": "pages"}.get(word, word)
    return f"{word} {f' {grammar.to} '.join(map(grammar.cardinal, numbers))}"


def _compass(letters: str) -> str:
    """ "NNW" -> "north northwest"."""
    words = [_DIRECTIONS[letter] for letter in letters]
    return words[0] + " " + "".join(words[1:]) if len(words) == 3 else "".join(words)


def _decade(grammar: Grammar, century: int, ten: int) -> str | None:
    if century == 20 and not ten:
        return "two thousands"
    if not ten:
        return f"{grammar.cardinal(century)} hundreds"
    return f"{grammar.cardinal(century)} {_DECADES[ten - 1]}"


def _end_year(grammar: Grammar, start: str, end: str) -> str:
    return grammar.cardinal(int(end)) if len(end) == 2 else grammar.year(int(end))


def _feet(grammar: Grammar, feet: str, inches: str) -> str:
    small = grammar.amount(Number(inches, inches), Noun(("inch", "inches"))) if inches else ""
    return grammar.join(grammar.amount(Number(feet, feet), Noun(("foot", "feet"))), small)
