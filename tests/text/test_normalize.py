"""Written -> spoken in ten languages, and what holds for every text: idempotent, no digit lost, positions map back."""

from __future__ import annotations

from pathlib import Path

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.text.language import LANGUAGES
from qwen3tts_webui.text.lexicon import Lexicon, LexiconEntry
from qwen3tts_webui.text.normalize import NormalizedText, StreamingNormalizer, normalize_text
from qwen3tts_webui.text.normalize.pipeline import pipeline
from qwen3tts_webui.text.preparation import prepare_languages

CODES = [language.code for language in LANGUAGES]
CASES = Path(__file__).with_name("normalize_cases")
ALPHABET = "abcXIVé 好的个年月日三あアー한국лш0123456789.,:;-–/%°€$¥×=<>^²½①㎡Ⅳ№#@&~+'\"()!?。，"


def cases() -> list[tuple[str, str, str]]:
    """(language, written, spoken) from the tables."""
    found = []
    for code in CODES:
        for line in (CASES / f"{code}.tsv").read_text("utf-8").splitlines():
            if not line.startswith("#"):
                _, written, spoken = line.split("\t")
                found.append((code, written, spoken))
    return found


@pytest.mark.parametrize("language", CODES)
def test_what_is_written_is_what_is_heard(language: str) -> None:
    expected = {written: spoken for code, written, spoken in cases() if code == language}
    assert {written: normalize_text(written, language, mode="on").spoken for written in expected} == expected


def test_the_tables_are_large_enough() -> None:
    counts = {code: sum(case[0] == code for case in cases()) for code in CODES}
    assert min(counts.values()) >= 50
    assert sum(counts.values()) >= 600


@pytest.mark.parametrize("mode", ["on", "auto"])
@pytest.mark.parametrize("language", CODES)
def test_the_tables_normalized_twice_stay_and_map_back(language: str, mode: str) -> None:
    for code, written, _ in cases():
        if code == language:
            once = normalize_text(written, language, mode=mode)
            assert_mapped(once)
            assert normalize_text(once.spoken, language, mode=mode).spoken == once.spoken, written


@pytest.mark.parametrize(
    ("language", "written", "spoken"),
    [
        (
            "en",
            "Call 555-123-4567, it is 3 × 4 < 20.",
            "Call five five five, one two three, four five six seven, it is 3 times 4 less than 20.",
        ),
        ("en", "It costs $20.50 on May 6, 2024.", "It costs $20.50 on May 6, 2024."),
        ("en", "a 5km run at 20–25°C", "a 5 kilometers run at 20 to 25 degrees Celsius"),
        ("zh", "电话13812345678，5㎡，-5℃", "电话幺三八幺二三四五六七八，5平方米，零下5摄氏度"),
        ("zh", "一共有320页", "一共有320页"),
        ("ja", "60㎏と①", "60キログラムと1"),
        ("de", "12 km am 3. Mai", "12 Kilometer am 3. Mai"),
        ("ru", "5 км", "5 километров"),
        ("en", "the 1990s, chapter Ⅳ, dial 911 now", "the 1990s, chapter 4, dial nine one one now"),
        ("zh", "请拨打10086，密码是123456，第Ⅲ章", "请拨打幺零零八六，密码是幺二三四五六，第3章"),
        ("de", "Notruf 112", "Notruf eins eins zwei"),
        ("ru", "звоните 112", "звоните один один два"),
    ],
)
def test_auto_changes_only_what_the_model_misreads(language: str, written: str, spoken: str) -> None:
    assert normalize_text(written, language, mode="auto").spoken == spoken


def test_off_changes_nothing() -> None:
    text = "5 km, <b>x</b>, ½ & 555-123-4567"
    assert normalize_text(text, "en", mode="off") == NormalizedText(text, text, "en", ())


def test_spans_point_from_spoken_to_written() -> None:
    text = "It is 5 km, or ½."
    result = normalize_text(text, "en", mode="on")
    assert result.spoken == "It is five kilometers, or one half."
    assert [(text[a:b], result.spoken[c:d]) for a, b, c, d in result.spans] == [
        ("5 km", "five kilometers"),
        ("½", "one half"),
    ]
    start = result.spoken.index("kilometers")
    assert result.written_range(start, start + 10) == (6, 10)
    start = result.spoken.index("or one")
    assert result.written_range(start, start + 2) == (12, 14)


def test_what_is_dropped_has_an_empty_span() -> None:
    result = normalize_text("a **b** c", "en")
    assert result.spoken == "a b c"
    assert result.spans == ((2, 4, 2, 2), (5, 7, 3, 3)) or result.spans == ((2, 7, 2, 3),)


def assert_mapped(result: NormalizedText) -> None:
    """Between the spans both texts are equal, and together they cover both."""
    written = spoken = 0
    for start, end, spoken_start, spoken_end in result.spans:
        assert written <= start <= end <= len(result.written)
        assert spoken <= spoken_start <= spoken_end <= len(result.spoken)
        assert result.written[written:start] == result.spoken[spoken:spoken_start]
        written, spoken = end, spoken_end
    assert result.written[written:] == result.spoken[spoken:]


@pytest.mark.parametrize("mode", ["on", "auto"])
@settings(deadline=None, max_examples=80)
@given(text=st.text(st.sampled_from(ALPHABET), max_size=40), language=st.sampled_from(CODES))
def test_any_text_is_idempotent_and_mapped(mode: str, text: str, language: str) -> None:
    result = normalize_text(text, language, mode=mode)
    assert_mapped(result)
    assert normalize_text(result.spoken, language, mode=mode).spoken == result.spoken


@settings(deadline=None, max_examples=100)
@given(text=st.text(max_size=60), language=st.sampled_from([*CODES, "auto", "tlh", ""]))
def test_nothing_ever_raises(text: str, language: str) -> None:
    assert_mapped(normalize_text(text, language, mode="on"))


@pytest.mark.parametrize("language", CODES)
@settings(deadline=None, max_examples=30)
@given(
    words=st.lists(
        st.sampled_from(
            [
                "7",
                "42",
                "1990",
                "3.5",
                "3,5",
                "12:30",
                "007",
                "1,000",
                "5%",
                "8kg",
                "1/3",
                "-2",
                "2024-05-06",
                "a",
                "好",
                ",",
                "–",
            ]
        ),
        max_size=8,
    )
)
def test_no_digit_is_lost(language: str, words: list[str]) -> None:
    """Every digit stands in a span that says something, or is still there."""
    text = " ".join(words)
    result = normalize_text(text, language, mode="on")
    for match in regex.finditer(r"\d", text):
        covering = [span for span in result.spans if span[0] <= match.start() < span[1]]
        assert all(regex.search(r"[\p{L}\p{N}]", result.spoken[span[2] : span[3]]) for span in covering)
    assert not regex.search(r"\d", result.spoken)


@pytest.mark.parametrize("mode", ["on", "auto"])
@pytest.mark.parametrize("language", CODES)
@settings(deadline=None, max_examples=12)
@given(data=st.data())
def test_random_cuts_say_what_the_whole_says(language: str, mode: str, data: st.DataObject) -> None:
    chosen = data.draw(
        st.lists(st.sampled_from([written for code, written, _ in cases() if code == language]), max_size=4)
    )
    filler = {"zh": "，我们今天下午一起去公园里散步吧，", "ja": "、今日はみんなで公園へ散歩に行きましょう、"}.get(
        language, " and we all walk home together, "
    )
    text = filler.join(chosen)
    lexicon = data.draw(
        st.sampled_from([None, Lexicon([LexiconEntry("home together", "house"), LexiconEntry("公园里", "花园")])])
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    stream = StreamingNormalizer(language, mode=mode, lexicon=lexicon)
    pieces = [stream.push(text[a:b]) for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    said = "".join([*pieces, stream.flush()])
    whole = StreamingNormalizer(language, mode=mode, lexicon=lexicon)
    assert said == whole.push(text) + whole.flush()


@pytest.mark.parametrize(("language", "word"), [("pt", "senha "), ("es", "clave "), ("de", "PIN "), ("en", "code ")])
def test_a_number_that_arrives_after_its_word_is_read_in_digits(language: str, word: str) -> None:
    stream, whole = StreamingNormalizer(language), StreamingNormalizer(language)
    said = stream.push(word) + stream.push("0042") + stream.flush()
    assert said == whole.push(f"{word}0042") + whole.flush()
    assert "0042" not in said


EXTREMES = [
    "7" * 1200,
    "a" * 5000,
    "1 kg, " * 150,
    "<b>" * 300,
    "👩‍👩‍👧" * 100,
    "\u202e1\u200f\x07" * 100,
    "$1" * 300,
    "长" * 1000,
]


@pytest.mark.parametrize("language", ["en", "ru", "zh"])
@pytest.mark.parametrize("text", EXTREMES, ids=lambda text: ascii(text[:4]))
def test_long_texts_without_plain_words(language: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    once = normalize_text(text, language, mode="on")
    assert_mapped(once)
    assert normalize_text(once.spoken, language, mode="on").spoken == once.spoken
    stream = StreamingNormalizer(language, mode="on")
    pieces = [stream.push(text[start : start + 37]) for start in range(0, len(text), 37)]
    whole = StreamingNormalizer(language, mode="on")
    assert "".join([*pieces, stream.flush()]) == whole.push(text) + whole.flush()
    assert caplog.records == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_stream_says_what_normalize_says(language: str) -> None:
    written = [written for code, written, _ in cases() if code == language and not regex.search(r"[<\\]", written)]
    text = " ".join(written[::3])
    stream = StreamingNormalizer(language, mode="on")
    assert (
        "".join([*(stream.push(character) for character in text), stream.flush()])
        == normalize_text(text, language, mode="on").spoken
    )


def test_prepared_languages_build_no_more_rules() -> None:
    pipeline.cache_clear()
    prepare_languages()
    built = pipeline.cache_info().misses
    for code in CODES:
        normalize_text("12:30, 5 kg", code)
    assert built == pipeline.cache_info().misses >= len(CODES)
