"""Transfers between host and GPU through page-locked memory, and timing by the device's clock.

In: arrays for a graph, or a computed tensor. Out: tensors at a fixed address on the device, or a host array that the
caller owns. Knows no graph.
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


class Timer(Protocol):
    """Times what is launched between `start` and `stop`."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def seconds(self) -> float:
        """Return the time between the two on the device's clock; only once the work is known to be complete."""
        ...


class CudaTimer:
    """A pair of CUDA events."""

    def __init__(self) -> None:
        self._start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        self._end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]

    def start(self) -> None:
        self._start.record()

    def stop(self) -> None:
        self._end.record()

    def seconds(self) -> float:
        return float(self._start.elapsed_time(self._end)) / 1e3


class InputBuffer:
    """Integers at a fixed address on the device, transferred in one copy. `views`: one int64 tensor per shape."""

    def __init__(self, shapes: Sequence[Sequence[int]], device: torch.device, *, pinned: bool) -> None:
        sizes = [math.prod(shape) for shape in shapes]
        self._host = torch.zeros(sum(sizes), dtype=torch.int64, pin_memory=pinned)
        self._device = torch.zeros(sum(sizes), dtype=torch.int64, device=device)
        parts = torch.split(self._device, sizes)
        self.views = tuple(part.view(tuple(shape)) for part, shape in zip(parts, shapes, strict=True))

    def fill(self, values: Sequence[npt.NDArray[np.int64]]) -> None:
        """Copy `values`, one array per view, to the device. The previous copy must have completed."""
        np.concatenate([value.reshape(-1) for value in values], out=self._host.numpy())
        self._device.copy_(self._host, non_blocking=True)


class PinnedResultBuffer:
    """A ring of host memory for results; page-locked for a GPU and allocated once: pinning per step costs 9 ms."""

    def __init__(self, num_bytes: int, *, pinned: bool) -> None:
        self._memory = torch.empty(-(-num_bytes // _ALIGNMENT) * _ALIGNMENT, dtype=torch.uint8, pin_memory=pinned)
        self._next = 0

    def fetch(self, result: Tensor) -> npt.NDArray[Any]:
        """Wait for the device and return a copy of `result`. Results larger than the buffer are copied unpinned."""
        size = -(-result.nbytes // _ALIGNMENT) * _ALIGNMENT
        if size > len(self._memory):
            return np.array(result.cpu().numpy())
        start = self._next if self._next + size <= len(self._memory) else 0
        self._next = start + size
        target = self._memory[start : start + result.nbytes].view(result.dtype).view(result.shape)
        target.copy_(result, non_blocking=True)
        if result.is_cuda:
            torch.cuda.current_stream(result.device).synchronize()
        return np.array(target.numpy())
