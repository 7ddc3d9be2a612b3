"""Time the ways to compute the same, on the shapes and the processor at hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

_FAR_BEHIND = 3
_MORE_THAN_CACHES = 96 << 20


def time_candidates(
    candidates: dict[str, Callable[[], Any]], *, runs: int = 5, evict: bool = False
) -> dict[str, float]:
    """The shortest time of each in milliseconds, of `runs` after one that is not counted.

    Candidates that are far slower are not run again.

    `evict`: empty the caches before each run, as the steps of a model that is larger than they are find them empty.
    """
    least = dict.fromkeys(candidates, float("inf"))
    other = torch.zeros(_MORE_THAN_CACHES if evict else 0, dtype=torch.uint8)
    for run in range(runs + 1):
        best = min(least.values())
        for name, work in candidates.items():
            if run > 1 and least[name] > _FAR_BEHIND * best:
                continue
            other += 1
            started = time.perf_counter()
            work()
            if run:
                least[name] = min(least[name], 1000 * (time.perf_counter() - started))
    return least
