"""Subtitles as SRT and WebVTT.

In: cues. Out: the text of a subtitle file. Knows nothing of audio.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_WORD_JOINER = "\u2060"


@dataclass(frozen=True, slots=True)
class Cue:
    """`text` is spoken from `start_s` to `end_s`, in seconds from the start of the audio."""

    text: str
    start_s: float
    end_s: float


def to_srt(cues: Sequence[Cue]) -> str:
    """Return SubRip. It has no escapes, so an invisible joiner breaks up what players would take for markup."""
    blocks = []
    for number, cue in enumerate(_visible(cues), start=1):
        text = cue.text.replace("<", "<" + _WORD_JOINER).replace("{", "{" + _WORD_JOINER)
        text = text.replace("-->", f"--{_WORD_JOINER}>")
        blocks.append(f"{number}\n{_time_range(cue, ',')}\n{text}\n")
    return "\n".join(blocks)


def to_vtt(cues: Sequence[Cue]) -> str:
    """Return WebVTT (W3C), with `&`, `<` and `>` escaped."""
    blocks = [f"{_time_range(cue, '.')}\n{html.escape(cue.text, quote=False)}\n" for cue in _visible(cues)]
    return "\n".join(["WEBVTT\n", *blocks])


def _visible(cues: Sequence[Cue]) -> list[Cue]:
    """Put each cue on one line, since an empty line would end it, and drop cues without text."""
    lines = ((_one_line(cue.text), cue) for cue in cues)
    return [Cue(text, cue.start_s, cue.end_s) for text, cue in lines if text]


def _one_line(text: str) -> str:
    printable = (" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in text)
    return " ".join("".join(printable).split())


def _time_range(cue: Cue, separator: str) -> str:
    start_ms = max(0, round(cue.start_s * 1000))
    end_ms = max(start_ms + 1, round(cue.end_s * 1000))
    return f"{_timestamp(start_ms, separator)} --> {_timestamp(end_ms, separator)}"


def _timestamp(milliseconds: int, separator: str) -> str:
    seconds, milliseconds = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{milliseconds:03}"
