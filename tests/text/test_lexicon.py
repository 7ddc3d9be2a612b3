"""The user's own pronunciations: names, acronyms, Chinese surnames; as a file and in a text."""

from __future__ import annotations

import pytest

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.text.lexicon import Lexicon, LexiconEntry, parse_csv, spelled, write_csv
from qwen3tts_webui.text.normalize import StreamingNormalizer, normalize_text


def said(text: str, language: str, *entries: LexiconEntry, mode: str = "off") -> str:
    return normalize_text(text, language, mode=mode, lexicon=Lexicon(entries)).spoken


def test_acronyms_and_names() -> None:
    sql = LexiconEntry("SQL", "sequel")
    assert said("SQL, sql and MySQL.", "en", sql) == "sequel, sequel and MySQL."
    assert said("Nguyen left.", "en", LexiconEntry("Nguyen", "Win", "en")) == "Win left."
    assert said("US or us", "en", LexiconEntry("US", "U S", case_sensitive=True)) == "U S or us"


@pytest.mark.parametrize(
    ("written", "pinyin", "spoken"), [("单", "shan4", "山"), ("仇", "qiu2", "求"), ("区", "ou1", "欧")]
)
def test_chinese_surnames_by_pinyin(written: str, pinyin: str, spoken: str) -> None:
    import pypinyin

    heard = said(f"{written}先生", "zh", LexiconEntry(f"{written}先生", f"{pinyin} xian1 sheng5", "zh"))
    readings = pypinyin.lazy_pinyin(heard[0], style=pypinyin.Style.TONE3, neutral_tone_with_five=True)
    assert readings[0] == pinyin
    assert len(heard) == 3


def test_a_surname_is_left_alone_inside_a_known_word() -> None:
    names = (LexiconEntry("单", "shan4", "zh"), LexiconEntry("仇", "qiu2", "zh"), LexiconEntry("区", "ou1", "zh"))
    assert said("单老师、仇先生和区小姐", "zh", *names) == "擅老师、球先生和欧小姐"
    assert said("单位简单，报仇，区区小事", "zh", *names) == "单位简单，报仇，区区小事"
    stream = StreamingNormalizer("zh", lexicon=Lexicon(names))
    assert said("检查单位", "zh", LexiconEntry("查", "zha1", "zh"), *names) == "检查单位"
    assert said("单田芳", "zh", *names) == "擅田芳"
    text = "我们单位的单老师在小区里见到了区先生，他们两个人聊了很久很久。"
    pieces = [stream.push(character) for character in text]
    assert "".join([*pieces, stream.flush()]) == said(text, "zh", *names)


def test_either_apostrophe_matches() -> None:
    assert said("O'Brien and O’Brien", "en", LexiconEntry("O'Brien", "oh bryan")) == "oh bryan and oh bryan"


def test_the_longest_entry_and_its_own_language_count() -> None:
    entries = (LexiconEntry("New York", "N Y"), LexiconEntry("York", "Yorick"), LexiconEntry("York", "Jork", "de"))
    assert said("New York, York", "en", *entries) == "N Y, Yorick"
    assert said("York", "de", *entries) == "Jork"


def test_an_entry_for_this_case_counts_before_one_for_any() -> None:
    entries = (LexiconEntry("us", "uhs"), LexiconEntry("US", "you ess", case_sensitive=True), LexiconEntry("Us", "uss"))
    assert said("US, us", "en", *entries) == "you ess, uss"
    assert len(Lexicon(entries).entries) == 2


def test_inside_korean_words_and_after_signs() -> None:
    assert said("삼성전자와 삼성", "ko", LexiconEntry("삼성", "샘숭")) == "샘숭전자와 샘숭"
    assert said("#AI and $AI", "en", LexiconEntry("AI", "A I"), mode="on") == "hashtag A I and A I"
    assert said("café", "en", LexiconEntry("cafe\u0301", "kaffay")) == "kaffay"


def test_a_replacement_is_not_normalized_again() -> None:
    assert (
        said("C3PO has 3 arms", "en", LexiconEntry("C3PO", "see three P O"), mode="on")
        == "see three P O has three arms"
    )


def test_the_file_goes_both_ways() -> None:
    lexicon = parse_csv("written,language,spoken,case_sensitive\n# names\nSQL,,sequel\n重庆,zh,chong2 qing4,true\n")
    assert lexicon.entries == (LexiconEntry("SQL", "sequel"), LexiconEntry("重庆", "chong2 qing4", "zh", True))
    assert parse_csv(write_csv(lexicon)).entries == lexicon.entries


@pytest.mark.parametrize(
    "file",
    [
        "\ufeffSQL;en;sequel\nA, B;;x\n",
        "sep=;\nSQL;en;sequel\n\nA, B;;x\n",
        'SQL\ten\tsequel\r\n"A, B"\t\tx\r\n',
        'SQL,en,sequel\r"A, B",,x',
        '"SQL", "English", "sequel",,\n"A, B", "", "x"\n',
        'Spoken,Written,Language\nsequel,SQL,en\nx,"A, B",\n',
    ],
)
def test_files_of_spreadsheets(file: str) -> None:
    assert parse_csv(file).entries == (LexiconEntry("SQL", "sequel", "en"), LexiconEntry("A, B", "x"))


@pytest.mark.parametrize(
    "line", ["only one", "a,klingon,b", ",en,b", "a,en,", f"{'a' * 101},en,b", "a,en,b,maybe", '"a,en,b', "a\0,en,b"]
)
def test_what_is_wrong_with_a_file_names_the_line(line: str) -> None:
    with pytest.raises(InvalidValue, match=r"lexicon, line 2"):
        parse_csv(f"# head\n{line}\n")


def test_pinyin_becomes_characters_and_other_respellings_stay() -> None:
    assert spelled("sequel") == "sequel"
    assert spelled("トウキョウ") == "トウキョウ"
    assert spelled("qiu2") != "qiu2"
    assert spelled("lü4") == spelled("lv4")


def test_a_lexicon_is_bounded() -> None:
    with pytest.raises(InvalidValue):
        Lexicon(LexiconEntry(f"w{i}", "x") for i in range(2_001))
