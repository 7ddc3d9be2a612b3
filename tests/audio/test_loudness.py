"""Loudness: measured by BS.1770, and brought to a target while streaming."""

import numpy as np
import pyloudnorm
import pytest

from qwen3tts_webui.audio.loudness import LoudnessNormalizer, measure_loudness
from tests.support.sounds import RATE, in_pieces, sine, syllables


def measured(pcm: np.ndarray) -> float:
    return pyloudnorm.Meter(RATE).integrated_loudness(pcm.astype(np.float64))


def test_a_full_scale_sine_at_997_hz_measures_3_01_below_zero():
    assert measure_loudness(sine(997, 2.0, level=1.0)) == pytest.approx(-3.01, abs=0.1)  # BS.1770-4, annex 1


def test_silence_has_no_loudness():
    assert measure_loudness(np.zeros(RATE, dtype=np.float32)) == -np.inf
    assert measure_loudness(np.zeros(0, dtype=np.float32)) == -np.inf


@pytest.mark.parametrize("samples", [480, 2_400, 9_599])
def test_short_audio_is_measured_as_if_repeated(samples):
    assert measure_loudness(sine(1_000, 1.0)[:samples]) == pytest.approx(measure_loudness(sine(1_000, 1.0)), abs=0.5)


@pytest.mark.parametrize("level", [0.1, 1.0])
def test_a_stream_reaches_the_target_after_its_first_seconds(level):
    normalizer = LoudnessNormalizer()
    out = np.concatenate([normalizer.push(piece) for piece in in_pieces(level * syllables(12.0), 384)])
    assert measured(out[6 * RATE :]) == pytest.approx(-16.0, abs=1.5)


@pytest.mark.parametrize("size", [1, 777, 9_600, 30_000])
def test_the_block_size_does_not_matter(size):
    pcm = syllables(1.0 if size == 1 else 3.0)
    normalizer = LoudnessNormalizer()
    out = np.concatenate([normalizer.push(piece) for piece in in_pieces(pcm, size)])
    np.testing.assert_array_equal(out, LoudnessNormalizer().push(pcm))


def test_every_block_is_returned_at_once_with_its_length():
    normalizer = LoudnessNormalizer()
    assert [len(normalizer.push(piece)) for piece in in_pieces(syllables(1.0), 384)] == [384] * 62 + [192]


def test_a_stream_never_clips():
    shout = np.concatenate([0.02 * syllables(5.0), sine(200, 1.0, level=1.0)])
    assert np.abs(LoudnessNormalizer().push(shout)).max() <= 0.9


def test_the_gain_moves_without_steps():
    out = LoudnessNormalizer().push(np.full(3 * RATE, 0.01, dtype=np.float32) + 0.05 * sine(1_000, 3.0))
    gains = out / (np.full(3 * RATE, 0.01, dtype=np.float32) + 0.05 * sine(1_000, 3.0))
    gains = gains[np.abs(out) > 0.01]
    assert np.abs(np.diff(20 * np.log10(gains))).max() < 0.01
    assert gains.max() / gains.min() > 2


def test_silence_stays_silence():
    assert np.all(LoudnessNormalizer().push(np.zeros(RATE, dtype=np.float32)) == 0.0)
    assert len(LoudnessNormalizer().push(np.zeros(0, dtype=np.float32))) == 0


def test_hiss_is_amplified_by_at_most_24_db():
    hiss = (np.random.default_rng(0).standard_normal(20 * RATE) * 0.002).astype(np.float32)
    normalizer = LoudnessNormalizer()
    normalizer.push(hiss)
    assert normalizer.gain_db == pytest.approx(24.0, abs=0.1)


def test_pauses_do_not_change_the_gain():
    normalizer = LoudnessNormalizer()
    normalizer.push(syllables(6.0))
    before = normalizer.gain_db
    normalizer.push(np.zeros(20 * RATE, dtype=np.float32))
    assert normalizer.gain_db == pytest.approx(before, abs=1.5)


def test_a_second_stream_can_start_with_the_gain_of_the_first():
    first = LoudnessNormalizer()
    first.push(0.1 * syllables(8.0))
    out = LoudnessNormalizer(gain_db=first.gain_db).push(0.1 * syllables(2.0))
    assert measured(out) == pytest.approx(-16.0, abs=2.0)


def test_nan_does_not_pass():
    pcm = syllables(1.0)
    pcm[100] = np.nan
    assert np.isfinite(LoudnessNormalizer().push(pcm)).all()
