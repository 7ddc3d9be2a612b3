from pathlib import Path

import pytest

from qwen3tts_webui.config import asset
from qwen3tts_webui.errors import InvalidFile, UnknownVoice
from qwen3tts_webui.text import LANGUAGES, clean_description, clean_text, detect_language, missing_dimensions
from qwen3tts_webui.voices import Preset, Presets

PRESETS = Presets.load()
ALL = PRESETS.of("auto")

ENTRY = """
[[preset]]
id = "zh-news"
name = { en = "News", zh = "新闻" }
summary = { en = "Clear", zh = "清晰" }
description = "清晰的女声"
sample = "你好。"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped files, to be spoiled."""
    for language in LANGUAGES:
        name = f"{language.code}.toml"
        (tmp_path / name).write_bytes((asset("voices") / name).read_bytes())
    return tmp_path


def test_every_language_has_presets() -> None:
    assert [len(PRESETS.of(language.code)) for language in LANGUAGES] == [14, 10, 5, 5, 5, 5, 5, 4, 5, 5]


def test_the_promised_dialects_and_styles_exist() -> None:
    wanted = {"zh-news", "zh-storyteller", "zh-child", "zh-cantonese", "zh-sichuan", "zh-shanghai", "zh-beijing"}
    wanted |= {"en-american-anchor", "en-british", "en-australian", "ja-tokyo", "ja-kansai", "ko-seoul", "ko-busan"}
    assert wanted <= {preset.id for preset in ALL}


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.id)
def test_a_preset_says_all_the_model_wants_to_know(preset: Preset) -> None:
    assert missing_dimensions(preset.description) == ()
    assert detect_language(preset.description) in ("zh", "en")
    assert clean_description(preset.description) == preset.description


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.id)
def test_a_sample_is_clean_text_in_the_language_of_its_preset(preset: Preset) -> None:
    assert clean_text(preset.sample) == preset.sample
    assert detect_language(preset.sample) == preset.language


@pytest.mark.parametrize("preset", ALL, ids=lambda preset: preset.id)
def test_dialects_are_marked_experimental(preset: Preset) -> None:
    assert preset.experimental == (preset.dialect is not None)


def test_get() -> None:
    assert PRESETS.get("zh-news").name["zh"] == "新闻播报"
    with pytest.raises(UnknownVoice, match="No voice has the id zh-nobody"):
        PRESETS.get("zh-nobody")


def test_a_file_is_read_field_by_field(folder: Path) -> None:
    (folder / "zh.toml").write_text(ENTRY + 'dialect = "Cantonese"\nexperimental = true\n', encoding="utf-8")
    assert Presets.load(folder).of("zh") == (
        Preset(
            id="zh-news",
            language="zh",
            name={"en": "News", "zh": "新闻"},
            summary={"en": "Clear", "zh": "清晰"},
            description="清晰的女声",
            sample="你好。",
            dialect="Cantonese",
            experimental=True,
        ),
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ENTRY + ENTRY, "zh.toml: preset zh-news: the id is already used"),
        (ENTRY.replace("zh-news", "en-news"), "zh.toml: preset en-news: the id must have the form zh-news"),
        (ENTRY.replace('sample = "你好。"', ""), "zh.toml: preset zh-news: sample is missing"),
        (ENTRY.replace('"清晰的女声"', '" "'), "zh.toml: preset zh-news: description must be a non-empty string"),
        (ENTRY.replace('"清晰的女声"', f'"{"长" * 2049}"'), "the description is longer than 2048 characters"),
        (ENTRY.replace(', zh = "新闻"', ""), "zh.toml: preset zh-news: name must have a text in en and in zh"),
        (ENTRY + "colour = 3", "zh.toml: preset zh-news: unknown key colour"),
        (ENTRY + 'experimental = "yes"', "experimental must be true or false"),
        ("[[preset]", "zh.toml: TOMLDecodeError"),
        ("", "zh.toml: KeyError: 'preset'"),
        ("preset = 3", "zh.toml: preset must be an array of tables"),
    ],
)
def test_an_invalid_file_is_named_with_its_error(folder: Path, content: str, reason: str) -> None:
    (folder / "zh.toml").write_text(content, encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        Presets.load(folder)
    assert reason in str(caught.value)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "ko.toml").unlink()
    with pytest.raises(InvalidFile, match=r"ko\.toml: FileNotFoundError"):
        Presets.load(folder)
