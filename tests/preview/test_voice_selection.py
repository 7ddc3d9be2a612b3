"""Which voice a description gets."""

from __future__ import annotations

import json

import pytest

from qwen3tts_webui.config import asset
from qwen3tts_webui.errors import UnknownVoice
from qwen3tts_webui.preview.backend import Assets
from qwen3tts_webui.preview.voice_selection import VoiceSelector
from qwen3tts_webui.text import LANGUAGES

CODES = [language.code for language in LANGUAGES]


@pytest.fixture(scope="module")
def selector() -> VoiceSelector:
    return Assets(asset("preview")).voice_selector()


def pitch(selector: VoiceSelector, description: str, language: str) -> float:
    """Median F0 of the plainest fit, in Hz."""
    voice = selector.choose(description, language, 0)
    hz = json.loads(asset("preview/voice_f0.json").read_text(encoding="utf-8"))[voice.timbre][0]
    return float(hz * 2 ** (voice.semitones / 12))


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize(
    ("description", "gender"),
    [("a deep male voice", "m"), ("a woman with a warm voice", "f"), ("低沉的男声", "m"), ("温柔的女声", "f")],
)
def test_gender_comes_first_in_every_language(selector: VoiceSelector, language: str, description: str, gender: str):
    assert {selector.choose(description, language, seed).timbre[1] for seed in range(12)} == {gender}


@pytest.mark.parametrize("language", ["zh", "en", "ja", "es", "it", "pt"])
def test_a_native_voice_speaks_where_there_is_one(selector: VoiceSelector, language: str):
    initials = {"zh": "z", "en": "ab", "ja": "j", "es": "e", "it": "i", "pt": "p"}[language]
    assert selector.choose("", language, 0).timbre[0] in initials


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("who", ["male voice", "female voice"])
def test_low_is_lower_and_high_is_higher(selector: VoiceSelector, language: str, who: str):
    low, plain, high = (pitch(selector, f"{how} {who}", language) for how in ("low-pitched", "a", "high-pitched"))
    assert low < plain < high


@pytest.mark.parametrize("language", CODES)
def test_old_is_lower_than_young_and_a_child_is_highest(selector: VoiceSelector, language: str):
    old, young, child = (pitch(selector, text, language) for text in ("an old man", "a young man", "a little boy"))
    assert old < young < child


def test_a_child_is_higher_and_an_old_man_lower_and_slower(selector: VoiceSelector):
    assert selector.choose("a little girl, six years old", "en", 0).semitones > 2
    old = selector.choose("an old man of eighty", "es", 0)
    assert (old.timbre, old.speed < 1) == ("em_alex", True)
    assert old.semitones < 0


@pytest.mark.parametrize(
    ("description", "speed"), [("语速很慢的男声", 0.82), ("speaks fast", 1.22), ("", 1.0), ("语速快", 1.22)]
)
def test_pace(selector: VoiceSelector, description: str, speed: float):
    assert selector.choose(description, "zh", 0).speed == speed


def test_a_british_accent(selector: VoiceSelector):
    assert selector.choose("a British gentleman, male voice", "en", 0).timbre.startswith("bm")


def test_cantonese_is_spoken_by_espeak(selector: VoiceSelector):
    assert selector.choose("地道的粤语男声", "zh", 0).timbre == "yue+m3"
    assert selector.choose("A woman who speaks Cantonese", "zh", 1).timbre == "yue+f3"


def test_cantonese_is_never_chosen_for_another_language(selector: VoiceSelector):
    assert selector.choose("粤语女声", "en", 0).engine == "kokoro"


def test_three_seeds_are_three_takes(selector: VoiceSelector):
    for language in CODES:
        assert len({selector.choose("a young woman", language, seed).id for seed in (0, 1, 2)}) == 3, language


def test_the_same_seed_is_the_same_voice(selector: VoiceSelector):
    assert selector.choose("a young woman", "zh", 5) == selector.choose("a young woman", "zh", 5)


@pytest.mark.parametrize("language", CODES)
@pytest.mark.parametrize("kokoro", [True, False])
def test_a_name_is_the_same_voice_again(selector: VoiceSelector, language: str, kokoro: bool):
    for seed in range(20):
        voice = selector.choose("an old man, slow", language, seed, kokoro=kokoro)
        assert selector.find(voice.id).id == voice.id


@pytest.mark.parametrize(
    "name",
    [
        "",
        "af_heart",
        "kokoro:af_heart",
        "kokoro:af_nobody:+0.00:1.00",
        "espeak:../x:+0.00:1.00",
        "espeak:yue+f9:+0.00:1.00",
        "kokoro:af_heart:+9:1",
    ],
)
def test_other_names_are_refused(selector: VoiceSelector, name: str):
    with pytest.raises(UnknownVoice):
        selector.find(name)
