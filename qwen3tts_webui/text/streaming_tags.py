"""Line ends and inline tags in text that is still being written.

In: pieces of raw text of any size. Out: the same text, in order, split at line ends and at inline tags, wherever the
pieces were cut. A bracket that may yet become a tag is held back. Cleans nothing (see streaming_cleaner).
"""

from __future__ import annotations

from typing import Literal

import regex

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.text.clean import clean_line
from qwen3tts_webui.text.inline_tags import InlineTag, parse_tag

_MAX_TAG_LENGTH = 40  # characters between brackets; anything longer is text
_TAG_OR_LINE_END = regex.compile(
    rf"[\[［【][^\[\]［］【】\r\n]{{0,{_MAX_TAG_LENGTH}}}[\]］】]|(?P<line_end>[\n\r\x0b\x0c])"
)
_OPEN_TAG = regex.compile(rf"[\[［【][^\[\]［］【】\r\n]{{0,{_MAX_TAG_LENGTH}}}$")

TagEvent = str | InlineTag | InvalidValue | Literal[True]
"""Text, a tag, the error of a tag that is out of range (which is then dropped), or True for a line end."""


class StreamingTagParser:
    """Call `push` for each piece, and `flush` when nothing more is to be waited for."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, piece: str) -> list[TagEvent]:
        """Return the events that no later piece can change."""
        raw = self._held + piece
        opened = _OPEN_TAG.search(raw)
        end = len(raw) if opened is None else opened.start()
        self._held = raw[end:]
        return _events(raw[:end])

    def flush(self) -> list[TagEvent]:
        """Return the rest: a bracket that was never closed is text."""
        held, self._held = self._held, ""
        return [held] if held else []


def _events(raw: str) -> list[TagEvent]:
    events: list[TagEvent] = []
    start = 0
    for match in _TAG_OR_LINE_END.finditer(raw):
        event: TagEvent | None = True if match["line_end"] else _parse(match[0])
        if event is not None:
            events += [raw[start : match.start()]] if match.start() > start else []
            events.append(event)
            start = match.end()
    return events + ([raw[start:]] if start < len(raw) else [])


def _parse(text: str) -> InlineTag | InvalidValue | None:
    try:
        return parse_tag(clean_line(text))
    except InvalidValue as error:
        return error
