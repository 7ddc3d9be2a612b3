"""The interface of a language: how numbers, dates, money and signs are spoken in it.

A subclass per language holds tables and overrides what its grammar does differently. In: parsed values. Out: words.
Knows nothing of where in a text they are (see the passes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

import regex

from qwen3tts_webui.text.normalize.numbers import COMMA, Noun, Number, parse_number
from qwen3tts_webui.text.normalize.phrases import PHRASES

Rule = tuple[str, Callable[["regex.Match[str]"], "str | None"]]
"""A pattern, and the function that replaces a match of it."""

MAX_DIGITS = 30
_MILLIONS = regex.compile(r"(?:illi|ill[oó]n|il[hi]|iard)\p{L}*$|^(?!.*\p{Latin})|\d$")


@lru_cache(maxsize=4096)
def in_words(number: int, language: str, **options: str | bool) -> str:
    """What num2words says; it takes a millisecond for each."""
    import num2words

    return str(num2words.num2words(number, lang=language, **options))


class Grammar:
    """`keep_digits` leaves plain numbers as digits, for an engine that reads them well."""

    code: ClassVar[str]
    num2words_code: ClassVar[str] = ""
    spaced: ClassVar[bool] = True
    decimal_mark: ClassVar[str] = ","
    pairs_decimals: ClassVar[bool] = False
    number_pattern: ClassVar[str] = COMMA
    date_order: ClassVar[str] = "dmy"

    point: ClassVar[str]
    minus: ClassVar[str]
    plus: ClassVar[str]
    plus_minus: ClassVar[str]
    to: ClassVar[str]
    versus: ClassVar[str]
    per: ClassVar[str]
    per_many: ClassVar[str] = ""  # "ogni 24 ore", where it is not `per`
    percent: ClassVar[Noun]
    degree: ClassVar[Noun]
    month_names: ClassVar[tuple[str, ...]] = ()
    month_shorts: ClassVar[tuple[str, ...]] = ()
    date_link: ClassVar[str] = ""
    time_suffix: ClassVar[str] = ""
    duration_units: ClassVar[tuple[str, str, str]] = ("h", "min", "s")
    clock_by_h: ClassVar[bool] = False  # "1h30" is a time of day
    feet_by_prime: ClassVar[bool] = False  # 5'10" is a height
    laps_by_clock: ClassVar[bool] = False  # "3:45.2" is read like a time of day
    pauses_at_slash: ClassVar[bool] = False  # "a/b" is read without a word for the slash
    match_minute: ClassVar[str] = ""  # where a goal was shot at 78', e.g. "minute {}"
    ampere: ClassVar[str] = ""  # the word in `units` for "A", which may also be a letter
    own_shapes: ClassVar[bool] = False  # its rules read aircraft, and durations with primes
    next_sentence: ClassVar[str] = r"\s*$|\s+\p{Lu}\p{Ll}"  # what follows a dot that ends a sentence, too
    part_links: ClassVar[tuple[str, str]] = ("", "")  # a fraction "of" a unit, before a consonant and before a vowel
    currencies: ClassVar[dict[str, tuple[Noun, Noun | None]]]
    magnitudes: ClassVar[dict[str, str]] = {}
    magnitude_link: ClassVar[str] = ""
    units: ClassVar[dict[str, Noun]]
    signs: ClassVar[dict[str, str]]
    web: ClassVar[dict[str, str]]
    version: ClassVar[str] = "version"
    version_point: ClassVar[str] = ""
    subtract: ClassVar[str] = ""
    singulars: ClassVar[dict[str, str]] = {}
    hashtag: ClassVar[str] = "hashtag"
    abbreviations: ClassVar[dict[str, str]] = {}
    linked_words: ClassVar[frozenset[str]] = frozenset()  # words that a rule looks across: titles, short weekdays
    phones: ClassVar[str] = ""
    phone_words: ClassVar[str] = ""
    squared: ClassVar[str]
    cubed: ClassVar[str]
    power: ClassVar[str]
    root: ClassVar[str]

    def __init__(self, *, keep_digits: bool = False) -> None:
        self.keep_digits = keep_digits

    # numbers

    def cardinal(self, number: int, gender: str = "m", *, counted: bool = False) -> str:
        """`counted`: a noun follows ("un", not "uno")."""
        return in_words(number, self.num2words_code or self.code)

    def ordinal(self, number: int, gender: str = "m") -> str:
        return in_words(number, self.num2words_code or self.code, to="ordinal")

    def ordinal_word(self, number: int) -> str:
        """An ordinal on its own."""
        return self.ordinal(number)

    def digits(self, digits: str) -> str:
        """Return the name of each digit."""
        return self.join(*(self.cardinal(int(digit)) for digit in digits))

    def year(self, year: int) -> str:
        return self.cardinal(year)

    def decimals(self, fraction: str) -> str:
        """Return the digits after the decimal mark:

        one by one, or with `pairs_decimals` up to two of them as one number.
        """
        rest = fraction.lstrip("0")
        if not self.pairs_decimals or len(rest) > 2:
            return self.digits(fraction)
        zeros = [self.cardinal(0)] * (len(fraction) - len(rest))
        return self.join(*zeros, self.cardinal(int(rest)) if rest else "")

    def whole(self, digits: str, gender: str = "m", *, counted: bool = False) -> str:
        """A number of any length."""
        if len(digits) > MAX_DIGITS:
            return self.digits(digits)
        return self.cardinal(int(digits), gender, counted=counted)

    def say(self, number: Number, gender: str = "m", *, counted: bool = False) -> str:
        """A number with its sign, in words or as it stands."""
        if self.keep_digits:
            return self.with_sign(number.sign, number.text)
        if number.is_code:
            return self.with_sign(number.sign, self.digits(number.text))
        said = self.whole(number.whole, gender, counted=counted and not number.fraction)
        if number.fraction:
            said = self.join(said, self.point, self.decimals(number.fraction))
        return self.with_sign(number.sign, said)

    def with_sign(self, sign: str, said: str) -> str:
        if not sign:
            return said
        word = self.plus if sign == "+" else self.plus_minus if sign == "±" else self.minus
        return word + said if not self.spaced and not self.keep_digits else self.join(word, said)

    def form(self, number: Number, noun: Noun) -> str:
        """The form of `noun` after `number`."""
        return noun.forms[0] if number.value == 1 and not number.fraction else noun.forms[-1]

    def amount(self, number: Number, noun: Noun) -> str:
        if (
            self.magnitude_link
            and not self.keep_digits
            and number.value
            and number.value % 10**6 == 0
            and not number.fraction
        ):
            return self.of_magnitude(self.say(number), noun)  # "un million d'euros"
        return self.join(self.say(number, noun.gender, counted=True), self.form(number, noun))

    def range(self, low: Number, high: Number, noun: Noun | None = None) -> str:
        if noun is None:
            return self.join(self.say(low), self.to, self.say(high))
        return self.join(self.say(low, noun.gender), self.to, self.amount(high, noun))

    def with_magnitude(self, number: Number, written: str) -> str:
        """ "5.3 bn" -> "five point three billion"; `singulars` holds the form for exactly one ("un million")."""
        word = self.magnitudes[written]
        if written in ("k", "K") and not self.keep_digits and len(number.fraction) <= 3 and self.code != "en":
            value = str(int(number.whole + number.fraction.ljust(3, "0")))
            return self.say(Number(value, value, sign=number.sign))
        if number.value == 1 and not number.fraction and not self.keep_digits and word in self.singulars:
            return self.with_sign(number.sign, self.singulars[word])
        return self.join(self.say(number), word)

    def of_magnitude(self, amount: str, noun: Noun) -> str:
        """ "cinq millions" -> "cinq millions d'euros"."""
        link = self.magnitude_link if _MILLIONS.search(amount) else ""
        return self.join(amount, link, noun.forms[-1])

    def fraction(self, numerator: int, denominator: int) -> str:
        raise NotImplementedError

    def out_of(self, a: str, b: str) -> str:
        """ "4.5/5"."""
        return PHRASES[self.code].out_of.format(a=self.say(self.number(a)), b=self.say(self.number(b)))

    def mixed(self, whole: int, numerator: int, denominator: int) -> str:
        raise NotImplementedError

    def in_percent(self, said: str, number: Number) -> str:
        return self.join(said, self.form(number, self.percent))

    def per_mille(self, said: str) -> str:
        return self.join(said, self.signs["‰"])

    # money, dates, times

    def money(self, number: Number, unit: Noun, cents: Noun | None) -> str:
        """ "20.50": units and cents; a currency without cents is spoken as a decimal."""
        if self.keep_digits or len(number.fraction) != 2:
            return self.amount(number, unit)
        if cents is None:
            return self.amount(replace(number, fraction=number.fraction.rstrip("0")), unit)
        whole = Number(number.whole, number.whole, "", number.sign)
        if not int(number.fraction):
            return self.amount(whole, unit)
        change = str(int(number.fraction))
        small = self.amount(Number(change, change), cents)
        return self.money_join(self.amount(whole, unit), small) if whole.value else self.with_sign(number.sign, small)

    def money_join(self, units: str, cents: str) -> str:
        return self.join(units, cents)

    def polish(self, arithmetic: str) -> str:
        """Correct particles that depend on the word before, in a sum that was just converted to words."""
        return arithmetic

    def clock(self, hour: int, minute: int, second: int | None, suffix: str) -> str:
        raise NotImplementedError

    def clock_range(self, start: str, end: str) -> str:
        return self.join(start, self.to, end)

    def date(self, year: int | None, month: int, day: int | None, before: str) -> str:
        """`before` is the word before the date."""
        raise NotImplementedError

    def days(self, year: int | None, month: int, first: int, last: int, before: str) -> str:
        """ "3-5 May"."""
        name = self.month_names[month - 1]
        start = regex.sub(r"\s(?:de|di)$", "", self.date(None, month, first, before).removesuffix(name).strip())
        return self.join(start, self.to, self.date(year, month, last, before))

    def clock_after(self, before: str, said: str) -> str:
        """A time of day after the word `before`."""
        return said

    def roman(self, number: int, before: str, after: str) -> str | None:
        """A Roman numeral between two words; None if it is an ordinary word there."""
        return None

    # telephone numbers and codes

    def phone(self, written: str) -> str:
        """Digit by digit, with a break where the written number has one."""
        groups = [group for group in regex.split(r"[^\d+]+", written) if group]
        if regex.fullmatch(r"\d(?:[ ]\d)+", written):
            groups = ["".join(groups)]
        said = (self.phone_group(group.removeprefix("+")) for group in groups)
        plus = self.plus + (" " if self.spaced else "") if written.lstrip("(").startswith("+") else ""
        return plus + self.pause().join(said)

    def phone_group(self, digits: str) -> str:
        return self.digits(digits)

    def pause(self) -> str:
        return ", " if self.spaced else "，"

    # text

    def join(self, *parts: str) -> str:
        return " ".join(filter(None, parts)) if self.spaced else "".join(parts)

    def per_unit(self, said: str, link: str, unit: str) -> str:
        """ "25 m³" and "h"."""
        return self.join(said, link, unit)

    def between(self, word: str) -> str:
        """Return `word` for a sign between two numbers or words."""
        return f" {word} " if self.spaced else word

    def stop_after(self, match: regex.Match[str], sign: str) -> str:
        """The dot that ends a sentence and the abbreviation `sign` at once: "in 5 Min."."""
        is_last = sign.endswith(".") and match[0].endswith(sign)
        return "." if is_last and regex.match(self.next_sentence, match.string[match.end() :]) else ""

    def after(self, word: str) -> str:
        """Return `word` like `between`; Korean attaches it to the word before it."""
        return self.between(word)

    def number(self, text: str, sign: str = "") -> Number:
        return parse_number(text, self.decimal_mark, "−" if sign and sign[0] in "-−–" else sign)

    def arc(self) -> tuple[Noun, Noun]:
        """The minute and the second of an angle."""
        return self.units[self.duration_units[1]], self.units[self.duration_units[2]]

    def early_rules(self) -> tuple[Rule, ...]:
        """Rules of this language alone, before dates and times. Not used when digits are kept."""
        return ()

    def rules(self) -> tuple[Rule, ...]:
        """Rules of this language alone, before all others. Not used when digits are kept."""
        return ()

    def late_rules(self) -> tuple[Rule, ...]:
        """Rules of this language alone, after all others."""
        return ()
