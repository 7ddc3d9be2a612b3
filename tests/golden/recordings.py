"""Recordings to clone in tests, from integer arithmetic alone: the same samples on every machine, nothing to store."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def recording(seconds: float, sample_rate: int = 24_000, seed: int = 0) -> npt.NDArray[np.float32]:
    """A buzz with a moving pitch and loudness and a little noise: (samples,) float32, 16-bit values over 32768."""
    count = round(seconds * sample_rate)
    time = np.arange(count, dtype=np.int64)
    hertz = 100 + _triangle(time * 3, sample_rate) // 700 + 7 * seed  # slowly up and down
    phase = np.cumsum(hertz)
    buzz = sum(_triangle(phase * harmonic, sample_rate) // harmonic for harmonic in (1, 2, 3, 5, 8, 13))
    loudness = 40_000 + _triangle(time * 2, sample_rate)
    noise = (time + seed) * 2_654_435_761 % 4_294_967_296
    noise = (noise ^ (noise >> 15)) * 2_246_822_519 % 4_294_967_296
    samples = buzz * loudness // 260_000 + noise // 1_048_576 - 2_048
    return (np.clip(samples, -32_768, 32_767) / 32_768).astype(np.float32)


def _triangle(phase: npt.NDArray[np.int64], period: int) -> npt.NDArray[np.int64]:
    """A triangle wave from -32768 to 32767 with one cycle in `period`."""
    place = phase % period * 131_072 // period
    return np.abs(place - 65_536) - 32_768
