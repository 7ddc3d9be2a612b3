"""Measure loudness by ITU-R BS.1770 (pyloudnorm), and bring a stream to a target while it is being generated.

A stream can only be judged by its past: `LoudnessNormalizer` measures the last seconds and moves the gain slowly, so
the first second is not yet at the target, and the whole comes close to it without being exact. Knows no files.
"""

from __future__ import annotations

import numpy as np

from qwen3tts_webui.audio.pcm import replace_nonfinite
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

TARGET_LUFS = -16.0
_MAX_GAIN_DB = 24.0
_GATE_S = 0.4  # the gating block of BS.1770: nothing shorter can be measured
_AUDIBLE = 10 ** (-70.0 / 20)


def measure_loudness(pcm: Pcm) -> float:
    """Return the integrated loudness in LUFS; -inf for silence. Audio under 0.4 s is repeated to be measurable."""
    pcm = replace_nonfinite(pcm)
    if len(pcm) == 0 or np.abs(pcm).max() < _AUDIBLE:
        return -np.inf
    shortest = round(_GATE_S * SAMPLE_RATE)
    if len(pcm) < shortest:
        pcm = np.resize(pcm, shortest)
    import pyloudnorm  # imports most of scipy, which takes over a second

    return float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(pcm.astype(np.float64)))


def _gain_db(measured_lufs: float, target_lufs: float) -> float | None:
    """Return the gain to apply; None for silence."""
    if not np.isfinite(measured_lufs):
        return None
    return float(np.clip(target_lufs - measured_lufs, -_MAX_GAIN_DB, _MAX_GAIN_DB))


class LoudnessNormalizer:
    """Bring one stream to about `target_lufs` while it is generated; adds no delay and never clips.

    Every 0.4 s the last 6 s of audio (without pauses) are measured, and the gain moves toward the target by at most
    6 dB per second upward and 12 downward. It starts at `gain_db`, for instance that of an earlier stream. Peaks over
    0.7 are rounded off below -0.9 dB.
    """

    _STEP = round(_GATE_S * SAMPLE_RATE)
    _WINDOW = 15 * _STEP
    _PAUSE = 0.003
    _UP_DB = 6.0 * _GATE_S
    _DOWN_DB = 12.0 * _GATE_S
    _KNEE = 0.7
    _HEADROOM = 0.2

    def __init__(self, target_lufs: float = TARGET_LUFS, *, gain_db: float = 0.0) -> None:
        self._target = target_lufs
        self._recent_audio = np.zeros(0, dtype=np.float32)
        self._recent: list[Pcm] = []
        self._in_step = 0
        self._from_db = gain_db
        self._to_db = gain_db

    @property
    def gain_db(self) -> float:
        """The gain at the end of the audio so far."""
        return self._to_db

    def push(self, pcm: Pcm) -> Pcm:
        """Return `pcm` at its new level: as many samples as went in, for any block size."""
        pcm = replace_nonfinite(pcm)
        out: list[Pcm] = [np.zeros(0, dtype=np.float32)]
        while len(pcm):
            piece, pcm = pcm[: self._STEP - self._in_step], pcm[self._STEP - self._in_step :]
            out.append(self._soft_clip(piece * self._gains(len(piece))))
            self._recent.append(piece)
            self._in_step += len(piece)
            if self._in_step == self._STEP:
                self._next_step()
        return np.concatenate(out)

    def _gains(self, length: int) -> Pcm:
        part = (self._in_step + 1 + np.arange(length)) / self._STEP
        gains: Pcm = (10 ** ((self._from_db + (self._to_db - self._from_db) * part) / 20)).astype(np.float32)
        return gains

    def _next_step(self) -> None:
        step = np.concatenate(self._recent)
        self._recent, self._in_step = [], 0
        self._from_db = self._to_db
        if np.abs(step).max() < self._PAUSE:
            return
        self._recent_audio = np.concatenate([self._recent_audio, step])[-self._WINDOW :]
        wanted = _gain_db(measure_loudness(self._recent_audio), self._target)
        if wanted is not None:
            self._to_db = float(np.clip(wanted, self._from_db - self._DOWN_DB, self._from_db + self._UP_DB))

    def _soft_clip(self, pcm: Pcm) -> Pcm:
        level = np.abs(pcm)
        over = np.maximum(level - self._KNEE, 0.0)
        soft = np.minimum(level, self._KNEE) + self._HEADROOM * np.tanh(over / self._HEADROOM)
        return np.copysign(soft, pcm).astype(np.float32, copy=False)
