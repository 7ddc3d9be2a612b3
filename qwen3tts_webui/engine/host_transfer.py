"""What goes to a GPU and comes back: through page-locked memory, and how long the device itself took.

In: arrays for a graph, or a tensor that was just computed. Out: tensors at a fixed place on the device, or an array on
the host that belongs to the caller. Knows no graph.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_ALIGNMENT = 64  # bytes


class Watch(Protocol):
    """Times what is launched between `start` and `stop`."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def seconds(self) -> float:
        """Between the two on the device's clock; only once the work is known to be done."""
        ...


class CudaWatch:
    """A pair of CUDA events."""

    def __init__(self) -> None:
        self._began = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        self._ended = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]

    def start(self) -> None:
        self._began.record()

    def stop(self) -> None:
        self._ended.record()

    def seconds(self) -> float:
        return float(self._began.elapsed_time(self._ended)) / 1e3


class InputBuffer:
    """Integers at a fixed place on the device, handed over in one copy. `views`: a tensor of int64 for each shape."""

    def __init__(self, shapes: Sequence[Sequence[int]], device: torch.device, *, pinned: bool) -> None:
        sizes = [math.prod(shape) for shape in shapes]
        self._host = torch.zeros(sum(sizes), dtype=torch.int64, pin_memory=pinned)
        self._device = torch.zeros(sum(sizes), dtype=torch.int64, device=device)
        parts = torch.split(self._device, sizes)
        self.views = tuple(part.view(tuple(shape)) for part, shape in zip(parts, shapes, strict=True))

    def fill(self, values: Sequence[npt.NDArray[np.int64]]) -> None:
        """Copy `values`, one array for each view, to the device. The copy before must have been waited for."""
        np.concatenate([value.reshape(-1) for value in values], out=self._host.numpy())
        self._device.copy_(self._host, non_blocking=True)


class ResultRing:
    """Host memory for results, taken in turn; page-locked for a GPU and allocated once: on the way it costs 9 ms."""

    def __init__(self, num_bytes: int, *, pinned: bool) -> None:
        self._memory = torch.empty(-(-num_bytes // _ALIGNMENT) * _ALIGNMENT, dtype=torch.uint8, pin_memory=pinned)
        self._next = 0

    def fetch(self, result: Tensor) -> npt.NDArray[Any]:
        """A copy of `result` for the caller to keep; waits for the device. What is too large takes the slow way."""
        size = -(-result.nbytes // _ALIGNMENT) * _ALIGNMENT
        if size > len(self._memory):
            return np.array(result.cpu().numpy())
        start = self._next if self._next + size <= len(self._memory) else 0
        self._next = start + size
        place = self._memory[start : start + result.nbytes].view(result.dtype).view(result.shape)
        place.copy_(result, non_blocking=True)
        if result.is_cuda:
            torch.cuda.current_stream(result.device).synchronize()
        return np.array(place.numpy())
