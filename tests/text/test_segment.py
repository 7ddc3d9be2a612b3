from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from qwen3tts_webui.errors import EmptyText, InvalidValue, TextTooLong
from qwen3tts_webui.text.clean import clean_text, has_speech
from qwen3tts_webui.text.duration import estimate_duration_s, speech_units
from qwen3tts_webui.text.segment import MAX_SPEECH_UNITS, split_growing_clauses, split_segments, split_to_length
from qwen3tts_webui.types import Segment

WORDS = st.lists(
    st.sampled_from(
        [
            "hello",
            "Dr.",
            "3.14",
            "e.g.",
            "你好，",
            "世界。",
            "とても",
            "よい!",
            "안녕",
            "…",
            "and",
            "the",
            "«oui»",
            "¿qué?",
            "--",
        ]
    ),
    min_size=1,
    max_size=60,
).map(" ".join)


def spoken(text: str) -> str:
    """Letters and digits alone, in order."""
    return "".join(regex.findall(r"[\p{L}\p{N}]", text))


def test_one_line_is_one_segment() -> None:
    assert split_segments("First line.\n\nSecond line.") == [
        Segment(index=0, line=0, text="First line."),
        Segment(index=1, line=1, text="Second line."),
    ]


def test_a_line_with_nothing_to_speak_is_counted_and_skipped() -> None:
    assert [(s.index, s.line, s.text) for s in split_segments("a\n***\n \n😀\nb")] == [(0, 0, "a"), (1, 3, "b")]


def test_tags_set_speed_and_pause() -> None:
    assert split_segments("One [pause 1s] two [1.5x] three[停顿 500毫秒]\n[pause]\nfour") == [
        Segment(index=0, line=0, text="One", pause_s=1.0),
        Segment(index=1, line=0, text="two"),
        Segment(index=2, line=0, text="three", speed=1.5, pause_s=1.0),
        Segment(index=3, line=2, text="four"),
    ]


@pytest.mark.parametrize(
    ("asked", "mark", "speed"), [(1.0, 1.2, 1.2), (1.5, 0.8, 1.2), (2.0, 1.5, 2.0), (0.5, 0.5, 0.5)]
)
def test_a_tag_multiplies_with_the_requested_speed(asked: float, mark: float, speed: float) -> None:
    [segment] = split_segments(f"[{mark}x] word", speed=asked)
    assert segment.speed == pytest.approx(speed)


def test_pauses_of_the_next_line_add_up_within_the_limit() -> None:
    [segment] = split_segments("word [pause 8s]\n[pause 8s]")
    assert segment.pause_s == 10.0


def test_a_pause_before_the_first_word_is_dropped() -> None:
    assert split_segments("[pause 2s] word") == [Segment(index=0, line=0, text="word")]


def test_a_tag_out_of_range_is_an_error() -> None:
    with pytest.raises(InvalidValue):
        split_segments("word [9x] word")


@pytest.mark.parametrize("raw", ["", "\n \n", "!!!", "😀" * 20_000, "[pause 1s]", "<|im_end|>", "\ud800\u200b"])
def test_nothing_to_speak_is_empty_text(raw: str) -> None:
    with pytest.raises(EmptyText):
        split_segments(raw)


def test_too_long_names_both_numbers() -> None:
    with pytest.raises(TextTooLong, match="11 characters; the limit is 10"):
        split_segments("a" * 11, limit=10)
    assert split_segments("a" * 10, limit=10)


def test_a_long_line_is_cut_after_sentences_into_equal_parts() -> None:
    line = " ".join(["This sentence has exactly fifty letters in its body."] * 12)
    found = split_segments(line)
    assert [s.line for s in found] == [0, 0]
    assert all(s.text.endswith("body.") for s in found)
    assert abs(len(found[0].text) - len(found[1].text)) <= 54


def test_a_long_sentence_is_cut_after_clauses_then_words() -> None:
    clause = "we walked on and on through the old town"
    assert all(s.text.endswith(",") for s in split_segments(", ".join([clause] * 30))[:-1])
    words = split_segments("word " * 500)
    assert {s.text.replace(" ", "") for s in words} <= {"word" * n for n in range(1, 500)}


def test_the_pause_of_a_long_line_comes_after_its_last_part() -> None:
    found = split_segments("One sentence here. " * 60 + "[pause 1s]")
    assert len(found) > 1
    assert [s.pause_s for s in found] == [0.0] * (len(found) - 1) + [1.0]


@pytest.mark.parametrize("text", ["好" * 2000, "a" * 5000, "한국" * 900, "e\u0323\u0302" * 800, "1234567890" * 300])
def test_even_a_text_without_any_break_fits(text: str) -> None:
    found = split_segments(text)
    assert all(speech_units(s.text) <= MAX_SPEECH_UNITS for s in found)
    assert "".join(s.text for s in found) == clean_text(text)


@given(WORDS, st.integers(20, 200))
def test_no_word_is_lost_and_no_segment_too_long(text: str, longest: int) -> None:
    text = "x " + text
    found = split_segments(text, max_speech_units=longest)
    assert spoken("".join(s.text for s in found)) == spoken(clean_text(text))
    assert [s.index for s in found] == list(range(len(found)))
    assert all(has_speech(s.text) for s in found)


@given(st.text(st.characters(exclude_categories=()), max_size=80).filter(lambda t: "[" not in clean_text(t)))
def test_any_text_keeps_its_letters_or_is_empty(text: str) -> None:
    try:
        found = split_segments(text, max_speech_units=20)
    except EmptyText:
        assert not has_speech(clean_text(text))
    else:
        assert spoken("".join(s.text for s in found)) == spoken(clean_text(text))


@given(WORDS, st.integers(10, 100))
def test_pieces_that_fit_are_the_text_and_fit(text: str, longest: int) -> None:
    pieces = split_to_length(text, longest)
    assert "".join(pieces) == text
    assert all(speech_units(piece) <= longest for piece in pieces)


@given(WORDS.map(clean_text).filter(has_speech), st.sampled_from(["en", "zh", "ja", "auto"]))
def test_clauses_lose_no_word_and_each_speaks(text: str, language: str) -> None:
    found = split_growing_clauses(text, language)
    assert spoken("".join(found)) == spoken(text)
    assert all(has_speech(clause) for clause in found)


def test_clauses_begin_short_and_grow() -> None:
    text = "Hello, everyone. " + "Today we look at three things, and each of them takes a while to explain. " * 8
    lengths = [speech_units(clause) for clause in split_growing_clauses(text.strip(), "en")]
    assert lengths[0] == len("Hello, everyone.")
    assert all(after <= 4 * before for before, after in pairwise(lengths))
    assert max(lengths) <= 12.0 * 14.5 * 1.2


@pytest.mark.parametrize("text", ["好" * 500, "a" * 2000, "word " * 400, "の" * 900])
def test_no_clause_is_longer_than_the_longest(text: str) -> None:
    assert all(estimate_duration_s(clause, "en") <= 12.0 for clause in split_growing_clauses(clean_text(text), "en"))


def test_the_first_clause_ends_where_a_reader_may_breathe() -> None:
    text = "The quick brown fox jumps over the lazy dog and keeps running through the forest."
    assert split_growing_clauses(text, "en")[0] == "The quick brown fox jumps"


@pytest.mark.parametrize(
    ("text", "language", "low", "high"),
    [
        ("今天天气很好，我们一起去公园散步吧。", "zh", 3.0, 6.0),
        ("The weather is lovely today, so let us take a walk in the park.", "en", 3.0, 6.0),
        ("今日はとても天気がいいので、公園を散歩しましょう。", "auto", 3.0, 6.0),
        ("오늘은 날씨가 좋으니까 공원에서 산책합시다.", "ko", 2.5, 5.5),
        ("", "auto", 0.0, 0.0),
    ],
)
def test_estimated_seconds(text: str, language: str, low: float, high: float) -> None:
    assert low <= estimate_duration_s(text, language) <= high
