"""Time equivalent implementations on the actual shapes and this processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

_FAR_BEHIND = 3
_MORE_THAN_CACHES = 96 << 20

# the processor time of this thread: other programs, or threads that hold the interpreter, would add to the wall time
_FINE_CLOCK = time.get_clock_info("thread_time").resolution < 1e-5  # not on Windows
_clock = time.thread_time if _FINE_CLOCK else time.perf_counter


def time_candidates(
    candidates: dict[str, Callable[[], Any]], *, runs: int = 5, evict: bool = False
) -> dict[str, float]:
    """Return the shortest of `runs` times of each candidate in milliseconds, after a warm-up run.

    Candidates that are far slower are not run again. With `evict`, the caches are emptied before each run: a model
    larger than the caches never finds its weights in them.
    """
    shortest = dict.fromkeys(candidates, float("inf"))
    eviction_buffer = torch.zeros(_MORE_THAN_CACHES if evict else 0, dtype=torch.uint8)
    for run in range(runs + 1):
        best = min(shortest.values())
        for name, work in candidates.items():
            if run > 1 and shortest[name] > _FAR_BEHIND * best:
                continue
            eviction_buffer += 1
            started = _clock()
            work()
            if run:
                shortest[name] = min(shortest[name], 1000 * (_clock() - started))
    return shortest
