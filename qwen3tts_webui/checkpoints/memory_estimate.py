"""Estimate whether a checkpoint fits in memory. In: parameter counts and a device's free memory. Out: bytes.

Computed from parameter counts, without torch and for models not yet downloaded. When it loads a checkpoint, the engine
sums the exact shapes instead (`engine.factory.needed_bytes`); a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qwen3tts_webui.hardware import reserve_bytes

BYTES_PER_PARAMETER = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "int8": 1.08, "int4": 1.08}
_UNQUANTIZED_BYTES = {"int8": 390_000_000, "int4": 390_000_000}  # embeddings and heads, about equal in both sizes

# Both released sizes: 28 layers, keys and values, 8 heads of 128; rows that one utterance may take.
_KV_VALUES_PER_ROW = 28 * 2 * 8 * 128
_KV_ROWS = 2_048
_KV_BYTES = {"bfloat16": 2, "float16": 2}  # float32 otherwise, with integer weights too
_MIN_SLOTS = {"cpu": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBudget:
    """Where a model would be loaded: device, dtype, and the device's free bytes, reserve included."""

    device: str
    dtype: str
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryEstimate:
    """The bytes a model needs on `device` in `dtype`, and the bytes free for it (without the reserve)."""

    device: str
    dtype: str
    needed_bytes: int
    free_bytes: int

    @property
    def fits(self) -> bool:
        """True if the free memory suffices."""
        return self.needed_bytes <= self.free_bytes


def memory_by_purpose(weights: Mapping[str, int], *, device: str, dtype: str) -> dict[str, int]:
    """Return bytes by purpose for parameter counts by component ("language model", "codec"). The codec is float32."""
    slots = _MIN_SLOTS.get(device, 2)
    return {
        "language model": int(weights["language model"] * BYTES_PER_PARAMETER[dtype])
        + _UNQUANTIZED_BYTES.get(dtype, 0),
        "codec": weights["codec"] * 4,
        "kv cache": slots * _KV_ROWS * _KV_VALUES_PER_ROW * _KV_BYTES.get(dtype, 4),
    }


def estimate_memory(weights: Mapping[str, int], budget: MemoryBudget) -> MemoryEstimate:
    """Return what a model with these `weights` needs, and what `budget` has free."""
    return MemoryEstimate(
        device=budget.device,
        dtype=budget.dtype,
        needed_bytes=sum(memory_by_purpose(weights, device=budget.device, dtype=budget.dtype).values()),
        free_bytes=max(0, budget.free_bytes - reserve_bytes(budget.device)),
    )
