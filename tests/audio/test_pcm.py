import numpy as np
import pytest

from qwen3tts_webui.audio.pcm import (
    BlockBuffer,
    fade_in,
    fade_out,
    from_s16le,
    replace_nonfinite,
    silence,
    to_int16,
    to_s16le,
)


def floats(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_louder_than_full_scale_clips_and_never_wraps():
    assert to_int16(floats(1.0, 1.5, 1e9, -1.0, -1.5, -1e9)).tolist() == [32767, 32767, 32767, -32768, -32768, -32768]


def test_nan_becomes_silence_and_infinity_becomes_full_scale():
    assert to_int16(floats(np.nan, np.inf, -np.inf)).tolist() == [0, 32767, -32768]


def test_samples_are_rounded_not_cut():
    assert to_int16(floats(0.6 / 32768, -0.6 / 32768, 0.4 / 32768)).tolist() == [1, -1, 0]


def test_bytes_are_little_endian():
    assert to_s16le(floats(1 / 32768, -1.0)) == b"\x01\x00\x00\x80"


def test_every_int16_survives_the_way_to_float_and_back():
    every = np.arange(-32768, 32768, dtype="<i2").tobytes()
    assert to_s16le(from_s16le(every)) == every


def test_half_a_sample_is_refused():
    with pytest.raises(ValueError):
        from_s16le(b"\x00\x00\x01")


def test_finite_leaves_its_input_alone():
    pcm = floats(np.nan, 2.0)
    replace_nonfinite(pcm)
    assert np.isnan(pcm[0]) and pcm[1] == 2.0


def test_silence_has_the_requested_length_and_never_a_negative_one():
    assert len(silence(0.5)) == 12_000
    assert silence(0.5).dtype == np.float32
    assert len(silence(-1.0)) == 0


def test_fade_in_rises_from_zero_and_leaves_the_rest():
    faded = fade_in(np.ones(2400, dtype=np.float32), 0.05)
    assert faded[0] == 0.0
    assert np.all(np.diff(faded[:1200]) > 0)
    assert np.all(faded[1200:] == 1.0)


def test_fade_out_mirrors_fade_in():
    ones = np.ones(2400, dtype=np.float32)
    np.testing.assert_array_equal(fade_out(ones, 0.05), fade_in(ones, 0.05)[::-1])


@pytest.mark.parametrize("length", [0, 1, 100])
def test_a_fade_longer_than_the_audio_keeps_its_length(length):
    assert len(fade_out(np.ones(length, dtype=np.float32), 1.0)) == length


@pytest.mark.parametrize("size", [1, 7, 384])
@pytest.mark.parametrize("cut", [1, 5, 384, 1000])
def test_blocks_are_equal_and_lose_nothing(size, cut):
    pcm = np.arange(1_000, dtype=np.float32)
    blocks = BlockBuffer(size)
    out = [block for start in range(0, 1_000, cut) for block in blocks.push(pcm[start : start + cut])]
    assert {len(block) for block in out} <= {size}
    rest = blocks.rest()
    assert len(rest) == 1_000 % size
    np.testing.assert_array_equal(np.concatenate([*out, rest]), pcm)


def test_rest_empties_the_blocks():
    blocks = BlockBuffer(4)
    assert list(blocks.push(floats(1, 2, 3))) == []
    assert blocks.rest().tolist() == [1, 2, 3]
    assert blocks.rest().tolist() == []
    assert [block.tolist() for block in blocks.push(floats(4, 5, 6, 7))] == [[4, 5, 6, 7]]


def test_unconsumed_blocks_are_yielded_by_the_next_push():
    blocks = BlockBuffer(2)
    next(blocks.push(floats(1, 2, 3, 4, 5)))
    assert [block.tolist() for block in blocks.push(floats(6))] == [[3, 4], [5, 6]]
