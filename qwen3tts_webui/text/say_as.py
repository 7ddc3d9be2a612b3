"""What SSML's `<say-as>` asks for, as written text that every language's rules read that way.

In: `interpret-as`, the text inside, the whole tag (for `format`). Out: written text. Knows no language.
"""

from __future__ import annotations

import regex

_FORMAT = regex.compile(r"\bformat\s*=\s*[\"']?([\w]{1,12})", regex.IGNORECASE)
_SPELLED = frozenset({"characters", "spell-out", "spell", "verbatim", "digits", "letters"})
_MINUTES = regex.compile(r"(?:(\d{1,3})['’′])?(?:(\d{1,3})(?:\"|''|”|″))?")
ORDINAL_SIGN = "ᵗʰ"
"""Written after a number in any language, it makes an ordinal."""


def say_as(kind: str, text: str, tag: str) -> str:
    """Return what to write instead of the tag and its text."""
    kind, text, form = kind.lower(), text.strip(), _FORMAT.search(tag)
    if kind == "date":
        return _date(text, form[1].lower() if form else "")
    if kind == "time":
        return _time(text)
    if kind == "ordinal":
        return f"{int(text)}{ORDINAL_SIGN}" if _is_number(text) else text
    if kind in ("cardinal", "number"):
        return _cardinal(text) if _is_number(text) else text
    if kind == "fraction":
        return regex.sub(r"\s*\+\s*", " ", text)
    if kind == "unit":
        return regex.sub(r"(?<=\d)(?=\p{L})", " ", text)
    if kind in ("expletive", "bleep"):
        return "[pause 500ms]"
    if kind in ("telephone", "phone"):
        return ", ".join(" ".join(group) for group in regex.findall(r"[+\d]+|\p{L}+", text))
    return " ".join(character for character in text if not character.isspace()) if kind in _SPELLED else text


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _cardinal(text: str) -> str:
    """No year and no code: "2024" as "2’024", "007" as "7"."""
    return f"{int(text):,}".replace(",", "’")


def _date(text: str, form: str) -> str:
    """As in ISO 8601, if day, month and year are given in the order of `form`: "mdy", "yyyymmdd"."""
    order = regex.sub(r"(.)\1+", r"\1", form)
    if len(order) != 3 or set(order) != set("dmy"):
        return text
    parts = regex.findall(r"\d+", text)
    if len(parts) == 1 and len(parts[0]) == 8:
        lengths = [4 if letter == "y" else 2 for letter in order]
        starts = [sum(lengths[:i]) for i in range(3)]
        parts = [parts[0][start : start + length] for start, length in zip(starts, lengths, strict=True)]
    if len(parts) != 3:
        return text
    values = dict(zip(order, parts, strict=True))
    if len(values["y"]) == 2:
        values["y"] = f"{'19' if int(values['y']) >= 50 else '20'}{values['y']}"
    return f"{values['y']:0>4}-{values['m']:0>2}-{values['d']:0>2}"


def _time(text: str) -> str:
    """ "1'21\"" as minutes and seconds, "093000" as a time of day."""
    duration = _MINUTES.fullmatch(text)
    if duration is not None and text:
        return " ".join(f"{n} {unit}" for n, unit in zip(duration.groups(), ("min", "s"), strict=True) if n)
    if text.isdecimal() and len(text) in (4, 6):
        return ":".join(text[i : i + 2] for i in range(0, len(text), 2))
    return text
