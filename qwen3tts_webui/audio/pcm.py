"""Mono PCM: conversion to and from int16, WAV files, silence, fades, blocks of equal size.

In and out: float32 arrays (samples,) at `SAMPLE_RATE`. Knows no codecs.
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
    """Return contiguous float32 in [-1, 1]: NaN becomes silence, everything louder is clipped."""
    clean: Pcm = np.clip(np.ravel(pcm).astype(np.float32, copy=False), -1.0, 1.0)
    if math.isnan(clean.dot(clean)):  # one pass, and for valid audio the only one
        clean[np.isnan(clean)] = 0.0
    return clean


def to_int16(pcm: Pcm) -> npt.NDArray[np.int16]:
    """Return int16 (samples,), rounded; clips and never wraps."""
    scaled = np.rint(replace_nonfinite(pcm) * np.float32(_FULL_SCALE))
    samples: npt.NDArray[np.int16] = np.minimum(scaled, _FULL_SCALE - 1).astype(np.int16)
    return samples


def to_s16le(pcm: Pcm) -> bytes:
    """Return two bytes per sample, little-endian on every machine."""
    return to_int16(pcm).astype("<i2", copy=False).tobytes()


def from_s16le(data: bytes) -> Pcm:
    """Invert `to_s16le`. Raises `ValueError` for an odd number of bytes."""
    pcm: Pcm = np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)
    return pcm


def read_wav(path: Path, start: int = 0, num_samples: int | None = None) -> Pcm:
    """Read a mono s16le WAV of ours, float32 (samples,): `num_samples` from `start`, or as many as there are."""
    with wave.open(str(path)) as file:
        start = min(max(0, start), file.getnframes())
        file.setpos(start)
        return from_s16le(file.readframes(file.getnframes() - start if num_samples is None else num_samples))


def silence(seconds: float) -> Pcm:
    """Return zeros; none for a negative duration."""
    return np.zeros(max(0, round(seconds * SAMPLE_RATE)), dtype=np.float32)


def fade_in(pcm: Pcm, seconds: float) -> Pcm:
    """Return a copy with the first `seconds` rising from zero along a half cosine."""
    return _fade(pcm, seconds, at_end=False)


def fade_out(pcm: Pcm, seconds: float) -> Pcm:
    """Return a copy with the last `seconds` falling to zero along a half cosine."""
    return _fade(pcm, seconds, at_end=True)


def _fade(pcm: Pcm, seconds: float, *, at_end: bool) -> Pcm:
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
    """Split a stream of blocks of any size into blocks of exactly `size` samples."""

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"size must be at least 1, not {size}")
        self._size = size
        self._pending: list[Pcm] = []
        self._length = 0

    def push(self, pcm: Pcm) -> Iterator[Pcm]:
        """Append `pcm` and yield each full block. Blocks that are not consumed are yielded by the next call."""
        self._pending.append(pcm)
        self._length += len(pcm)
        return self._full_blocks()

    def rest(self) -> Pcm:
        """Return what is left at the end of the stream: fewer than `size` samples, possibly none."""
        rest = self._join()
        self._pending, self._length = [], 0
        return rest

    def _full_blocks(self) -> Iterator[Pcm]:
        if self._length < self._size:
            return
        joined = self._join()
        while len(joined) >= self._size:
            block, joined = joined[: self._size], joined[self._size :]
            self._pending, self._length = [joined], len(joined)
            yield block

    def _join(self) -> Pcm:
        return np.concatenate(self._pending) if self._pending else np.zeros(0, dtype=np.float32)
