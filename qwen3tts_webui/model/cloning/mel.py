"""Log-mel spectrogram of the speaker encoder (docs/model.md, section 8): 24 kHz audio in, (time, mel bins) out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from qwen3tts_webui.types import SAMPLE_RATE

FFT_SIZE = 1024
HOP_SIZE = 256
MAX_HZ = 12_000.0
_PADDING = (FFT_SIZE - HOP_SIZE) // 2
_FLOOR = 1e-5


def log_mel(pcm: Tensor, filters: Tensor) -> Tensor:
    """`pcm` (samples,) float32 and `filters` (bins, FFT_SIZE // 2 + 1) -> (time, bins), natural logarithm.

    Needs more than 384 samples (16 ms), for the reflected padding.
    """
    padded = F.pad(pcm[None, None], (_PADDING, _PADDING), mode="reflect")[0]
    window = torch.hann_window(FFT_SIZE, device=pcm.device)
    spectrum = torch.stft(
        padded, FFT_SIZE, HOP_SIZE, FFT_SIZE, window, center=False, onesided=True, return_complex=True
    )[0]
    magnitude = (torch.view_as_real(spectrum).square().sum(-1) + 1e-9).sqrt()  # (FFT_SIZE // 2 + 1, time)
    return (filters @ magnitude).clamp(min=_FLOOR).log().T


def mel_filters(bins: int) -> Tensor:
    """Triangular filters on Slaney's mel scale with equal areas, 0 to 12 kHz: (bins, FFT_SIZE // 2 + 1) float32."""
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(MAX_HZ), bins + 2))
    frequencies = np.fft.rfftfreq(FFT_SIZE, 1 / SAMPLE_RATE)
    distance = edges[:, None] - frequencies  # (bins + 2, FFT_SIZE // 2 + 1)
    width = np.diff(edges)[:, None]
    triangles = np.maximum(0.0, np.minimum(-distance[:-2] / width[:-1], distance[2:] / width[1:]))
    filters = triangles.astype(np.float32)
    filters *= 2.0 / (edges[2:] - edges[:-2])[:, None]
    return torch.from_numpy(filters)


# Slaney's scale (Auditory Toolbox, 1998): linear below 1 kHz, logarithmic above.
_LINEAR_HZ = 200.0 / 3
_BREAK_HZ = 1_000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    return float(_BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP) if hz >= _BREAK_HZ else hz / _LINEAR_HZ


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel >= _BREAK_MEL, above, mel * _LINEAR_HZ)
