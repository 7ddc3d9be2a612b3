import pytest

from qwen3tts_webui.text import clean_line, normalize_text
from qwen3tts_webui.text.unsupported_scripts import (
    StreamingScripts,
    UnsupportedText,
    find_unsupported,
    without_unsupported,
)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("مرحبا بالعالم", "Arabic"),
        ("שלום עולם", "Hebrew"),
        ("สวัสดี", "Thai"),
        ("नमस्ते दुनिया", "Hindi"),
        ("ଓଡ଼ିଆ ଭାଷା", "Odia"),
    ],
)
def test_the_language_is_named(text: str, language: str) -> None:
    assert find_unsupported(f"Hi {text}!") == [UnsupportedText(language, 3, 3 + len(text))]
    assert clean_line(without_unsupported(f"Hi {text}, you!")) == "Hi , you!"
    assert normalize_text(f"Hi {text} you!", "en", mode="off").spoken == "Hi you!"


@pytest.mark.parametrize("text", ["Hello 你好 こんにちは 안녕 привет", "α + β = π, Δt, α, β", "", "123"])
def test_the_ten_languages_and_greek_signs_are_read(text: str) -> None:
    assert find_unsupported(text) == []


def test_a_stretch_ends_with_its_line() -> None:
    assert [part.language for part in find_unsupported("שלום\nעולם")] == ["Hebrew", "Hebrew"]
    assert without_unsupported("a\nשלום\nb").count("\n") == 2


def test_pieces_leave_out_what_the_whole_does() -> None:
    text = "a مرحبا، كيف b. שלום\nनमस्ते दुनिया (x) α y Ελληνικά ok สวัสดี."
    for size in (1, 2, 3, 7, 100):
        skipped: list[tuple[str, str]] = []
        stream = StreamingScripts(lambda language, stretch: skipped.append((language, stretch)))  # noqa: B023
        pieces = [stream.push(text[start : start + size]) for start in range(0, len(text), size)]
        assert "".join([*pieces, stream.flush()]) == without_unsupported(text), size
        assert [stretch for _, stretch in skipped] == [text[one.start : one.end] for one in find_unsupported(text)]
