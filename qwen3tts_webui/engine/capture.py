"""CUDA's own capture of graphs: all on one stream, into one pool, without getting in the way of other threads.

In: work on fixed buffers. Out: something that repeats it. Knows no model. `cuda` is handed in, so that a test can
record which stream, device and pool each call used where there is no GPU.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

DEVICE_LOCK = threading.Lock()
"""Held while a graph is captured and while a model is loaded: the two must not meet, also those of two engines."""


class CudaCapture:
    """Captures graphs into one shared pool; they must be replayed one after the other, on one stream.

    A stream of its own for each capture would cost a cuBLAS workspace each (32 MiB), and destroying one graph could
    clear the workspace of another (pytorch issue 193402). Mode "thread_local": what other threads do with CUDA
    meanwhile does not break the capture.
    """

    def __init__(self, device: torch.device, cuda: Any = torch.cuda) -> None:
        self._cuda = cuda
        self._device = device
        cuda.set_device(device)
        self._pool = cuda.graph_pool_handle()
        self._stream = cuda.Stream(device)

    def __call__(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        cuda = self._cuda
        with DEVICE_LOCK, no_garbage_collection():
            self._stream.wait_stream(cuda.current_stream())
            with cuda.stream(self._stream):
                work()  # libraries set themselves up on first use, which may not happen inside a capture
                self._stream.synchronize()
                graph = cuda.CUDAGraph()
                graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
                try:
                    result = work()
                except BaseException:
                    self._abandon(graph)
                    raise
                graph.capture_end()
            cuda.current_stream().wait_stream(self._stream)

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay

    def _abandon(self, graph: Any) -> None:
        """End a capture that failed; torch (2.11) would leave its allocator capturing."""
        with contextlib.suppress(RuntimeError):
            graph.capture_end()
            return
        with contextlib.suppress(RuntimeError, AttributeError):
            torch._C._cuda_endAllocateToPool(self._device.index or 0, self._pool)


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """A tensor or graph that is collected during a capture would break it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
