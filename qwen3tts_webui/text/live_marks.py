"""Line ends and marks in a text that is still being written.

In: pieces of raw text of any size. Out: the same text, in order, cut at line ends and at the marks of `marks`, however
they were cut themselves. A bracket that may yet become a mark is held back. Cleans nothing (see live).
"""

from __future__ import annotations

from typing import Literal

import regex

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.text.clean import clean_line
from qwen3tts_webui.text.marks import Mark, mark

_LONGEST = 40  # characters between brackets; what is longer is text
_CUT = regex.compile(rf"[\[［【][^\[\]［］【】\r\n]{{0,{_LONGEST}}}[\]］】]|(?P<end>[\n\r\x0b\x0c])")
_OPEN = regex.compile(rf"[\[［【][^\[\]［］【】\r\n]{{0,{_LONGEST}}}$")

Item = str | Mark | InvalidValue | Literal[True]
"""Text, a mark, what is wrong with a mark (which is then left out), or True: a line end."""


class LiveMarks:
    """`push` piece after piece; `flush` when no more is to be waited for."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, piece: str) -> list[Item]:
        """What became certain."""
        raw = self._held + piece
        opened = _OPEN.search(raw)
        end = len(raw) if opened is None else opened.start()
        self._held = raw[end:]
        return _items(raw[:end])

    def flush(self) -> list[Item]:
        """The rest: a bracket that was never closed is text."""
        held, self._held = self._held, ""
        return [held] if held else []


def _items(raw: str) -> list[Item]:
    found: list[Item] = []
    start = 0
    for match in _CUT.finditer(raw):
        item: Item | None = True if match["end"] else _mark(match[0])
        if item is not None:
            found += [raw[start : match.start()]] if match.start() > start else []
            found.append(item)
            start = match.end()
    return found + ([raw[start:]] if start < len(raw) else [])


def _mark(text: str) -> Mark | InvalidValue | None:
    try:
        return mark(clean_line(text))
    except InvalidValue as error:
        return error
