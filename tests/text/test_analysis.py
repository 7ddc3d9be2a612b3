"""What a page shows about a text before it is spoken agrees with what is spoken."""

from __future__ import annotations

import pytest

from qwen3tts_webui.text import (
    EdgeTags,
    analyze_text,
    detect_language,
    estimate_duration_s,
    find_edge_tags,
    split_segments,
)


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("plain text", EdgeTags()),
        ("[1.2x] 一行。[停顿 0.5秒]", EdgeTags(1.2, 0.5, prefix_length=7, suffix_length=9)),
        ("  [2x]a [pause]  [pause 500ms] ", EdgeTags(2.0, 1.0, prefix_length=6, suffix_length=24)),
        ("[1.2x][pause 1s]", EdgeTags(1.2, 1.0, prefix_length=6, suffix_length=10)),
        ("a [pause 0s]", EdgeTags(1.0, 0.0, prefix_length=0, suffix_length=11)),
        ("[1.5x] a [1x] b [pause 1s] c", EdgeTags(1.5, 0.0, prefix_length=7, suffix_length=0)),
        ("[9x] out of range [pause 99s]", EdgeTags(2.0, 10.0, prefix_length=5, suffix_length=12)),
    ],
)
def test_edge_tags_are_found_with_the_spaces_around_them(line: str, tags: EdgeTags) -> None:
    assert find_edge_tags(line) == tags


@pytest.mark.parametrize(
    "text",
    [
        "Hello there, my friend.",
        "[2x] 你好，世界。[pause 1s]\n\n第二行 with English。",
        "こんにちは、元気ですか",
        "안녕하세요\n***\n그래요",
    ],
)
def test_the_estimate_is_that_of_the_segments(text: str) -> None:
    analysis = analyze_text(text)
    language = detect_language(text)
    segments = split_segments(text)
    expected = sum(estimate_duration_s(one.text, language) / one.speed + one.pause_s for one in segments)
    assert analysis.language == language
    assert analysis.seconds == pytest.approx(expected)


def test_lines_are_counted_as_they_are_spoken() -> None:
    analysis = analyze_text("one\n \ntwo\u2028three\n")
    assert [line.num_lines for line in analysis.lines] == [1, 0, 2, 0]
    assert split_segments("one\n \ntwo\u2028three\n")[-1].line == 2


@pytest.mark.parametrize("text", ["", "\n\n", "……", "[9x] out of range"])
def test_what_cannot_be_spoken_is_analyzed_all_the_same(text: str) -> None:
    analysis = analyze_text(text)
    assert len(analysis.lines) == text.count("\n") + 1
    assert analysis.seconds >= 0
