"""Dates, times, money, percent and numbers as they are said."""

from __future__ import annotations

import pytest

from qwen3tts_webui.config import asset
from qwen3tts_webui.preview.phonemes.numerals import chinese, german_ordinal, korean
from qwen3tts_webui.preview.phonemes.written import Written


@pytest.fixture(scope="module")
def written() -> Written:
    return Written(asset("preview/readings.json"))


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "It costs $20.50", "It costs 20 dollars 50 cents"),
        ("en", "1,234,567 people, 15%", "1234567 people, 15 percent"),
        ("en", "2026-11-22", "November 22, 2026"),
        ("en", "at 12:30 or 9:05 or 8:00", "at 12 30 or 9 oh 5 or 8 o'clock"),
        ("en", "12 km", "12 kilometers"),
        ("fr", "20,50 € soit 15 %", "20 euros 50 soit 15 pour cent"),
        ("es", "1.234 personas", "1234 personas"),
        ("de", "am 3. März um 12:30 Uhr", "am dritten März um 12 Uhr 30"),
        ("de", "25 €", "25 Euro"),
        ("ru", "15%", "15 процентов"),
        ("pt", "R$ 20,50", "20 reais 50 centavos"),
        ("zh", "涨了3.5%", "涨了百分之三点五"),
        ("zh", "2026年11月22日，¥1,234", "二零二六年十一月二十二日，一千二百三十四 元"),
        ("zh", "下午3:30", "下午三点三十分"),
        ("zh", "-5℃", "负五 摄氏度"),
        ("ja", "気温は15℃で", "気温は15 度で"),
        ("ja", "$20", "20 ドル"),
        ("ko", "15%", "십오 퍼센트"),
    ],
)
def test_signs_in_words(written: Written, language: str, text: str, said: str):
    assert written(text, language).strip() == said


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("0", "零"),
        ("10", "十"),
        ("105", "一百零五"),
        ("12000", "一万二千"),
        ("3.14", "三点一四"),
        ("13812345678", "一三八一二三四五六七八"),
        ("007", "零零七"),
        ("1/2", "二分之一"),
        ("3-5天", "三到五天"),
    ],
)
def test_chinese_numbers(digits: str, said: str):
    assert chinese(digits) == said


@pytest.mark.parametrize(
    ("digits", "said"),
    [
        ("0", "영"),
        ("1500", "천오백"),
        ("10000", "만"),
        ("3시", "세시"),
        ("20살", "스무살"),
        ("6월", "유월"),
        ("3.5", "삼점오"),
    ],
)
def test_korean_numbers(digits: str, said: str):
    assert korean(digits) == said


@pytest.mark.parametrize(("day", "said"), [(1, "erste"), (12, "zwölfte"), (21, "einundzwanzigste"), (30, "dreißigste")])
def test_german_days(day: int, said: str):
    assert german_ordinal(day) == said
