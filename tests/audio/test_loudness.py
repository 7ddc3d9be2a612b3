import numpy as np
import pyloudnorm
import pytest

from qwen3tts_webui.audio.loudness import LoudnessNormalizer, measure_loudness, normalised, true_peak
from tests.support.sounds import RATE, in_pieces, sine, syllables


def measured(pcm: np.ndarray) -> float:
    return pyloudnorm.Meter(RATE).integrated_loudness(pcm.astype(np.float64))


def test_a_full_scale_sine_at_997_hz_measures_3_01_below_zero():
    assert measure_loudness(sine(997, 2.0, level=1.0)) == pytest.approx(-3.01, abs=0.1)  # BS.1770-4, annex 1


def test_silence_has_no_loudness():
    assert measure_loudness(np.zeros(RATE, dtype=np.float32)) == -np.inf
    assert measure_loudness(np.zeros(0, dtype=np.float32)) == -np.inf


@pytest.mark.parametrize("samples", [480, 2_400, 9_599])
def test_short_sounds_measure_as_if_they_went_on(samples):
    assert measure_loudness(sine(1_000, 1.0)[:samples]) == pytest.approx(measure_loudness(sine(1_000, 1.0)), abs=0.5)


@pytest.mark.parametrize("level", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("target", [-23.0, -16.0])
def test_a_finished_sound_meets_the_target(level, target):
    assert measured(normalised(level * syllables(3.0), target)) == pytest.approx(target, abs=0.5)


def test_peaks_between_the_samples_stay_below_the_ceiling():
    clicks = 0.02 * sine(300, 2.0)
    clicks[::6_000] = 1.0
    for pcm in (clicks, syllables(2.0), sine(RATE / 4 + 7, 1.0, level=1.0)):
        assert true_peak(normalised(pcm, -8.0)) <= 10 ** (-1 / 20) + 0.005


def test_true_peak_sees_between_the_samples():
    time = np.arange(RATE)
    between = np.sin(2 * np.pi * time / 4 + np.pi / 4).astype(np.float32)
    assert np.abs(between).max() == pytest.approx(0.707, abs=0.001)
    assert true_peak(between) == pytest.approx(1.0, abs=0.05)


def test_silence_stays_silence():
    assert np.all(normalised(np.zeros(RATE, dtype=np.float32)) == 0.0)
    assert len(normalised(np.zeros(0, dtype=np.float32))) == 0


def test_hiss_is_not_lifted_without_limit():
    hiss = (np.random.default_rng(0).standard_normal(RATE) * 0.002).astype(np.float32)
    assert measured(normalised(hiss)) - measured(hiss) == pytest.approx(24.0, abs=0.1)


@pytest.mark.parametrize("level", [0.1, 1.0])
def test_a_stream_comes_to_the_target_after_its_first_seconds(level):
    leveller = LoudnessNormalizer()
    out = np.concatenate([leveller.push(piece) for piece in in_pieces(level * syllables(12.0), 384)])
    assert measured(out[6 * RATE :]) == pytest.approx(-16.0, abs=1.5)


@pytest.mark.parametrize("size", [1, 777, 9_600, 30_000])
def test_the_size_of_the_blocks_does_not_matter(size):
    pcm = syllables(1.0 if size == 1 else 3.0)
    leveller = LoudnessNormalizer()
    out = np.concatenate([leveller.push(piece) for piece in in_pieces(pcm, size)])
    np.testing.assert_array_equal(out, LoudnessNormalizer().push(pcm))


def test_every_block_comes_back_at_once_and_as_long_as_it_was():
    leveller = LoudnessNormalizer()
    assert [len(leveller.push(piece)) for piece in in_pieces(syllables(1.0), 384)] == [384] * 62 + [192]


def test_a_stream_never_clips():
    shout = np.concatenate([0.02 * syllables(5.0), sine(200, 1.0, level=1.0)])
    assert np.abs(LoudnessNormalizer().push(shout)).max() <= 0.9


def test_the_gain_moves_without_steps():
    out = LoudnessNormalizer().push(np.full(3 * RATE, 0.01, dtype=np.float32) + 0.05 * sine(1_000, 3.0))
    gains = out / (np.full(3 * RATE, 0.01, dtype=np.float32) + 0.05 * sine(1_000, 3.0))
    gains = gains[np.abs(out) > 0.01]
    assert np.abs(np.diff(20 * np.log10(gains))).max() < 0.01
    assert gains.max() / gains.min() > 2


def test_pauses_do_not_change_the_gain():
    leveller = LoudnessNormalizer()
    leveller.push(syllables(6.0))
    before = leveller.gain_db
    leveller.push(np.zeros(20 * RATE, dtype=np.float32))
    assert leveller.gain_db == pytest.approx(before, abs=1.5)


def test_a_second_sound_can_begin_with_the_gain_of_the_first():
    first = LoudnessNormalizer()
    first.push(0.1 * syllables(8.0))
    out = LoudnessNormalizer(gain_db=first.gain_db).push(0.1 * syllables(2.0))
    assert measured(out) == pytest.approx(-16.0, abs=2.0)


def test_numbers_that_are_none_do_not_pass():
    pcm = syllables(1.0)
    pcm[100] = np.nan
    assert np.isfinite(LoudnessNormalizer().push(pcm)).all()
    assert np.isfinite(normalised(pcm)).all()
