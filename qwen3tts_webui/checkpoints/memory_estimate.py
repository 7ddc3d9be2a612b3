"""Estimate whether a checkpoint fits in memory. In: parameter counts and a device's free memory. Out: bytes.

Computed from parameter counts, without torch and for models not yet downloaded. When it loads a checkpoint, the engine
sums the exact shapes instead (`engine.sizing.Sizing.needed_bytes`); a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from qwen3tts_webui.hardware import reserve_bytes

BYTES_PER_PARAMETER = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "int8": 1.08, "int4": 0.72}
"""Embeddings and heads included, which integer dtypes keep wider."""

# Both released sizes: 28 layers, keys and values, 8 heads of 128; rows that one utterance may take.
_KV_VALUES_PER_ROW = 28 * 2 * 8 * 128
_KV_ROWS = 2_048
_KV_BYTES = {"bfloat16": 2, "float16": 2}  # float32 otherwise, with integer weights too
_MIN_SLOTS = {"cpu": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterCounts:
    """Parameters of a checkpoint: `text_embedding` apart from the `language_model`, in `stored_bytes` each on disk."""

    language_model: int
    text_embedding: int
    codec: int
    stored_bytes: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBudget:
    """Where a model would be loaded: device, dtypes, and the device's free bytes, reserve included.

    The first of `dtypes` that fits would be used.
    """

    device: str
    dtypes: tuple[str, ...]
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


def memory_by_purpose(counts: ParameterCounts, *, device: str, dtype: str) -> dict[str, int]:
    """Return bytes by purpose. The codec is float32.

    On a CPU the text embedding stays on disk, and weights that are stored in half precision stay so in float32, too.
    """
    parameters, each = counts.language_model, BYTES_PER_PARAMETER[dtype]
    if device == "cpu":
        each = min(each, counts.stored_bytes)
    else:
        parameters += counts.text_embedding
    return {
        "language model": int(parameters * each),
        "codec": counts.codec * 4,
        "kv cache": _MIN_SLOTS.get(device, 2) * _KV_ROWS * _KV_VALUES_PER_ROW * _KV_BYTES.get(dtype, 4),
    }


def estimate_memory(counts: ParameterCounts, budget: MemoryBudget) -> MemoryEstimate:
    """Return what a model with these parameters needs, and what `budget` has free."""
    free = max(0, budget.free_bytes - reserve_bytes(budget.device))
    estimates = [
        MemoryEstimate(
            device=budget.device,
            dtype=dtype,
            needed_bytes=sum(memory_by_purpose(counts, device=budget.device, dtype=dtype).values()),
            free_bytes=free,
        )
        for dtype in budget.dtypes
    ]
    return next((estimate for estimate in estimates if estimate.fits), estimates[-1])
