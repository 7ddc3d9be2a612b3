"""Loudness by ITU-R BS.1770 (pyloudnorm): of a finished sound, and of one that is still being made.

A finished sound is measured whole, brought to the target and limited at a true peak of -1 dB. A stream can only be
judged by what was heard of it: `LoudnessNormalizer` follows the last seconds and moves the gain slowly, so that the first second
is not yet at the target and the whole comes close to it without ever being exact. Knows no files.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr
from scipy.ndimage import minimum_filter1d

from qwen3tts_webui.audio.pcm import replace_nonfinite
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

TARGET_LUFS = -16.0
TRUE_PEAK_CEILING = 10 ** (-1.0 / 20)
_MAX_GAIN_DB = 24.0
_GATE_S = 0.4  # the gating block of BS.1770: nothing shorter can be measured
_AUDIBLE = 10 ** (-70.0 / 20)
_OVERSAMPLING = 4
_LOOK_AHEAD = round(0.005 * SAMPLE_RATE)


def measure_loudness(pcm: Pcm) -> float:
    """Integrated loudness in LUFS; -inf for silence. A sound under 0.4 s is repeated until it can be measured."""
    pcm = replace_nonfinite(pcm)
    if len(pcm) == 0 or np.abs(pcm).max() < _AUDIBLE:
        return -np.inf
    shortest = round(_GATE_S * SAMPLE_RATE)
    if len(pcm) < shortest:
        pcm = np.resize(pcm, shortest)
    import pyloudnorm  # it brings most of scipy along: over a second that a start need not wait for

    return float(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(pcm.astype(np.float64)))


def true_peak(pcm: Pcm) -> float:
    """The highest level between and at the samples (four times oversampled), 1.0 being full scale."""
    return float(_true_envelope(pcm).max(initial=0.0))


def normalised(pcm: Pcm, target_lufs: float = TARGET_LUFS) -> Pcm:
    """`pcm` at `target_lufs`, its true peak at most -1 dB; silence stays silence."""
    pcm = replace_nonfinite(pcm)
    gain_db = _gain_db(measure_loudness(pcm), target_lufs)
    if gain_db is None:
        return pcm
    return _limited(pcm * np.float32(10 ** (gain_db / 20)))


def _gain_db(measured_lufs: float, target_lufs: float) -> float | None:
    """What to add; None when nothing was heard."""
    if not np.isfinite(measured_lufs):
        return None
    return float(np.clip(target_lufs - measured_lufs, -_MAX_GAIN_DB, _MAX_GAIN_DB))


def _true_envelope(pcm: Pcm) -> npt.NDArray[np.float64]:
    """(samples,): the highest level from each sample to the next."""
    fine = soxr.resample(pcm, SAMPLE_RATE, SAMPLE_RATE * _OVERSAMPLING) if len(pcm) else pcm
    padded = np.zeros(len(pcm) * _OVERSAMPLING)
    padded[: len(fine)] = np.abs(fine[: len(padded)])
    envelope: npt.NDArray[np.float64] = np.maximum(padded.reshape(-1, _OVERSAMPLING).max(axis=1), np.abs(pcm))
    return envelope


def _limited(pcm: Pcm) -> Pcm:
    """A limiter that looks ahead: the gain sinks before a peak and rises after it, smoothly."""
    envelope = _true_envelope(pcm)
    if envelope.max(initial=0.0) <= TRUE_PEAK_CEILING:
        return pcm
    width = 2 * _LOOK_AHEAD + 1
    wanted = TRUE_PEAK_CEILING / np.maximum(envelope, TRUE_PEAK_CEILING)
    lowest = minimum_filter1d(wanted, width, mode="nearest")
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(lowest, _LOOK_AHEAD, mode="edge")
    gain = np.convolve(padded, window / window.sum(), mode="valid")
    limited: Pcm = (pcm * gain).astype(np.float32)
    return limited


class LoudnessNormalizer:
    """Brings one stream to about `target_lufs` while it is made; adds no delay and never clips.

    Every 0.4 s the last 6 s of sound (pauses left out) are measured and the gain moves towards what they ask for, by
    6 dB a second at most upwards and 12 downwards. It begins at `gain_db`, which the leveller of an earlier sound may
    have found. Peaks over 0.7 are rounded off below -0.9 dB.
    """

    _STEP = round(_GATE_S * SAMPLE_RATE)
    _WINDOW = 15 * _STEP
    _PAUSE = 0.003
    _UP_DB = 6.0 * _GATE_S
    _DOWN_DB = 12.0 * _GATE_S
    _KNEE = 0.7
    _ROOM = 0.2

    def __init__(self, target_lufs: float = TARGET_LUFS, *, gain_db: float = 0.0) -> None:
        self._target = target_lufs
        self._heard = np.zeros(0, dtype=np.float32)
        self._recent: list[Pcm] = []
        self._in_step = 0
        self._from_db = gain_db
        self._to_db = gain_db

    @property
    def gain_db(self) -> float:
        """The gain that the sound heard so far asks for, as far as it was reached."""
        return self._to_db

    def push(self, pcm: Pcm) -> Pcm:
        """`pcm` at its new level: as many samples as went in, whatever the size of the block."""
        pcm = replace_nonfinite(pcm)
        out: list[Pcm] = [np.zeros(0, dtype=np.float32)]
        while len(pcm):
            piece, pcm = pcm[: self._STEP - self._in_step], pcm[self._STEP - self._in_step :]
            out.append(self._soft(piece * self._gains(len(piece))))
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
        self._heard = np.concatenate([self._heard, step])[-self._WINDOW :]
        wanted = _gain_db(measure_loudness(self._heard), self._target)
        if wanted is not None:
            self._to_db = float(np.clip(wanted, self._from_db - self._DOWN_DB, self._from_db + self._UP_DB))

    def _soft(self, pcm: Pcm) -> Pcm:
        level = np.abs(pcm)
        over = np.maximum(level - self._KNEE, 0.0)
        soft = np.minimum(level, self._KNEE) + self._ROOM * np.tanh(over / self._ROOM)
        return np.copysign(soft, pcm).astype(np.float32, copy=False)
