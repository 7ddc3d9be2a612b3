"""Capture CUDA graphs: all on one stream, into one pool, without blocking other threads.

In: work on fixed buffers. Out: a function that replays it. Knows no model. `cuda` is passed in, so that a test without
a GPU can record the stream, device and pool of each call.
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
"""Held while a graph is captured and while a model is loaded: they must not overlap, even across engines."""


class CudaCapture:
    """Captures graphs into one shared pool; they must be replayed one after the other, on one stream.

    A separate stream per capture would cost a cuBLAS workspace each (32 MiB), and destroying a graph could clear the
    workspace of another (pytorch issue 193402). Mode "thread_local": CUDA calls of other threads do not break the
    capture.
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
                work()  # libraries initialize on first use, which is not allowed inside a capture
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
        """End a failed capture; torch (2.11) would leave its allocator capturing."""
        with contextlib.suppress(RuntimeError):
            graph.capture_end()
            return
        with contextlib.suppress(RuntimeError, AttributeError):
            torch._C._cuda_endAllocateToPool(self._device.index or 0, self._pool)


@contextlib.contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Disable garbage collection: collecting a tensor or graph during a capture would break it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
