"""Will it fit? In: numbers of parameters, and the room on a device. Out: bytes, yes or no.

An estimate before anything is loaded, without torch; `engine.hardware.ensure_fits` has the last word, with the same
purposes and the same reserves (a test compares them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1, "int4": 1}  # int4: embeddings are larger
GPU_RESERVE = 1 << 30
HOST_RESERVE = 512 << 20

# Both released sizes: 28 layers, keys and values, 8 heads of 128; rows that one utterance may take.
_KV_NUMBERS_PER_ROW = 28 * 2 * 8 * 128
_KV_ROWS = 2_048
_FEWEST_SLOTS = {"cpu": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where a model would be loaded here: device, numeric type, and bytes that a model may take there (no reserve)."""

    device: str
    dtype: str
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The answer: `needed_bytes` on `device` in `dtype`, of `free_bytes` (less the reserve)."""

    device: str
    dtype: str
    needed_bytes: int
    free_bytes: int

    @property
    def fits(self) -> bool:
        return self.needed_bytes <= self.free_bytes


def memory(weights: Mapping[str, int], *, device: str, dtype: str) -> dict[str, int]:
    """Bytes by purpose for parameters by part ("language model", "codec"); the codec stays float32 everywhere."""
    slots = _FEWEST_SLOTS.get(device, 2)
    return {
        "language model": weights["language model"] * BYTES[dtype],
        "codec": weights["codec"] * BYTES["float32"],
        "kv cache": slots * _KV_ROWS * _KV_NUMBERS_PER_ROW * max(2, BYTES[dtype]),
    }


def fit(weights: Mapping[str, int], room: Room) -> Fit:
    """Whether a model of these `weights` fits into `room`."""
    reserve = GPU_RESERVE if room.device.startswith("cuda") else HOST_RESERVE
    return Fit(
        device=room.device,
        dtype=room.dtype,
        needed_bytes=sum(memory(weights, device=room.device, dtype=room.dtype).values()),
        free_bytes=max(0, room.free_bytes - reserve),
    )
