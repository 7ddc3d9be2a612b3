"""Use the kernels of `gemv_stack` where they are right and faster than cuBLAS on this device, for so many slots.

In goes a stack with the fused kernels that passed the start-up check, out comes that or a `GemvStack`. Both are timed
with the real weights, which do not fit into a cache. The clock is passed in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from qwen3tts_webui.model.cuda.fused_stack import FusedStack
from qwen3tts_webui.model.cuda.gemv_stack import LONGEST_JOINED, MAX_BATCH, GemvStack

if TYPE_CHECKING:
    from qwen3tts_webui.model.talker.layers import Stack

log = logging.getLogger(__name__)

Clock = Callable[[Callable[[], object]], float]
"""Milliseconds of the device for one call of work."""
Check = Callable[[FusedStack], None]
"""Raises an error if a stack is not as close to float32 as the layers."""

_BATCHES = (1, 2, 4, MAX_BATCH)
_LEAST_GAIN = 0.03
"""Share of the time that has to be saved, as two timings of the same kernels differ a little."""
EARLY_POSITION = 8
_TIMINGS = 3
_FIRST_CYCLES = 20_000_000
"""The device sleeps for so long, about 10 ms, while launches queue up."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of a step of `batch` slots through a whole stack."""

    batch: int
    cublas_ms: float
    gemv_ms: float

    @property
    def is_faster(self) -> bool:
        return self.gemv_ms < (1 - _LEAST_GAIN) * self.cublas_ms


def choose(name: str, stack: Stack, fused: FusedStack, num_positions: int, check: Check, clock: Clock) -> FusedStack:
    """Return `fused`, or the fastest `GemvStack` for one slot that passes `check`; the choice is logged."""
    variants = (True, False) if num_positions <= LONGEST_JOINED else (False,)
    best, best_ms = fused, float("inf")
    for joined in variants:
        gemv = GemvStack(stack, num_positions, tiles=fused.tiles, joined=joined)
        what = f"{name} through own products{', attention joined' if joined else ''}"
        try:
            check(gemv)
            timings = time_both(fused, gemv, clock)
        except Exception as error:  # of Triton or CUDA: these kernels are not used
            log.info("%s: not used: %s", what, str(error).partition("\n")[0])
            continue
        faster = timings[-1].is_faster
        gemv.max_batch = max((timing.batch for timing in timings if timing.is_faster), default=0)
        figures = ", ".join(f"{t.batch} x {t.gemv_ms:.3f} ms (cuBLAS {t.cublas_ms:.3f})" for t in timings)
        limit = f"up to {gemv.max_batch} slots" if gemv.max_batch else "not used"
        log.info("%s: %s%s: %s", what, limit, "" if faster else " (slower from there on)", figures)
        if gemv.max_batch and timings[0].gemv_ms < best_ms:
            best, best_ms = gemv, timings[0].gemv_ms
    return best


def time_both(fused: FusedStack, gemv: GemvStack, clock: Clock) -> list[Timing]:
    """Time steps of 1, 2, 4 and 8 slots until `gemv` is no longer faster."""
    timings = []
    for batch in _BATCHES:
        cublas_ms, gemv_ms = (
            clock(step_work(stack, batch, EARLY_POSITION, EARLY_POSITION + 1)) for stack in (fused, gemv)
        )
        timings.append(Timing(batch, cublas_ms, gemv_ms))
        if not timings[-1].is_faster:
            break
    return timings


def step_work(stack: FusedStack, batch: int, position: int, length: int) -> Callable[[], Tensor]:
    """A step of `batch` slots at `position` of caches of `length` rows; all slots and layers share one cache."""
    rows, kv = stack.example(batch, 1)
    layers, _, _, kv_heads, _, dim = kv.shape
    shared = kv.new_zeros(1, 2, 1, kv_heads, length, dim).expand(layers, -1, batch, -1, -1, -1)
    starts = torch.full((batch,), position, device=rows.device)
    return lambda: stack(rows, starts, shared)


@torch.inference_mode()
def device_ms(work: Callable[[], object]) -> float:
    """A `Clock` of the current CUDA device: the least of three, without the time that Python takes to launch."""
    cuda: Any = torch.cuda
    work()
    cuda.synchronize()
    times: list[float] = []
    cycles = _FIRST_CYCLES
    while len(times) < _TIMINGS:
        start, end = (cuda.Event(enable_timing=True) for _ in range(2))
        cuda._sleep(cycles)
        start.record()
        work()
        end.record()
        is_late = start.query()  # the device waited for launches
        cuda.synchronize()
        if not is_late:
            times.append(start.elapsed_time(end))
        elif cycles < 64 * _FIRST_CYCLES:
            cycles *= 2
        else:
            raise RuntimeError("launches take too long to time kernels")
    return min(times)
