import pytest

from qwen3tts_webui.text.unsupported_scripts import UnsupportedText, find_unsupported, without_unsupported


@pytest.mark.parametrize(
    ("text", "language"),
    [("مرحبا بالعالم", "Arabic"), ("שלום עולם", "Hebrew"), ("สวัสดี", "Thai"), ("नमस्ते दुनिया", "Hindi")],
)
def test_the_language_is_named(text: str, language: str) -> None:
    assert find_unsupported(f"Hi {text}!") == [UnsupportedText(language, 3, 3 + len(text))]
    assert without_unsupported(f"Hi {text}!") == "Hi  !"


@pytest.mark.parametrize("text", ["Hello 你好 こんにちは 안녕 привет", "α + β = π", "", "123"])
def test_the_ten_languages_and_greek_signs_are_read(text: str) -> None:
    assert find_unsupported(text) == []
