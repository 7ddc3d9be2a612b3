"""The marks people write into a line: `[pause 0.5s]` and `[1.2x]`.

In: one cleaned line. Out: its parts, each with the speed and the pause that follows it. Forms of the same:
`[pause 500ms]`, `[pause]` (half a second), `[停顿 0.5秒]`, `【停顿0.5秒】`, `[1.2倍]`, `[1.2×]`. What stands in
brackets and is neither is text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import regex

from qwen3tts_webui.errors import InvalidValue

MIN_SPEED, MAX_SPEED = 0.5, 2.0
MAX_PAUSE_S = 10.0
DEFAULT_PAUSE_S = 0.5

_NUMBER = r"[+-]?[0-9]{1,6}(?:[.,][0-9]{1,6})?|[.,][0-9]{1,6}"
_MARK = regex.compile(
    r"[\[［【]\s*(?:"
    rf"(?:pause|停顿|停頓|暂停|暫停)(?:\s*[:：]?\s*(?P<pause>{_NUMBER})\s*(?P<unit>ms|毫秒|s|secs?|seconds?|秒)?)?"
    rf"|(?P<speed>{_NUMBER})\s*[x×倍]速?"
    r")\s*[\]］】]",
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a line without marks; `speed` is a factor, `pause_s` the silence after it."""

    text: str
    speed: float = 1.0
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    """What one mark says: a speed for what follows, or else a pause."""

    speed: float | None
    pause_s: float


def mark(text: str) -> Mark | None:
    """What `text` says if it is one mark and nothing else. Raises `InvalidValue` as `parts` does."""
    match = _MARK.fullmatch(text)
    return None if match is None else _read(match)


def parts(line: str) -> list[Part]:
    """`line` cut at its marks. A speed holds to the end of the line; pauses in a row add up, to `MAX_PAUSE_S`.

    A pause before any text follows a first part "". Raises `InvalidValue` for a speed or a pause out of range.
    """
    found: list[Part] = []
    start, speed = 0, 1.0
    for match in _MARK.finditer(line):
        _append(found, Part(line[start : match.start()].strip(), speed))
        start = match.end()
        read = _read(match)
        if read.speed is not None:
            speed = read.speed
        else:
            _append(found, Part("", speed, read.pause_s))
    _append(found, Part(line[start:].strip(), speed))
    return found


def _append(found: list[Part], part: Part) -> None:
    """Add a part; one without text only gives its pause to the part before it."""
    if part.text or (part.pause_s and not found):
        found.append(part)
    elif part.pause_s:
        found[-1] = replace(found[-1], pause_s=min(found[-1].pause_s + part.pause_s, MAX_PAUSE_S))


def _read(match: regex.Match[str]) -> Mark:
    if match["speed"] is None:
        return Mark(None, _pause_s(match))
    return Mark(_in_range("", float(match["speed"].replace(",", ".")), MIN_SPEED, MAX_SPEED, "x"), 0.0)


def _pause_s(match: regex.Match[str]) -> float:
    if match["pause"] is None:
        return DEFAULT_PAUSE_S
    amount = float(match["pause"].replace(",", "."))
    in_ms = (match["unit"] or "").lower() in ("ms", "毫秒")
    return _in_range("pause ", amount / 1000 if in_ms else amount, 0.0, MAX_PAUSE_S, "s")


def _in_range(word: str, value: float, low: float, high: float, unit: str) -> float:
    if not low <= value <= high:
        raise InvalidValue(
            field="text",
            expected=f"[{word}{low:g}{unit}] – [{word}{high:g}{unit}]",
            got=f"[{word}{value:g}{unit}]",
        )
    return value
