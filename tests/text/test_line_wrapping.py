import pytest

from qwen3tts_webui.text.line_wrapping import is_hard_wrapped, join_wrapped_lines

WRAPPED = """It was the best of times, it was the worst of times, it was
the age of wisdom, it was the age of foolishness, it was the
epoch of belief, it was the epoch of incredulity, and it was
the season of Light."""
CHINESE = """今天天气很好我们决定一起去公园散步顺便看看那里
新开的花园听说里面种了很多漂亮的花还有一个很大
的湖可以划船。"""
KEPT = {
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\n" + WRAPPED,
    "sentences": "This is one whole sentence here.\nThis is another whole one.\nAnd this is the third of them.",
    "capitals": "Two roads diverged in a yellow wood,\nAnd sorry I could not travel both\nAnd be one traveler",
    "clauses": "Caminante, son tus huellas\nel camino y nada más;\nCaminante, no hay camino,\nse hace camino al andar.",
    "address": "1234 North Willow Street, Apt 5\nSpringfield, Illinois 62704\nUnited States of America",
    "ingredients": "200 g of flour, sifted carefully\n100 g of butter, at room temperature\n3 eggs, beaten",
    "letters": "a) the first item of the whole list\nb) the second item of the list\nc) the third item of it",
    "numerals": "I. The origins of the republic\nII. The wars with its neighbors\nIII. The fall of the king",
    "dialog": "「昨日の夜はどこにいましたか」\n「家でテレビを見ていました」\n「奥さんはそう言っていません」",
    "verse": "Roses are red,\nviolets are blue,\nsugar is sweet,\nand so are you",
    "list": "- the first of the things I want\n- the second of the things I want\n- the third of the things",
    "one line": "A single line of text that is long enough to have been wrapped but it was not",
    "uneven": "A long line that goes on and on and on without an end\nshort\nAnother long line that goes on and on",
}


def test_wrapped_text_is_found_and_joined() -> None:
    assert is_hard_wrapped(WRAPPED)
    assert join_wrapped_lines(WRAPPED) == WRAPPED.replace("\n", " ")


def test_chinese_lines_are_joined_without_a_space() -> None:
    assert is_hard_wrapped(CHINESE)
    assert join_wrapped_lines(CHINESE) == CHINESE.replace("\n", "")


def test_hyphenated_words_are_put_together() -> None:
    text = (
        "The quick brown fox jumps over the lazy dog and then it won-\n"
        "ders what else there is to do in such a quiet little vil-\n"
        "lage near the sea"
    )
    assert join_wrapped_lines(text).split()[12:14] == ["wonders", "what"]


def test_paragraphs_stay_apart() -> None:
    assert join_wrapped_lines(f"{WRAPPED}\n\n{WRAPPED}").count("\n") == 2


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_other_lines_are_kept(text: str) -> None:
    assert not is_hard_wrapped(text)
