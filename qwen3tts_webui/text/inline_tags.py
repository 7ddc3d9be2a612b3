"""The tags that people write into a line: `[pause 0.5s]` and `[1.2x]`.

In: one cleaned line. Out: its parts, each with its speed and the pause after it. Other spellings: `[pause 500ms]`,
`[pause]` (half a second), `[停顿 0.5秒]`, `【停顿0.5秒】`, `[1.2倍]`, `[1.2×]`. Brackets around anything else are text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import regex

from qwen3tts_webui.errors import InvalidValue, in_range

MIN_SPEED = 0.5
MAX_SPEED = 2.0
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


@dataclass(frozen=True, slots=True)
class EdgeTags:
    """The speed tag at the start of a line and the pause tags at its end, as the page's controls edit them.

    `prefix_length` and `suffix_length` are the characters they take, with the spaces around them; 0 without a tag.
    """

    speed: float = 1.0
    pause_s: float = 0.0
    prefix_length: int = 0
    suffix_length: int = 0


def find_edge_tags(line: str) -> EdgeTags:
    """Find the tags at the edges of a raw line. Values out of range are moved into it, so that they can be edited."""
    speed, prefix_length = 1.0, 0
    leading = _TAG.match(line, len(line) - len(line.lstrip()))
    if leading is not None and leading["speed"] is not None:
        speed = min(max(_speed(leading), MIN_SPEED), MAX_SPEED)
        prefix_length = len(line) - len(line[leading.end() :].lstrip())
    pause_s, end, suffix_length = 0.0, len(line.rstrip()), 0
    for match in reversed(list(_TAG.finditer(line, prefix_length))):
        if match["speed"] is not None or match.end() != end:
            break
        pause_s += max(_pause_s(match), 0.0)
        end = max(len(line[: match.start()].rstrip()), prefix_length)
        suffix_length = len(line) - end
    return EdgeTags(speed, min(pause_s, MAX_PAUSE_S), prefix_length, suffix_length)


def _append(parts: list[TaggedText], part: TaggedText) -> None:
    """Append a part; one without text only adds its pause to the part before."""
    if part.text or (part.pause_s and not parts):
        parts.append(part)
    elif part.pause_s:
        parts[-1] = replace(parts[-1], pause_s=min(parts[-1].pause_s + part.pause_s, MAX_PAUSE_S))


def _from_match(match: regex.Match[str]) -> InlineTag:
    if match["speed"] is None:
        return InlineTag(None, _check_range("pause ", _pause_s(match), 0.0, MAX_PAUSE_S, "s"))
    return InlineTag(_check_range("", _speed(match), MIN_SPEED, MAX_SPEED, "x"), 0.0)


def _speed(match: regex.Match[str]) -> float:
    return float(match["speed"].replace(",", "."))


def _pause_s(match: regex.Match[str]) -> float:
    if match["pause"] is None:
        return DEFAULT_PAUSE_S
    amount = float(match["pause"].replace(",", "."))
    in_ms = (match["unit"] or "").lower() in ("ms", "毫秒")
    return amount / 1000 if in_ms else amount


def _check_range(word: str, value: float, low: float, high: float, unit: str) -> float:
    if not low <= value <= high:
        expected = in_range(f"[{word}{low:g}{unit}]", f"[{word}{high:g}{unit}]")
        raise InvalidValue(field="text", expected=expected, got=f"[{word}{value:g}{unit}]")
    return value
