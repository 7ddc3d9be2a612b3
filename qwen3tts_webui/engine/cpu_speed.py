"""How fast a model will speak on this CPU, before it is loaded, and the widest type that keeps real time.

`measure_cpu` times plain products of torch for some 100 ms; what follows from them is arithmetic on sizes. Knows no
weights.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from qwen3tts_webui.engine.device import Choice, Dtype
from qwen3tts_webui.model import DecoderConfig, ModelConfig, numba_available

REAL_TIME = 12.5  # frames a second

_WEIGHT_BYTES: dict[Dtype, float] = {"float32": 2.0, "bfloat16": 2.0, "int8": 1.0, "int4": 0.5625}
"""Read for one weight of a layer in a step: under float32 the released bfloat16 stays as it is."""
_PREDICTOR_PASSES = 15
_OVERHEAD = 1.25  # a frame takes that much longer than reading its weights: measured on two kinds of machine
_CODEC_FLOP = 5.0e9  # one frame
_RUNS = 4


@dataclass(frozen=True, slots=True)
class CpuSpeed:
    """`read_bytes_s`: weights that a product of one row reads a second; `flops`: of float32 products of many rows."""

    read_bytes_s: float
    flops: float


@functools.cache
def measure_cpu(threads: int) -> CpuSpeed:
    """Time one row and many rows times a matrix that no cache holds, on `threads` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            matrix = torch.ones(12 << 10, 2 << 10)  # 96 MiB
            row, many, part = torch.ones(1, 2 << 10), torch.ones(128, 2 << 10), matrix[: 1 << 10]
            reading = _least(lambda: F.linear(row, matrix))
            computing = _least(lambda: F.linear(many, part))
    finally:
        torch.set_num_threads(before)
    return CpuSpeed(read_bytes_s=matrix.nbytes / reading, flops=2 * len(many) * part.numel() / computing)


def _least(work: Callable[[], object]) -> float:
    took = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def frames_per_second(spec: ModelConfig, dtype: Dtype, speed: CpuSpeed) -> float:
    """Predicted frames a second of one utterance, sound included, in packets of many frames."""
    inner: Dtype = "int8" if dtype == "int4" else dtype
    read = _weights(spec.talker.stack) * _WEIGHT_BYTES[dtype]
    read += _PREDICTOR_PASSES * _weights(spec.predictor.stack) * _WEIGHT_BYTES[inner]
    return 1.0 / (_OVERHEAD * read / speed.read_bytes_s + _CODEC_FLOP / speed.flops)


def widest_in_real_time(choice: Choice, spec: ModelConfig, speed: CpuSpeed | None = None) -> Choice:
    """`choice`, made for a CPU with the type left open, in the widest type that keeps real time; says why.

    int4 only where int8 is too slow and int4 is not; where nothing keeps real time, int8.
    """
    kinds: tuple[Dtype, ...] = (choice.dtype, "int8", "int4") if numba_available() else (choice.dtype,)
    speed = measure_cpu(choice.threads) if speed is None else speed
    rates = {kind: frames_per_second(spec, kind, speed) for kind in kinds}
    fallback: Dtype = "int8" if "int8" in rates else choice.dtype
    picked = next((kind for kind in kinds if rates[kind] >= REAL_TIME), fallback)
    told = ", ".join(f"{kind} about {rate:.1f}" for kind, rate in rates.items())
    place = choice.reason.partition(";")[0]
    why = "the widest type that keeps real time" if rates[picked] >= REAL_TIME else "below real time"
    reason = f"{place}; {picked}, {why} ({REAL_TIME} frames/s are needed, predicted: {told})"
    if picked == "int4":
        reason += "; int4 changes how the voice sounds: ask for int8 to be closer to the original and slower"
    return replace(choice, dtype=picked, reason=reason)


def _weights(stack: DecoderConfig) -> int:
    heads = stack.num_heads + 2 * stack.num_kv_heads
    attention = stack.hidden_size * stack.head_dim * (heads + stack.num_heads)
    return stack.num_layers * (attention + 3 * stack.hidden_size * stack.intermediate_size)
