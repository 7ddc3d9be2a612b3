"""espeak-ng: phonemes, streamed audio, and the length of its data path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qwen3tts_webui.errors import SynthesisError
from qwen3tts_webui.preview.espeak import Espeak, short_data_path
from qwen3tts_webui.preview.kokoro import SynthesisCancelled
from qwen3tts_webui.types import Pcm


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


def test_phonemes_with_ties_and_stress(espeak: Espeak):
    assert espeak.phonemes("church", "en-us") == "t^ʃˈɜːt^ʃ"


def test_cantonese_audio_comes_in_blocks(espeak: Espeak):
    blocks: list[Pcm] = []
    espeak.synthesize("你好，今日天氣好好。", "yue+f2", blocks.append)
    assert len(blocks) > 5
    pcm = np.concatenate(blocks)
    assert 1 < len(pcm) / 24_000 < 6
    assert float(np.abs(pcm).max()) > 0.1


def test_slow_takes_longer(espeak: Espeak):
    def seconds(speed: float) -> float:
        blocks: list[Pcm] = []
        espeak.synthesize("one two three four five", "en-us", blocks.append, speed=speed)
        return sum(map(len, blocks)) / 24_000

    assert seconds(0.8) > 1.2 * seconds(1.25)


def test_a_cancel_stops_it(espeak: Espeak):
    blocks: list[Pcm] = []
    with pytest.raises(SynthesisCancelled):
        espeak.synthesize("one two three four five " * 20, "en-us", blocks.append, stop=lambda: len(blocks) > 2)
    assert len(blocks) == 3


def test_what_the_callback_raises_comes_out(espeak: Espeak):
    def put(pcm: Pcm) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        espeak.synthesize("one two three", "en-us", put)


def test_an_unknown_voice_is_our_error(espeak: Espeak):
    with pytest.raises(SynthesisError):
        espeak.phonemes("hello", "no-such-voice")


def test_data_with_a_long_path_is_copied_somewhere_short(tmp_path: Path):
    data = tmp_path / "espeak-ng-data"
    data.mkdir()
    (data / "phondata").write_bytes(b"x")
    limit = len(str(data).encode()) - 1
    assert short_data_path(data, tmp_path, limit=limit + 1) == data
    copy = short_data_path(data, Path("/nonexistent" * 20), limit=limit)
    assert copy != data
    assert (copy / "phondata").read_bytes() == b"x"
