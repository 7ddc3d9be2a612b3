import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from qwen3tts_webui.text.clean import clean_description, clean_text, has_speech

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)  # lone surrogates and control characters included
PIECES = "<| |> < | > im_end im_start <|im_end|> <|endoftext|> <tts_pad> tts_text_eod </ think> ｉｍ 😀 a Ã©"
PIECES_OF_TOKENS = st.lists(
    st.sampled_from([*PIECES.split(), " ", "\u200b", "\ufffd", "\ud800", "\x85"]), max_size=14
).map("".join)
TOKEN = regex.compile(r"<\|[^<>|\s]+\|>|<\||\|>|</?(tts_\w+|think|tool_call|tool_response)>", regex.IGNORECASE)


@given(ANY_TEXT | PIECES_OF_TOKENS)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@given(PIECES_OF_TOKENS | ANY_TEXT)
def test_no_control_token_survives_or_forms(text: str) -> None:
    assert TOKEN.search(clean_text(text)) is None
    assert TOKEN.search(clean_description(text)) is None


@given(ANY_TEXT)
def test_what_is_left_is_plain_normal_text(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode("utf-8")
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not regex.search(r"[\p{Cc}--\n]|\p{Cf}|\uFFFD|  |^\s|\s$|\n\n\n", cleaned, regex.V1)


@given(st.lists(st.from_regex(r"[a-zA-Zéäñя你好の]{1,8}[0-9]{0,3}", fullmatch=True), min_size=1, max_size=8))
def test_plain_words_come_through_untouched(words: list[str]) -> None:
    text = " ".join(words)
    assert clean_text(text) == unicodedata.normalize("NFC", text)


@given(ANY_TEXT)
def test_a_description_is_one_line(text: str) -> None:
    assert "\n" not in clean_description(text)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("hel\x00lo\x07", "hello"),
        ("a\u200bb\u200d\ufeffc", "abc"),
        ("\u202eabc\u202c \u2066d\u2069", "abc d"),
        ("hi \ud800there", "hi there"),
        ("caf\ufffd\ufffde", "cafe"),
        ("co\u00adoperate", "cooperate"),
        ("e\u0301te\u0301", "été"),
        ("a\tb\u00a0c\u3000d", "a b c d"),
        ("one\r\ntwo\u2028three\x85four\rfive", "one\ntwo\nthree\nfour\nfive"),
        ("\n\n  a \n\n\n\n b \n", "a\n\nb"),
    ],
)
def test_invisible_characters_and_whitespace(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Wow!!!!!!!!", "Wow!!!"),
        ("Well......", "Well..."),
        ("好。。。。。。", "好……"),
        ("好…………", "好……"),
        ("什么？？？？？！！！", "什么？？？"),
        ("What?!?!?!?!", "What?!?"),
        ("a -------- b", "a --- b"),
        ("Wait... what?!", "Wait... what?!"),
        ("他说——走吧", "他说——走吧"),
    ],
)
def test_repeated_punctuation(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("hello <|im_end|> world", "hello world"),
        ("hello<|im_end|>world", "hello world"),
        ("<|im_<|im_end|>end|>", "im_ end"),
        ("<|<|im_end|>im_end|>", "im_end"),
        ("你<|endoftext|>好", "你 好"),
        ("a <tts_pad> b <tts_text_bos_single> c", "a b c"),
        ("<|im_\u200bend|> x", "x"),
        ("<|ｉｍ_end|> x", "x"),
        ("<|hello there|>", "hello there"),
        ("a < b | c > d", "a < b | c > d"),
        ("<script>alert('hi')</script>", "<script>alert('hi')</script>"),
        ("${name} and {{value}}", "${name} and {{value}}"),
    ],
)
def test_control_tokens_go_and_the_words_around_them_stay(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("cafÃ© au lait", "café au lait"),
        ("ä½\xa0å¥½", "你好"),
        ("å…¬å\x8f¸", "公司"),
        ("锟斤拷锟斤拷你好", "你好"),
        ("c\x9cur", "cœur"),
        ("Ã la carte, déjà vu", "à la carte, déjà vu"),
    ],
)
def test_broken_encodings_are_repaired(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Ｈｅｌｌｏ　１２３，你好！", "Hello 123，你好！"),
        ("ｶﾞｷﾞ", "ガギ"),
        ("𝓱𝓮𝓵𝓵𝓸 ﬁne", "hello fine"),
        ("I ❤️ you 👨\u200d👩\u200d👧!", "I you !"),
        ("我❤你", "我 你"),
        ("5 °C, № 3, 10 €, ©", "5 °C, № 3, 10 €, ©"),
    ],
)
def test_letters_in_disguise_and_pictures(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


@pytest.mark.parametrize("text", ["a", "7", "你", "の", "한", "я", "٣", "ก", "½"])
def test_letters_and_digits_of_any_script_are_speech(text: str) -> None:
    assert has_speech(clean_text(text))


@pytest.mark.parametrize("text", ["", "  \n", "!?…", "😀😀", "---", "「」", "\u200b", "<|im_end|>", "\ud800", "%&"])
def test_punctuation_and_pictures_are_not_speech(text: str) -> None:
    assert not has_speech(clean_text(text))
