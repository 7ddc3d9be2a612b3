"""The tags that people write into a line: `[pause 0.5s]` and `[1.2x]`.

In: one cleaned line. Out: its parts, each with its speed and the pause after it. Other spellings: `[pause 500ms]`,
`[pause]` (half a second), `[停顿 0.5秒]`, `【停顿0.5秒】`, `[1.2倍]`, `[1.2×]`. Brackets around anything else are text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import regex

from qwen3tts_webui.errors import InvalidValue, in_range

MIN_SPEED, MAX_SPEED = 0.5, 2.0
MAX_PAUSE_S = 10.0
DEFAULT_PAUSE_S = 0.5

_NUMBER = r"[+-]?[0-9]{1,6}(?:[.,][0-9]{1,6})?|[.,][0-9]{1,6}"
_TAG = regex.compile(
    r"[\[［【]\s*(?:"
    rf"(?:pause|停顿|停頓|暂停|暫停)(?:\s*[:：]?\s*(?P<pause>{_NUMBER})\s*(?P<unit>ms|毫秒|s|secs?|seconds?|秒)?)?"
    rf"|(?P<speed>{_NUMBER})\s*[x×倍]速?"
    r")\s*[\]］】]",
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TaggedText:
    """A stretch of a line without tags; `speed` is a factor, `pause_s` the silence after it."""

    text: str
    speed: float = 1.0
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class InlineTag:
    """The meaning of one tag: a speed for the text that follows, or else a pause."""

    speed: float | None
    pause_s: float


def parse_tag(text: str) -> InlineTag | None:
    """Return the meaning of `text` if it is exactly one tag. Raises `InvalidValue` as `split_tags` does."""
    match = _TAG.fullmatch(text)
    return None if match is None else _from_match(match)


def split_tags(line: str) -> list[TaggedText]:
    """Split `line` at its tags. A speed applies to the end of the line; adjacent pauses add up, to `MAX_PAUSE_S`.

    A pause before any text belongs to a first part "". Raises `InvalidValue` for a speed or a pause out of range.
    """
    parts: list[TaggedText] = []
    start, speed = 0, 1.0
    for match in _TAG.finditer(line):
        _append(parts, TaggedText(line[start : match.start()].strip(), speed))
        start = match.end()
        tag = _from_match(match)
        if tag.speed is not None:
            speed = tag.speed
        else:
            _append(parts, TaggedText("", speed, tag.pause_s))
    _append(parts, TaggedText(line[start:].strip(), speed))
    return parts


def _append(parts: list[TaggedText], part: TaggedText) -> None:
    """Append a part; one without text only adds its pause to the part before."""
    if part.text or (part.pause_s and not parts):
        parts.append(part)
    elif part.pause_s:
        parts[-1] = replace(parts[-1], pause_s=min(parts[-1].pause_s + part.pause_s, MAX_PAUSE_S))


def _from_match(match: regex.Match[str]) -> InlineTag:
    if match["speed"] is None:
        return InlineTag(None, _pause_s(match))
    return InlineTag(_check_range("", float(match["speed"].replace(",", ".")), MIN_SPEED, MAX_SPEED, "x"), 0.0)


def _pause_s(match: regex.Match[str]) -> float:
    if match["pause"] is None:
        return DEFAULT_PAUSE_S
    amount = float(match["pause"].replace(",", "."))
    in_ms = (match["unit"] or "").lower() in ("ms", "毫秒")
    return _check_range("pause ", amount / 1000 if in_ms else amount, 0.0, MAX_PAUSE_S, "s")


def _check_range(word: str, value: float, low: float, high: float, unit: str) -> float:
    if not low <= value <= high:
        expected = in_range(f"[{word}{low:g}{unit}]", f"[{word}{high:g}{unit}]")
        raise InvalidValue(field="text", expected=expected, got=f"[{word}{value:g}{unit}]")
    return value
