"""Sounds that are easy to recognize after a codec or a stretcher."""

import numpy as np

RATE = 24_000


def sine(hz: float, seconds: float, level: float = 0.5, rate: int = RATE) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def syllables(seconds: float, hz: float = 150.0) -> np.ndarray:
    """A buzz with five harmonics. Its loudness rises and falls four times per second, each time differently."""
    time = np.arange(round(seconds * RATE)) / RATE
    glide = 2 * np.pi * hz * (time + 0.02 * np.sin(2 * np.pi * 0.7 * time))
    buzz = sum(np.sin(k * glide) / k for k in range(1, 6))
    envelope = np.abs(np.sin(2 * np.pi * 2 * time)) * (0.6 + 0.4 * np.sin(2 * np.pi * 0.31 * time))
    return (0.3 * buzz * envelope).astype(np.float32)


def pitch(pcm: np.ndarray, rate: int = RATE) -> float:
    """The strongest frequency in Hz, interpolated between bins."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)), 8 * len(pcm)))
    return float(np.argmax(spectrum) * rate / (8 * len(pcm)))


def in_pieces(pcm: np.ndarray, size: int) -> list[np.ndarray]:
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def correlation(one: np.ndarray, other: np.ndarray, max_shift: int) -> float:
    """The best normalized correlation over shifts of `other` by up to `max_shift` samples either way."""
    padded = np.pad(other, (max_shift, max_shift + max(0, len(one) - len(other))))
    best = 0.0
    for shift in range(2 * max_shift + 1):
        piece = padded[shift : shift + len(one)]
        norm = float(np.linalg.norm(piece) * np.linalg.norm(one))
        best = max(best, float(piece @ one) / norm if norm else 0.0)
    return best
