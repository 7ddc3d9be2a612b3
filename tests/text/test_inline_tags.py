import pytest

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.text.inline_tags import TaggedText, split_tags


def test_a_line_without_tags_is_one_part() -> None:
    assert split_tags("Hello [note] there") == [TaggedText("Hello [note] there")]


@pytest.mark.parametrize(
    ("mark", "pause_s"),
    [
        ("[pause 0.5s]", 0.5),
        ("[pause 500ms]", 0.5),
        ("[Pause: 2 seconds]", 2.0),
        ("[pause 1]", 1.0),
        ("[pause]", 0.5),
        ("[pause 1,5s]", 1.5),
        ("[停顿 0.5秒]", 0.5),
        ("【停顿300毫秒】", 0.3),
        ("[停顿：1秒]", 1.0),
        ("[pause 0s]", 0.0),
    ],
)
def test_a_pause_follows_the_part_before_it(mark: str, pause_s: float) -> None:
    assert split_tags(f"One {mark} two") == [TaggedText("One", 1.0, pause_s), TaggedText("two")]


@pytest.mark.parametrize(
    "mark", ["[1.2x]", "[1.2X]", "[ 1.2 x ]", "[1.2×]", "[1.2倍]", "[1.2倍速]", "【1.2x】", "[1,2x]"]
)
def test_a_speed_holds_to_the_end_of_the_line(mark: str) -> None:
    assert split_tags(f"One {mark} two [pause 1s] three") == [
        TaggedText("One"),
        TaggedText("two", 1.2, 1.0),
        TaggedText("three", 1.2),
    ]


def test_pauses_in_a_row_add_up_to_the_longest() -> None:
    assert split_tags("One [pause 1s][pause 2s]") == [TaggedText("One", 1.0, 3.0)]
    assert split_tags("One" + "[pause 6s]" * 3) == [TaggedText("One", 1.0, 10.0)]


def test_a_tag_at_the_start_leaves_an_empty_first_part() -> None:
    assert split_tags("[pause 1s] One") == [TaggedText("", 1.0, 1.0), TaggedText("One")]


@pytest.mark.parametrize(
    "text", ["[pause later]", "[x]", "[1.2]", "[2xl]", "(pause 1s)", "[pauses 1s]", "[pause 1 hour]"]
)
def test_other_brackets_stay_text(text: str) -> None:
    assert split_tags(text) == [TaggedText(text)]


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("[3x]", "text must be between [0.5x] and [2x], not [3x]."),
        ("[0.1x]", "text must be between [0.5x] and [2x], not [0.1x]."),
        ("[-1x]", "text must be between [0.5x] and [2x], not [-1x]."),
        ("[pause 11s]", "text must be between [pause 0s] and [pause 10s], not [pause 11s]."),
        ("[pause -1s]", "text must be between [pause 0s] and [pause 10s], not [pause -1s]."),
    ],
)
def test_out_of_range_says_what_is_right(mark: str, message: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        split_tags(f"One {mark} two")
    assert str(caught.value) == message
