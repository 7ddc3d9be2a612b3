"""Arithmetic, powers, comparison and other signs; abbreviations; Roman numerals."""

from __future__ import annotations

import unicodedata

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.normalize.grammar import Grammar
from qwen3tts_webui.text.say_as import ORDINAL_SIGN

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_ROMAN = regex.compile(
    r"(?<![\p{Latin}\p{Cyrillic}\p{N}’'\-.])(?=[IVXLCDM\u2160-\u217f])(?P<roman>(?:M{0,3})(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})|[\u2160-\u217f]+)"
    r"(?P<suffix>ème|eme|er|re|e|-?й|-?го|\.?[ºª°]|\.(?=\s[\p{L}(]|$|,))?(?![\p{Latin}\p{Cyrillic}\p{N}’'\-]|\.\p{L})"
)
_ROMAN_SECTION = regex.compile(
    r"(?<![\p{L}\p{N}.])(?P<roman>[IVX]{1,5})(?P<rest>(?:\.[1-9]\d?){1,3})(?![\p{L}\p{N}]|\.\d)"
)
_ROMAN_CHARACTERS = regex.compile(r"[\u2160-\u217f]+")
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_WORD_BEFORE = regex.compile(r"([\p{L}.]+)[ \u00a0]?$")
_WORD_AFTER = regex.compile(r"^[ \u00a0]?([\p{L}]+)")
_TILDE = regex.compile(r"(?<=\s)~(?=\s)")
_UNDERSCORE = regex.compile(r"(?<=[\p{L}\p{N}])_(?=[\p{L}\p{N}])")
_MATH_SIGNS = "<>≤≥≠≈×÷=±√∞∓∑∈⇒"


class Signs:
    """Built once per grammar."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        number = f"(?:{grammar.number_pattern})"
        self._number = regex.compile(number)
        # an expression contains an equals sign, or an operator that has no other meaning
        self._sum = regex.compile(
            rf"(?<![\w.,])(?P<first>[-−]?{number})(?P<rest>(?:(?:\s?[-−+×÷*/x·]\s?|\s:\s){number})+\s?=(?:\s?[-−]?{number}(?:/\d{{1,2}})?|\s?[?？])?)(?![\w])"
        )
        part, ratio = r"\d{1,2}(?:/\d{1,2})?", r"\d{1,2}/\d{1,2}"
        self._fraction_sum = regex.compile(
            rf"(?<![\w.,/])(?={part}[^=\n]*/){part}(?:\s[-−+×÷]\s{part})+(?:\s=\s{part})?(?![\w/])"
            rf"|(?<![\w.,/])(?:{ratio}(?:[-−+×÷]{ratio})+(?==)|{ratio}(?:[+×÷]{ratio})+)(?:={part})?(?![\w/])"
        )
        self._operator = regex.compile(r"\s?([-−+×÷*/x·=:])\s?(?=[-−]?[\d.?？]|$)")
        self._times = regex.compile(r"(?<=\d)\s?(?P<sign>[x×*·])\s?(?=\d)")
        self._power = regex.compile(
            r"(?<=[\p{L}\p{N})])(?:\^(?P<open>\()?(?P<sign>[-−])?(?P<n>\d{1,6}|[a-z](?![\p{L}²³]))(?(open)\))|(?P<sign>⁻)?(?P<super>[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6}))(?![.,]?\d)"
        )
        self._minus = regex.compile(
            r"(?<=\^\(?\d{1,3}\)?|[²³⁰¹⁴⁵⁶⁷⁸⁹])\s?[-−]\s?(?=\d*\p{Latin}?(?![\p{Latin}\d]))|(?<=(?<!\p{L})[a-z)])[-−](?=\d*[a-z]?(?!\p{Latin})[^.\n]{0,20}=)|(?<=\b\d*[a-z])\s[-−]\s(?=\d*[a-z]?\b[^.\n]{0,20}=)"
        )
        self._arrow = regex.compile(r"\s?(?:->|=>|→|⇒|⟶)\s?")
        self._compare = regex.compile(r"(?P<sign><=|>=|!=|≤|≥|≠|≈|<|>)")
        self._about = regex.compile(
            r"(?:(?<![\p{Latin}\p{Cyrillic}\p{Greek}\p{N}%‰°℃℉]\s?|\d\s?[일월년시분원명日月年号時时点分周]\s?)[~～≈]\s?"
            r"|(?<=(?<!\d\s?)(?<![\p{L}\p{N}])\p{L}{2,}\s)[~≈])(?=\d)"
        )
        self._ticker = regex.compile(r"(?<![\w$])[$#](?=\p{L})|^\$\s(?=\p{L})", regex.M)
        self._placeholder = regex.compile(r"</?(?P<name>\p{L}[\p{L}\p{N}_-]{1,30})/?>")
        self._ordinal = regex.compile(rf"(?<![\d.,])(\d{{1,9}}){ORDINAL_SIGN}")
        self._hash = regex.compile(r"(?<![\w#&])#\s?(?=\d|\p{Lu}{1,3}[\d-])|№\s?|(?<!\p{L})[Nn][º°]\s?(?=\d)")
        words = {sign: word for sign, word in grammar.signs.items() if len(sign) == 1 and not sign.isalnum()}
        self._math = regex.compile(f"[{regex.escape(''.join(sign for sign in words if sign in _MATH_SIGNS))}]")
        self._sign = regex.compile(f"[{regex.escape(''.join(sign for sign in words if sign not in '<>~#№'))}]")
        self._abbreviations = _abbreviation_pattern(grammar)
        self._expansions = {key.replace(" ", ""): said for key, said in grammar.abbreviations.items()}

    def sums(self, text: AlignedText) -> None:
        """ "1/2 + 1/4 = 3/4" and "5 - 3 = 2"."""
        text.sub(self._fraction_sum, self._say_fraction_sum, spaced=True)
        text.sub(self._sum, self._say_sum, spaced=True)

    def ordinals(self, text: AlignedText) -> None:
        """What SSML asks for."""
        text.sub(self._ordinal, lambda match: self._grammar.ordinal_word(int(match[1])), spaced=True)

    def approximations(self, text: AlignedText) -> None:
        """ "~50"."""
        text.sub(self._about, lambda _: self._grammar.signs["~"] + (" " if self._grammar.spaced else ""))

    def math(self, text: AlignedText) -> None:
        """Signs that an engine cannot read: comparison, multiplication, powers."""
        text.sub(self._placeholder, lambda match: match["name"], final=False, spaced=True)
        text.sub(self._times, lambda match: self._grammar.between(self._grammar.signs["×"]))
        text.sub(self._minus, lambda _: self._grammar.between(self._grammar.subtract or self._grammar.minus))
        text.sub(self._power, self._say_power, spaced=True)
        text.sub(self._arrow, lambda _: self._grammar.after(self._grammar.signs["→"]))
        text.sub(self._compare, lambda match: self._padded(match, self._grammar.signs[_SAME.get(match[0], match[0])]))
        text.sub(self._math, lambda match: self._padded(match, self._grammar.signs[match[0]]))

    def hashes(self, text: AlignedText) -> None:
        """ "#1" and "№ 1"."""
        text.sub(self._hash, lambda _: self._grammar.signs["#"] + (" " if self._grammar.spaced else ""), spaced=True)

    def rest(self, text: AlignedText) -> None:
        """All signs that are left; that of "$MSFT" and that inside "user_name" are not read."""
        text.sub(self._ticker, lambda match: "" if match[0][0] == "$" else f"{self._grammar.hashtag} ")
        text.sub(self._sign, lambda match: self._padded(match, self._grammar.signs[match[0]]))
        text.sub(_UNDERSCORE, lambda _: " ")
        text.sub(_TILDE, lambda match: self._padded(match, self._grammar.signs["~"]))

    def abbreviations(self, text: AlignedText) -> None:
        if self._abbreviations is not None:
            text.sub(self._abbreviations, self._say_abbreviation, spaced=True)

    def romans(self, text: AlignedText) -> None:
        text.sub(_ROMAN_SECTION, self._say_section, spaced=True)
        text.sub(_ROMAN, self._say_roman, spaced=True)

    def numerals(self, text: AlignedText) -> None:
        """ "Ⅳ" as digits."""
        text.sub(_ROMAN_CHARACTERS, lambda match: str(roman_value(unicodedata.normalize("NFKC", match[0]).upper())))

    def _padded(self, match: regex.Match[str], word: str) -> str:
        if not self._grammar.spaced:
            return word
        before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
        return (
            (" " if before and not before.isspace() and before != "+" else "")
            + word
            + (" " if after.isalnum() or (after in "(<>=+-−" and after) else "")
        )

    def _say_sum(self, match: regex.Match[str]) -> str:
        grammar = self._grammar
        subtract = grammar.subtract or grammar.minus
        names = {
            "-": subtract,
            "−": subtract,
            "+": grammar.signs["+"],
            "/": grammar.signs["÷"],
            ":": grammar.signs["÷"],
        }
        names |= {"*": grammar.signs["×"], "x": grammar.signs["×"], "·": grammar.signs["×"]}

        def operator(found: regex.Match[str]) -> str:
            return grammar.between(names.get(found[1]) or grammar.signs[found[1]])

        def value(found: regex.Match[str]) -> str:
            sign = "-" if found["sign"] else ""
            return grammar.say(grammar.number(found["number"], sign))

        spoken = self._operator.sub(operator, match["rest"])
        first = match["first"]
        signed = regex.compile(rf"(?P<sign>[-−])?(?P<number>{self._number.pattern})")
        return grammar.polish(str(signed.sub(value, first)) + str(signed.sub(value, spoken)))

    def _say_fraction_sum(self, match: regex.Match[str]) -> str | None:
        grammar, said = self._grammar, ""
        for token in regex.findall(r"\d+(?:/\d+)?|[-−+×÷=]", match[0]):
            top, slash, bottom = token.partition("/")
            if slash and (grammar.keep_digits or int(bottom) < 2):
                return None
            if slash:
                said += grammar.fraction(int(top), int(bottom))
            elif token.isdecimal():
                said += grammar.say(grammar.number(token))
            else:
                said += grammar.between((grammar.subtract or grammar.minus) if token in "-−" else grammar.signs[token])
        return said

    def _say_power(self, match: regex.Match[str]) -> str | None:
        grammar = self._grammar
        exponent = (match["n"] or match["super"] or "").translate(_SUPERSCRIPTS)
        if match["sign"] is None and exponent in ("2", "3"):
            return self._tight(grammar.squared if exponent == "2" else grammar.cubed)
        said = exponent if exponent.isalpha() or grammar.keep_digits else grammar.cardinal(int(exponent))
        if match["sign"]:
            said = grammar.with_sign("-", said)
        return self._tight(grammar.power.format(said))

    def _tight(self, words: str) -> str:
        return f" {words}" if self._grammar.spaced and not words.startswith("의") else words

    def _say_abbreviation(self, match: regex.Match[str]) -> str | None:
        grammar, key = self._grammar, regex.sub(r"\s", "", match["abbreviation"])
        rest = match.string[match.end() :]
        if key not in self._expansions and key + "$" not in self._expansions and self._starts_sentence(match):
            lower = key[0].lower() + key[1:]
            key = lower if lower in self._expansions or lower + "$" in self._expansions else key
        is_capital = match["abbreviation"][0] != key[0]
        flagged = key + "#"
        if flagged not in self._expansions and (key[0].lower() + key[1:] + "#") in self._expansions:
            flagged = key[0].lower() + key[1:] + "#"
        if flagged in self._expansions and regex.match(r"[ \u00a0]?\(?(?:\d|[IVXLC]+\b)", rest):
            said = self._expansions[flagged]
        elif key in self._expansions:
            said = self._expansions[key]
        elif key + "$" in self._expansions:
            said = self._expansions[key + "$"]
            if regex.match(r"\s+\p{Lu}(?!\p{Lu}|[ ,.])", rest):
                return said + "."
        else:
            return None
        said = said[0].upper() + said[1:] if is_capital else said
        if key.endswith(".") and not rest.strip() and flagged not in self._expansions:
            return said + "."
        gap = " " if rest[:1].isalnum() and grammar.spaced else ""
        return said + gap

    @staticmethod
    def _starts_sentence(match: regex.Match[str]) -> bool:
        return regex.search(r"(?:^|[.!?:;\n(•–—-]\s*)$", match.string[: match.start()]) is not None

    def _say_section(self, match: regex.Match[str]) -> str:
        """ "IV.2"."""
        grammar = self._grammar
        numbers = [roman_value(match["roman"]), *map(int, match["rest"].strip(".").split("."))]
        point = grammar.version_point or grammar.point
        return grammar.join(*[word for number in numbers for word in (point, grammar.cardinal(number))][1:])

    def _say_roman(self, match: regex.Match[str]) -> str | None:
        grammar = self._grammar
        numeral = unicodedata.normalize("NFKC", match["roman"]).upper()
        if (match["suffix"] or "")[:1] in ("e", "è", "r") and match["suffix"] and not set(numeral) <= set("IVX"):
            return None  # "Le", "De"
        if numeral in "LCDM":
            return None
        number = roman_value(numeral)
        before = _WORD_BEFORE.search(match.string[max(0, match.start() - 30) : match.start()])
        after = _WORD_AFTER.search(match.string[match.end() : match.end() + 30])
        said = grammar.roman(
            number, before[1] if before else "", (match["suffix"] or "") + " " + (after[1] if after else "")
        )
        is_model = (
            len(numeral) > 1
            and set(numeral) <= set("IVX")
            and regex.match(r"\p{Lu}\p{Ll}+$", before[1] if before else "")
        )
        is_plain = len(numeral) > 2 and set(numeral) <= set("IVX") and numeral != "XXX" and not match["suffix"]
        if said is None and is_plain and grammar.decimal_mark == ",":
            return grammar.cardinal(number)
        if said is None and (match["suffix"] or "")[-1:] in ("º", "°", "ª"):
            return grammar.ordinal(number, "f" if match["suffix"][-1] == "ª" else "m")
        if said is None and (match["roman"] != numeral or (is_model and not (match["suffix"] or ""))):
            said = grammar.cardinal(number)
        if said is None:
            return None
        return said + ("." if (match["suffix"] or "") == "." and not match.string[match.end() :].strip() else "")


_SAME = {"<=": "≤", ">=": "≥", "!=": "≠"}


def roman_value(numeral: str) -> int:
    """ "XIV" -> 14."""
    total = 0
    values = [_ROMAN_VALUES.get(letter, 0) for letter in numeral]
    for i, value in enumerate(values):
        total += -value if any(value < later for later in values[i + 1 : i + 2]) else value
    return total


def _abbreviation_pattern(grammar: Grammar) -> regex.Pattern[str] | None:
    keys = {key.rstrip("#$") for key in grammar.abbreviations}
    keys |= {key[0].upper() + key[1:] for key in keys if len(key) > 2}
    if not keys:
        return None
    spaced = [
        regex.escape(key).replace(r"\ ", " ").replace(" ", r"[ \u00a0]?") for key in sorted(keys, key=len, reverse=True)
    ]
    return regex.compile(rf"(?<![\p{{L}}\p{{N}}.])(?P<abbreviation>{'|'.join(spaced)})(?![\p{{Latin}}\p{{Cyrillic}}])")
