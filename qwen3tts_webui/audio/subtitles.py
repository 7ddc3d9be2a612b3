"""Cues -> SRT and WebVTT.

In: what was said, from when to when. Out: the text of a subtitle file. Knows nothing of sound.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_WORD_JOINER = "\u2060"


@dataclass(frozen=True, slots=True)
class Cue:
    """`text` is heard from `start_s` to `end_s`, seconds from the beginning of the sound."""

    text: str
    start_s: float
    end_s: float


def to_srt(cues: Sequence[Cue]) -> str:
    """SubRip. It has no escapes, so what players would take for a tag or a style gets an invisible joiner."""
    blocks = []
    for number, cue in enumerate(_shown(cues), start=1):
        text = cue.text.replace("<", "<" + _WORD_JOINER).replace("{", "{" + _WORD_JOINER)
        text = text.replace("-->", f"--{_WORD_JOINER}>")
        blocks.append(f"{number}\n{_span(cue, ',')}\n{text}\n")
    return "\n".join(blocks)


def to_vtt(cues: Sequence[Cue]) -> str:
    """WebVTT (W3C), with `&`, `<` and `>` escaped."""
    blocks = [f"{_span(cue, '.')}\n{html.escape(cue.text, quote=False)}\n" for cue in _shown(cues)]
    return "\n".join(["WEBVTT\n", *blocks])


def _shown(cues: Sequence[Cue]) -> list[Cue]:
    """One line of text each, since an empty line would end a cue; cues without text are left out."""
    lines = ((_one_line(cue.text), cue) for cue in cues)
    return [Cue(text, cue.start_s, cue.end_s) for text, cue in lines if text]


def _one_line(text: str) -> str:
    printable = (" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in text)
    return " ".join("".join(printable).split())


def _span(cue: Cue, point: str) -> str:
    start_ms = max(0, round(cue.start_s * 1000))
    end_ms = max(start_ms + 1, round(cue.end_s * 1000))
    return f"{_clock(start_ms, point)} --> {_clock(end_ms, point)}"


def _clock(milliseconds: int, point: str) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{milliseconds:03}"
