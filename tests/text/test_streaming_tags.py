"""Tags and line ends of streamed text: found however it was cut, and everything else is unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.text.inline_tags import InlineTag
from qwen3tts_webui.text.streaming_tags import StreamingTagParser


def joined(items: list[Any]) -> list[Any]:
    """Join adjacent pieces of text."""
    found: list[Any] = []
    for item in items:
        if isinstance(item, str) and found and isinstance(found[-1], str):
            found[-1] += item
        else:
            found.append(item)
    return found


def read(pieces: list[str]) -> list[Any]:
    marks = StreamingTagParser()
    return joined([item for piece in pieces for item in marks.push(piece)] + marks.flush())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Hello you", ["Hello you"]),
        ("One [pause 0.5s] two", ["One ", InlineTag(None, 0.5), " two"]),
        ("[1.2x]Fast\nslow", [InlineTag(1.2, 0.0), "Fast", True, "slow"]),
        ("[停顿 0.5秒]好【1.5倍】", [InlineTag(None, 0.5), "好", InlineTag(1.5, 0.0)]),
        ("[PAUSE]a\r\nb", [InlineTag(None, 0.5), "a", True, True, "b"]),
        ("see [note 3] and [", ["see [note 3] and ["]),
        ("[pause 1s", ["[pause 1s"]),
        ("[[pause 1s]]", ["[", InlineTag(None, 1.0), "]"]),
        ("[" + "x" * 60 + "]", ["[" + "x" * 60 + "]"]),
        ("[pa\nuse]", ["[pa", True, "use]"]),
    ],
)
def test_whole_or_letter_by_letter_it_reads_the_same(raw: str, expected: list[Any]) -> None:
    assert read([raw]) == expected
    assert read(list(raw)) == expected


def test_a_tag_out_of_range_is_reported_and_left_out() -> None:
    before, error, after = read(["a [9", "x] b"])
    assert (before, after) == ("a ", " b") and isinstance(error, InvalidValue)


def test_an_open_bracket_holds_back_no_more_than_a_tag_could_need() -> None:
    marks = StreamingTagParser()
    assert marks.push("so [no") == ["so "]
    assert joined(marks.push("w " * 30)) == ["[no" + "w " * 30]
