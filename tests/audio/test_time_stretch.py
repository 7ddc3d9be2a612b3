import numpy as np
import pytest

from qwen3tts_webui.audio.time_stretch import TimeStretcher
from qwen3tts_webui.errors import InvalidValue
from tests.support.sounds import RATE, in_pieces, pitch, sine, syllables


def stretched(pcm: np.ndarray, speed: float, size: int) -> np.ndarray:
    stretcher = TimeStretcher(speed)
    out = [stretcher.push(piece) for piece in in_pieces(pcm, size)]
    return np.concatenate([*out, stretcher.flush()])


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
@pytest.mark.parametrize("size", [1, 100, 384, 1_921])
def test_streamed_equals_whole(speed, size):
    pcm = syllables(0.7)
    np.testing.assert_array_equal(stretched(pcm, speed, size), stretched(pcm, speed, len(pcm)))


@pytest.mark.parametrize("speed", [0.5, 0.75, 0.9, 1.1, 1.5, 2.0])
def test_the_length_is_the_input_over_the_speed(speed):
    assert len(stretched(syllables(1.3), speed, 384)) == round(1.3 * RATE / speed)


@pytest.mark.parametrize("length", [0, 1, 2, 383, 384, 1_500])
def test_short_audio_has_the_exact_length(length):
    assert len(stretched(sine(200, 1)[:length], 1.5, 384)) == round(length / 1.5)


@pytest.mark.parametrize("speed", [0.5, 0.7, 1.3, 2.0])
@pytest.mark.parametrize("hz", [110.0, 440.0, 3_000.0])
def test_pitch_is_unchanged(speed, hz):
    assert pitch(stretched(sine(hz, 2.0), speed, 384)) == pytest.approx(hz, rel=0.01)


@pytest.mark.parametrize("speed", [0.5, 0.7, 1.3, 2.0])
def test_events_move_to_where_the_speed_puts_them(speed):
    pcm = np.zeros(2 * RATE, dtype=np.float32)
    pcm[RATE : RATE + 4_800] = sine(300, 0.2)
    loud = np.flatnonzero(np.abs(stretched(pcm, speed, 384)) > 0.1)
    assert loud[0] / RATE == pytest.approx(1.0 / speed, abs=0.05)
    assert loud[-1] / RATE == pytest.approx(1.2 / speed, abs=0.05)


def test_audio_reaches_the_end():
    out = stretched(sine(300, 1.0), 1.5, 384)
    assert np.abs(out[-480:]).max() > 0.2


def test_normal_speed_returns_every_block_unchanged():
    stretcher = TimeStretcher(1.0)
    block = np.array([0.1, np.float32(1) / 3, 1.7], dtype=np.float32)
    assert stretcher.push(block) is block
    assert len(stretcher.flush()) == 0


@pytest.mark.parametrize("speed", [0.5, 1.25, 2.0])
def test_the_first_output_comes_after_a_tenth_of_a_second_at_most(speed):
    stretcher = TimeStretcher(speed)
    taken = 0
    for piece in in_pieces(sine(300, 1.0), 384):
        taken += len(piece)
        if len(stretcher.push(piece)):
            break
    assert taken <= 0.1 * RATE


def test_a_streamed_output_keeps_up_with_its_input():
    stretcher = TimeStretcher(2.0)
    made = sum(len(stretcher.push(piece)) for piece in in_pieces(sine(300, 2.0), 384))
    assert made >= RATE - 0.1 * RATE


def test_nan_does_not_pass():
    pcm = sine(300, 0.5)
    pcm[1_000] = np.nan
    assert np.isfinite(stretched(pcm, 1.5, 384)).all()


@pytest.mark.parametrize("speed", [0.49, 2.01, 0.0, -1.0, float("nan"), float("inf")])
def test_other_speeds_are_refused(speed):
    with pytest.raises(InvalidValue, match=r"speed must be between 0\.5 and 2\.0"):
        TimeStretcher(speed)
