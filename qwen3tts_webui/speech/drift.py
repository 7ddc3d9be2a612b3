"""How much each segment sounds like the voice of its request, and which ones do not.

In: speaker embeddings. Out: a `Similarity` per segment. Pure; knows neither audio nor engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

from qwen3tts_webui.types import XVector

_MIN_SIMILARITY = 0.5  # below it, two recordings are hardly of one speaker
_MAX_DROP = 0.2  # below the median of the request


@dataclass(frozen=True, slots=True)
class Similarity:
    """`value`: cosine of the x-vectors of segment and voice, -1 to 1; `drifted`: it sounds like another voice."""

    value: float
    drifted: bool


def compare_segments(vectors: Mapping[int, XVector], voice: XVector | None = None) -> dict[int, Similarity]:
    """Compare the x-vectors (dim,) of segments, by index, with that of `voice`; by default with the first segment.

    Without a `voice` the first segment is not compared: the result lacks it, and is empty if there is no other.
    """
    indices = sorted(vectors)
    if voice is None and indices:
        voice = vectors[indices.pop(0)]
    values = {} if voice is None else {index: _cosine(vectors[index], voice) for index in indices}
    if not values:
        return {}
    limit = max(_MIN_SIMILARITY, median(values.values()) - _MAX_DROP)
    return {index: Similarity(value, value < limit) for index, value in values.items()}


def _cosine(first: XVector, second: XVector) -> float:
    """0 if one of them is zero."""
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return round(float(first @ second) / norms, 4) if norms > 0 else 0.0
