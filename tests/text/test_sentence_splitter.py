import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3tts_webui.text import sentence_splitter

CUTS = [
    sentence_splitter.split_sentences,
    sentence_splitter.split_clauses,
    sentence_splitter.split_phrases,
    sentence_splitter.split_words,
    sentence_splitter.split_graphemes,
]


@pytest.mark.parametrize("cut", CUTS)
@given(st.text(st.sampled_from("ab. ,!?…。，「」“”¿1的は はA-—()") | st.characters(), max_size=40))
def test_the_pieces_are_the_text(cut, text: str) -> None:
    assert "".join(cut(text)) == text


@pytest.mark.parametrize(
    "whole",
    [
        "Dr. Smith met Mrs. Jones",
        "The U.S. Army, e.g. today",
        "It is 3.14 and not 3.15",
        "Wait... what is this",
        '"Stop!" he said',
        "Am 3. Mai kam Herr Dr. Müller",
        "J. R. R. Tolkien wrote it",
        "г. Москва, ул. Ленина",
        "M. Dupont et Mme. Durand",
    ],
)
def test_these_are_one_sentence(whole: str) -> None:
    assert sentence_splitter.split_sentences(whole) == [whole]


@pytest.mark.parametrize(
    "pieces",
    [
        ["He left. ", "She stayed! ", "Why? ", "Nobody knows."],
        ["他走了。", "她没走！", "为什么？", "没人知道……"],
        ["他说：“走吧。”", "然后就走了。"],
        ["「また来てね。」", "と言った。"],
        ["¿Qué tal? ", "¡Muy bien! ", "Vamos."],
        ["It was 2020. ", "Then came more."],
        ["He said “Go.” ", "They went."],
    ],
)
def test_sentences(pieces: list[str]) -> None:
    assert sentence_splitter.split_sentences("".join(pieces)) == pieces


@pytest.mark.parametrize(
    "pieces",
    [
        ["One, ", "two; ", "three: ", "four – ", "five"],
        ["我来了，", "我看见、", "我征服；", "完"],
        ["你好,", "世界"],
        ["3,000 people at 10:30, ", "well-known"],
    ],
)
def test_clauses(pieces: list[str]) -> None:
    assert sentence_splitter.split_clauses("".join(pieces)) == pieces


@pytest.mark.parametrize(
    "pieces",
    [
        ["The quick brown fox jumps ", "over the lazy dog ", "and runs"],
        ["昨日は", "東京へ", "行きました"],
        ["오늘은 ", "날씨가 ", "좋아요"],
        ["没有标点符号的", "非常长的", "句子"],
    ],
)
def test_phrases(pieces: list[str]) -> None:
    assert sentence_splitter.split_phrases("".join(pieces)) == pieces


@pytest.mark.parametrize(
    "pieces", [["$3.14 ", "is ", "pi."], ["你", "好，", "「世", "界」。"], ["用 ", "iPhone ", "打", "字"]]
)
def test_words(pieces: list[str]) -> None:
    assert sentence_splitter.split_words("".join(pieces)) == pieces
