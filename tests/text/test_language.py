import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3tts_webui.errors import UnknownLanguage
from qwen3tts_webui.text.language import LANGUAGES, detect_language, parse_language

CODES = [language.code for language in LANGUAGES]


def test_the_ten_languages_in_order() -> None:
    assert CODES == ["zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it"]


@pytest.mark.parametrize("language", LANGUAGES, ids=CODES)
def test_every_name_of_a_language_is_understood(language) -> None:
    for name in (language.code, language.name, language.native, language.chinese, language.model, *language.aliases):
        assert parse_language(name) == language.code
        assert parse_language(f" {name.upper()} ") == language.code


def test_no_two_languages_share_a_name() -> None:
    names = [name for x in LANGUAGES for name in {x.code, x.name.lower(), x.native.lower(), x.chinese, *x.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("tag", "code"),
    [("zh-CN", "zh"), ("zh_Hant_TW", "zh"), ("en-GB", "en"), ("pt-BR", "pt"), ("ES_mx", "es")],
)
def test_language_tags(tag: str, code: str) -> None:
    assert parse_language(tag) == code


@pytest.mark.parametrize("name", ["auto", "Auto", "", " ", "自动"])
def test_auto(name: str) -> None:
    assert parse_language(name) == "auto"


def test_an_unknown_language_names_those_that_are_known() -> None:
    with pytest.raises(UnknownLanguage, match=r"klingon is not supported. Use one of: auto, zh, en, ja, ko"):
        parse_language("klingon")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("今天天气很好。", "zh"),
        ("我喜欢用 iPhone 和 Samsung 手机。", "zh"),
        ("今日天氣好好，一齊去飲茶啦。", "zh"),
        ("今日はいい天気ですね。", "ja"),
        ("カラオケ", "ja"),
        ("오늘은 날씨가 좋네요.", "ko"),
        ("Сегодня хорошая погода.", "ru"),
        ("The weather is lovely today.", "en"),
        ("Hello", "en"),
        ("Hello.", "en"),
        ("Das Wetter ist heute sehr schön.", "de"),
        ("Guten Tag", "de"),
        ("Il fait très beau aujourd'hui.", "fr"),
        ("Bonjour", "fr"),
        ("O tempo está muito bom hoje.", "pt"),
        ("Olá, tudo bem com você?", "pt"),
        ("Hoy hace muy buen tiempo.", "es"),
        ("¿Qué hora es?", "es"),
        ("Oggi il tempo è molto bello.", "it"),
        ("Buongiorno a tutti", "it"),
        ("12345 !?", "en"),
        ("", "en"),
    ],
)
def test_detection(text: str, code: str) -> None:
    assert detect_language(text) == code


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_a_detected_language_is_always_one_of_the_ten(text: str) -> None:
    assert detect_language(text) in CODES


@pytest.mark.parametrize(
    ("text", "context", "hint", "code"),
    [
        ("東京大学", "東京大学\nこれは学校です。", "", "ja"),
        ("这是东京大学", "これは学校です。", "", "zh"),
        ("駅前広場", "", "", "ja"),
        ("営業時間", "", "", "ja"),
        ("今日会議", "", "", "ja"),
        ("後半戦3点", "", "", "ja"),
        ("營業時間", "", "", "zh"),
        ("本日休業", "本日休業\nまた明日来てください。", "", "ja"),
        ("大阪", "", "ja", "ja"),
        ("大阪", "", "", "zh"),
        ("Taxi", "Taxi\nWo ist der Bahnhof? Ich bin müde.", "", "de"),
        ("No", "No\nNo lo sé, pero mañana vamos a la playa.", "", "es"),
        ("I", "I\nI think so.", "", "en"),
        ("I", "", "", "en"),
        ("OK", "", "fr", "fr"),
        ("Das ist ein Haus und der Hund ist da.", "The weather is lovely today.", "en", "de"),
        ("123", "Bonjour tout le monde, ça va bien ?", "", "fr"),
    ],
)
def test_context_decides_what_a_line_leaves_open(text: str, context: str, hint: str, code: str) -> None:
    assert detect_language(text, context=context, hint=hint) == code


@pytest.mark.parametrize("name", ["yue", "Cantonese", "yue-HK", "粵語", "zh-yue"])
def test_cantonese_is_refused_and_not_read_in_mandarin(name: str) -> None:
    with pytest.raises(UnknownLanguage, match="Cantonese"):
        parse_language(name)
