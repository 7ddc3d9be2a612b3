"""Transfers between host and GPU through page-locked memory, and timing by the device's clock.

In: arrays for a graph, or a computed tensor. Out: tensors at a fixed address on the device, or a host array that the
caller owns. Knows no graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


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


class Event(Protocol):
    """A point in a stream, as `torch.cuda.Event`."""

    def record(self) -> None: ...

    def synchronize(self) -> None: ...


class HostCopy:
    """A result on its way to the host."""

    def __init__(self, target: Tensor, copied: Event | None) -> None:
        self._target = target
        self._copied = copied
        self._array: npt.NDArray[Any] | None = None

    def read(self) -> npt.NDArray[Any]:
        """Wait for this result, but for nothing launched after it, and return an array that the caller owns."""
        if self._array is None:
            if self._copied is not None:
                self._copied.synchronize()
            self._array = np.array(self._target.numpy())
        return self._array


class PinnedResultBuffer:
    """Host memory for the results of one stream; page-locked for a GPU and allocated once: pinning per step costs 9 ms.

    `new_event` creates the event that ends a copy; None: the device computes synchronously.
    """

    def __init__(self, num_bytes: int, *, pinned: bool, new_event: Callable[[], Event] | None = None) -> None:
        self._memory = torch.empty(num_bytes, dtype=torch.uint8, pin_memory=pinned)
        self._copied = None if new_event is None else new_event()
        self._latest: HostCopy | None = None

    def start(self, result: Tensor) -> HostCopy:
        """Copy `result` to the host after what the current stream has to do; the next call may overwrite `result`.

        The memory holds one result: one that was not read yet is read first. Larger results are copied unpinned.
        """
        if self._latest is not None:
            self._latest.read()
        if result.nbytes > len(self._memory):
            target = torch.empty(result.shape, dtype=result.dtype)
        else:
            target = self._memory[: result.nbytes].view(result.dtype).view(result.shape)
        target.copy_(result, non_blocking=True)
        if self._copied is not None:
            self._copied.record()
        self._latest = HostCopy(target, self._copied)
        return self._latest

    def fetch(self, result: Tensor) -> npt.NDArray[Any]:
        """Wait for the device and return a copy of `result`."""
        return self.start(result).read()
