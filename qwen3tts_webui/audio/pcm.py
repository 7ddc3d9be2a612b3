"""Mono PCM: float32 <-> int16, silence, fades, equal blocks.

In and out: float32 arrays (samples,) at `SAMPLE_RATE`. Knows no files and no codecs.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.types import SAMPLE_RATE, Pcm

_FULL_SCALE = 32_768.0


def replace_nonfinite(pcm: Pcm) -> Pcm:
    """`pcm` as contiguous float32 in [-1, 1]: NaN becomes silence, everything louder is clipped."""
    clean: Pcm = np.clip(np.ravel(pcm).astype(np.float32, copy=False), -1.0, 1.0)
    if math.isnan(clean.dot(clean)):  # one pass, and for sound as it should be the only one
        clean[np.isnan(clean)] = 0.0
    return clean


def to_int16(pcm: Pcm) -> npt.NDArray[np.int16]:
    """int16 (samples,), rounded; clips and never wraps."""
    scaled = np.rint(replace_nonfinite(pcm) * np.float32(_FULL_SCALE))
    samples: npt.NDArray[np.int16] = np.minimum(scaled, _FULL_SCALE - 1).astype(np.int16)
    return samples


def to_s16le(pcm: Pcm) -> bytes:
    """Two bytes a sample, little-endian, whatever the machine."""
    return to_int16(pcm).astype("<i2", copy=False).tobytes()


def from_s16le(data: bytes) -> Pcm:
    """The inverse of `to_s16le`; an odd last byte is half a sample and raises `ValueError`."""
    pcm: Pcm = np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)
    return pcm


def read_wav(path: Path, start: int = 0, num_samples: int | None = None) -> Pcm:
    """Read a mono s16le WAV of ours, float32 (samples,): `num_samples` from `start`, or as many as there are."""
    with wave.open(str(path)) as file:
        start = min(max(0, start), file.getnframes())
        file.setpos(start)
        return from_s16le(file.readframes(file.getnframes() - start if num_samples is None else num_samples))


def silence(seconds: float) -> Pcm:
    """Zeros; nothing for a negative duration."""
    return np.zeros(max(0, round(seconds * SAMPLE_RATE)), dtype=np.float32)


def fade_in(pcm: Pcm, seconds: float) -> Pcm:
    """A copy whose first `seconds` rise from nothing along a half cosine."""
    return _faded(pcm, seconds, at_end=False)


def fade_out(pcm: Pcm, seconds: float) -> Pcm:
    """A copy whose last `seconds` sink to nothing along a half cosine."""
    return _faded(pcm, seconds, at_end=True)


def _faded(pcm: Pcm, seconds: float, *, at_end: bool) -> Pcm:
    length = max(0, min(len(pcm), round(seconds * SAMPLE_RATE)))
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(1, length))).astype(np.float32)
    gain: Pcm = np.ones(len(pcm), dtype=np.float32)
    if at_end:
        gain[len(pcm) - length :] = ramp[::-1]
    else:
        gain[:length] = ramp
    faded: Pcm = pcm * gain
    return faded


class BlockBuffer:
    """Cuts a stream of blocks of any size into blocks of exactly `size` samples."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a block needs at least one sample, not {size}")
        self._size = size
        self._pending: list[Pcm] = []
        self._length = 0

    def push(self, pcm: Pcm) -> Iterator[Pcm]:
        """Take `pcm`; yields each full block. Take them all: what is not taken stays for the next call."""
        self._pending.append(pcm)
        self._length += len(pcm)
        return self._full()

    def rest(self) -> Pcm:
        """What is left at the end of the stream: fewer than `size` samples, perhaps none."""
        rest = self._joined()
        self._pending, self._length = [], 0
        return rest

    def _full(self) -> Iterator[Pcm]:
        if self._length < self._size:
            return
        joined = self._joined()
        while len(joined) >= self._size:
            block, joined = joined[: self._size], joined[self._size :]
            self._pending, self._length = [joined], len(joined)
            yield block

    def _joined(self) -> Pcm:
        return np.concatenate(self._pending) if self._pending else np.zeros(0, dtype=np.float32)
