"""Predict the speed of a model on this CPU before it is loaded, and choose the widest dtype that keeps real time.

`measure_cpu` times matrix products for about 100 ms; the rest is arithmetic on sizes. Knows no weights.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

from qwen3tts_webui.hardware import DeviceChoice, Dtype
from qwen3tts_webui.model import INTEGER_BYTES, DecoderConfig, ModelConfig, numba_available
from qwen3tts_webui.types import FRAMES_PER_SECOND

_WEIGHT_BYTES = {"float32": 2.0, "bfloat16": 2.0} | INTEGER_BYTES
"""Bytes read per weight and step: under float32 the released bfloat16 weights are kept."""
_PREDICTOR_PASSES = 15
_OVERHEAD = 1.25  # time of a frame relative to reading its weights, measured on two kinds of machines
_CODEC_FLOP = 5.0e9  # per frame
_RUNS = 4


@dataclass(frozen=True, slots=True)
class CpuSpeed:
    """`read_bytes_s`: bytes per second read by a single-row product; `flops`: of float32 products of many rows."""

    read_bytes_s: float
    flops: float


@functools.cache
def measure_cpu(threads: int) -> CpuSpeed:
    """Time single-row and many-row products with a matrix larger than the caches, on `threads` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            matrix = torch.ones(12 << 10, 2 << 10)  # 96 MiB
            row, many, part = torch.ones(1, 2 << 10), torch.ones(128, 2 << 10), matrix[: 1 << 10]
            reading_s = _best_time_s(lambda: F.linear(row, matrix))
            computing_s = _best_time_s(lambda: F.linear(many, part))
    finally:
        torch.set_num_threads(before)
    return CpuSpeed(read_bytes_s=matrix.nbytes / reading_s, flops=2 * len(many) * part.numel() / computing_s)


def _best_time_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def frames_per_second(spec: ModelConfig, dtype: Dtype, speed: CpuSpeed) -> float:
    """Predict the frames per second of a single utterance, audio included, in large packets."""
    predictor_dtype: Dtype = "int8" if dtype == "int4" else dtype
    num_bytes = _weights(spec.talker.stack) * _WEIGHT_BYTES[dtype]
    num_bytes += _PREDICTOR_PASSES * _weights(spec.predictor.stack) * _WEIGHT_BYTES[predictor_dtype]
    return 1.0 / (_OVERHEAD * num_bytes / speed.read_bytes_s + _CODEC_FLOP / speed.flops)


def choose_cpu_dtype(
    choice: DeviceChoice,
    spec: ModelConfig,
    speed: CpuSpeed | None = None,
    *,
    fits: Callable[[Dtype], bool] = lambda _dtype: True,
) -> DeviceChoice:
    """Return `choice`, made for a CPU without a requested dtype, with the widest dtype that fits and keeps real time.

    int4 only if int8 is too slow and int4 is not; int8 if no dtype keeps real time, or none fits. `fits` tells whether
    the memory suffices.
    """
    candidates: tuple[Dtype, ...] = (choice.dtype, "int8", "int4") if numba_available() else (choice.dtype,)
    candidates = tuple(name for name in candidates if name == "int8" or fits(name)) or candidates
    speed = measure_cpu(choice.threads) if speed is None else speed
    rates = {name: frames_per_second(spec, name, speed) for name in candidates}
    fallback: Dtype = "int8" if "int8" in rates else candidates[0]
    picked = next((name for name in candidates if rates[name] >= FRAMES_PER_SECOND), fallback)
    predictions = ", ".join(f"{name} about {rate:.1f}" for name, rate in rates.items())
    device_reason = choice.reason.partition(";")[0]
    why = "the widest dtype that keeps real time" if rates[picked] >= FRAMES_PER_SECOND else "below real time"
    reason = f"{device_reason}; {picked}, {why} ({FRAMES_PER_SECOND} frames/s are needed, predicted: {predictions})"
    if picked == "int4":
        reason += "; int4 changes how the voice sounds: request int8 to be closer to the original and slower"
    return replace(choice, dtype=picked, reason=reason, speed=rates[picked] / FRAMES_PER_SECOND)


def _weights(stack: DecoderConfig) -> int:
    heads = stack.num_heads + 2 * stack.num_kv_heads
    attention = stack.hidden_size * stack.head_dim * (heads + stack.num_heads)
    return stack.num_layers * (attention + 3 * stack.hidden_size * stack.intermediate_size)
