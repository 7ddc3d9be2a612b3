"""Forty descriptions in two languages: pitch and pace move in the direction of the words, whatever the seed."""

from __future__ import annotations

import json

import pytest

from qwen3tts_webui.config import asset
from qwen3tts_webui.preview.backend import Assets
from qwen3tts_webui.preview.voice_selection import VoiceChoice, VoiceSelector

SEEDS = (0, 1, 2, 3, 4, 77, 2**32 - 1)
HZ = {name: figures[0] for name, figures in json.loads(asset("preview/voice_f0.json").read_text("utf-8")).items()}

# description, the same one without the word, and the change of pitch and of pace: -1, 0 or 1
TABLE = [
    ("en", "a high voice", "", 1, 0),
    ("en", "a low voice", "", -1, 0),
    ("en", "a deep voice", "", -1, 0),
    ("en", "a high-pitched woman", "a woman", 1, 0),
    ("en", "a woman with a deep voice", "a woman", -1, 0),
    ("en", "a high-pitched man", "a man", 1, 0),
    ("en", "a deep male voice", "a male voice", -1, 0),
    ("en", "a British man with a deep voice", "a British man", -1, 0),
    ("en", "a British woman with a high voice", "a British woman", 1, 0),
    ("en", "a cheerful woman with a low voice", "a cheerful woman", -1, 0),
    ("en", "an angry man, high-pitched", "an angry man", 1, 0),
    ("en", "an old woman", "a woman", -1, -1),
    ("en", "an old man", "a man", -1, -1),
    ("en", "a teenage girl", "a girl", 1, 0),
    ("en", "a little boy", "a boy", 1, 0),
    ("en", "slow", "", 0, -1),
    ("en", "fast", "", 0, 1),
    ("en", "a man speaking slowly", "a man", 0, -1),
    ("en", "a woman who speaks quickly", "a woman", 0, 1),
    ("en", "a man, not deep", "a man", 0, 0),
    ("zh", "高音", "", 1, 0),
    ("zh", "低沉的声音", "", -1, 0),
    ("zh", "低沉男声", "男声", -1, 0),
    ("zh", "高亢的男声", "男声", 1, 0),
    ("zh", "音调偏高的女声", "女声", 1, 0),
    ("zh", "音调偏低的女声", "女声", -1, 0),
    ("zh", "浑厚的男声", "男声", -1, 0),
    ("zh", "尖细的女声", "女声", 1, 0),
    ("zh", "老奶奶", "女声", -1, -1),
    ("zh", "老爷爷", "男声", -1, -1),
    ("zh", "小女孩", "女声", 1, 0),
    ("zh", "快", "", 0, 1),
    ("zh", "慢", "", 0, -1),
    ("zh", "说话快的男声", "男声", 0, 1),
    ("zh", "语速缓慢的女声", "女声", 0, -1),
    ("zh", "语速较快，低沉的男声", "男声", -1, 1),
    ("zh", "慢一点，高音的女声", "女声", 1, -1),
    ("zh", "傲慢的男声", "男声", 0, 0),
    ("zh", "不要太尖锐的女声", "女声", 0, 0),
    ("zh", "旁白", "", 0, 0),
]


@pytest.fixture(scope="module")
def selector() -> VoiceSelector:
    return Assets(asset("preview")).voice_selector()


def pitch(voice: VoiceChoice) -> float:
    """Median F0 in Hz."""
    return float(HZ[voice.timbre] * 2 ** (voice.semitones / 12))


@pytest.mark.parametrize(("language", "description", "plain", "higher", "faster"), TABLE)
def test_words_move_pitch_and_pace(
    selector: VoiceSelector, language: str, description: str, plain: str, higher: int, faster: int
) -> None:
    pairs = [(selector.choose(description, language, seed), selector.choose(plain, language, seed)) for seed in SEEDS]
    for voice, other in pairs:
        ratio = pitch(voice) / pitch(other)
        assert (ratio > 1.05) - (ratio < 0.95) == higher, (voice, other)
        assert (voice.speed > other.speed) - (voice.speed < other.speed) == faster, (voice, other)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_voice_stays_the_same_over_seeds(selector: VoiceSelector, language: str) -> None:
    for _, description, *_ in [("", ""), *(row for row in TABLE if row[0] == language)]:
        voices = [selector.choose(description, language, seed) for seed in SEEDS]
        assert len({voice.timbre for voice in voices}) == 1
        assert max(map(pitch, voices)) / min(map(pitch, voices)) < 1.06
        assert max(voice.speed for voice in voices) / min(voice.speed for voice in voices) < 1.1
