"""Text -> phonemes in every language: the pronunciation, and that nothing is lost or unknown to Kokoro."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.config import asset
from qwen3tts_webui.preview.espeak import Espeak
from qwen3tts_webui.preview.kokoro import Symbols
from qwen3tts_webui.preview.phonemes.g2p import G2P
from qwen3tts_webui.preview.phonemes.script_runs import Run, runs

LANGUAGES = ("zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it")


@pytest.fixture(scope="module")
def reader() -> G2P:
    return G2P(Espeak())


@pytest.mark.parametrize(
    ("language", "text", "phonemes"),
    [
        ("zh", "你好，世界。", "ni↓xau↓, ʂɨ↘ʨje↘."),
        ("zh", "吃二两女儿", "ꭧʰɨ→ ɚ↘lja↓ŋ ny↓ɚ↗"),
        ("ja", "東京へ、ようこそ！", "toːkʲoːe, joːkoso!"),
        ("ja", "三時にゃんこ", "saɲʥi ɲaŋko"),
        ("ko", "같이 읽는 국물", "kaʨʰi iŋnɯn kuŋmul"),
        ("ko", "좋다 않아요 신라", "ʨotʰa anajo ɕilla"),
        ("en", "Hello, church!", "həlˈO, ʧˈɜɹʧ!"),
        ("it", "Ciao!", "ʧˈao!"),
        ("es", "¿Qué quieres?", "kˈe kjˈeɾes?"),
        ("de", "Straße", "ʃtʁˈɑːsə"),
    ],
)
def test_how_it_is_pronounced(reader: G2P, language: str, text: str, phonemes: str):
    assert reader(text, language) == phonemes


def test_each_script_goes_to_its_language():
    assert runs("我用iPhone 15拍照", "zh") == [Run("zh", "我用"), Run("en", "iPhone "), Run("zh", "15拍照")]
    assert runs("Say 你好, please", "en") == [Run("en", "Say "), Run("zh", "你好, "), Run("en", "please")]
    assert runs("MP3で聞く", "ja") == [Run("en", "MP3"), Run("ja", "で聞く")]
    assert runs("I like すし屋", "en") == [Run("en", "I like "), Run("ja", "すし屋")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_script_vanishes(reader: G2P, language: str):
    spoken = {text: reader(text, language) for text in ("hello", "你好", "こんにちは", "안녕", "привет", "42")}
    assert all(spoken.values()), spoken


@pytest.mark.parametrize("language", LANGUAGES)
def test_ordinary_texts_need_no_unknown_symbol(reader: G2P, language: str):
    symbols = Symbols(asset("preview/vocab.json"))
    text = "On 2026-11-22 at 12:30: $20.50, 15 %, 3 km! 我们喜欢音乐。 ちょっと待って。 괜찮아요? Щи и борщ, Fuß, niño."
    symbols.ids(reader(text, language))
    assert not symbols.unknown


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=25, deadline=None)
@given(text=st.text(max_size=60))
def test_no_text_raises(reader: G2P, language: str, text: str):
    assert isinstance(reader(text, language), str)
