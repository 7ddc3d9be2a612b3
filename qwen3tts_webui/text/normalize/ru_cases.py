"""Russian endings, and amounts after a preposition: "до 5 кг" -> "до пяти килограммов"."""

from __future__ import annotations

from collections.abc import Callable

from qwen3tts_webui.text.normalize.numbers import Noun, Number

TENTHS = {1: ("десятая", "десятых"), 2: ("сотая", "сотых"), 3: ("тысячная", "тысячных")}
ORDINAL_ENDINGS = {
    "й": ("n", "m"), "ый": ("n", "m"), "ой": ("n", "m"), "ий": ("n", "m"), "го": ("g", "m"), "ого": ("g", "m"), "му": ("d", "m"), "ому": ("d", "m"),
    "м": ("p", "m"), "ом": ("p", "m"), "я": ("n", "f"), "ая": ("n", "f"), "ю": ("a", "f"), "ую": ("a", "f"), "е": ("n", "n"), "ое": ("n", "n"),
}  # fmt: skip
YEAR_TAILS = {
    "год": "n",
    "года": "g",
    "г.": "g",
    "году": "p",
    "годом": "i",
    "гг.": "n",
    "годы": "n",
    "годов": "g",
    "годах": "p",
}
_PARTS = {1: ("десятой", "десятых"), 2: ("сотой", "сотых"), 3: ("тысячной", "тысячных")}


def genitive(
    number: Number, cardinal: Callable[[int, str, str], str], size: Noun | None, noun: Noun | None
) -> str | None:
    """`size` is a magnitude ("млн"), `noun` the counted noun; None: a fraction with too many digits."""
    counted = size or noun
    if number.fraction:
        if len(number.fraction) not in _PARTS:
            return None
        part = int(number.fraction)
        whole = f"{cardinal(number.value, 'f', 'g')} {'целой' if is_one(number.value) else 'целых'}"
        said = f"{whole} {cardinal(part, 'f', 'g')} {_PARTS[len(number.fraction)][0 if is_one(part) else 1]}"
        word = counted.forms[min(1, len(counted.forms) - 1)] if counted else ""
    else:
        said = cardinal(number.value, counted.gender if counted else "m", "g")
        word = _form(counted, number.value) if counted else ""
    tail = noun.forms[-1] if size and noun else ""
    return " ".join(filter(None, (said, word, tail)))


def _form(noun: Noun, value: int) -> str:
    return noun.forms[1 if len(noun.forms) > 2 and is_one(value) else -1]


def is_one(value: int) -> bool:
    """Whether the counted noun is in the singular: 1, 21, but not 11."""
    return value % 10 == 1 and value % 100 != 11
