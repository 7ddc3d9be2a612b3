"""Capture CUDA graphs without blocking other threads, and the stream on which the codec runs next to the decode steps.

In: work on fixed buffers. Out: a function that replays it. Knows no model. `cuda` is passed in, so that a test without
a GPU can record the stream, device and pool of each call.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

DEVICE_LOCK = threading.Lock()
"""Held while a graph is captured and while a model is loaded: they must not overlap, even across engines."""


class CudaCapture:
    """Captures graphs into one shared pool; they must be replayed one after the other, on one stream.

    They are captured on `stream`, by default a new one. A stream for each capture would cost a cuBLAS workspace each
    (32 MiB), and destroying a graph could clear the workspace of another (pytorch issue 193402). Mode "thread_local":
    CUDA calls of other threads do not break the capture.
    """

    def __init__(self, device: torch.device, cuda: Any = torch.cuda, *, stream: Any = None) -> None:
        self._cuda = cuda
        self._device = device
        cuda.set_device(device)
        self._pool = cuda.graph_pool_handle()
        self._stream = cuda.Stream(device) if stream is None else stream

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


class CodecStream:
    """A CUDA stream of high priority where packets are decoded while the next frame is computed on the current stream.

    Everything that touches the codec's state must `run` here, in the order of the calls. `capture` captures its graphs
    on the same stream, which gives them its priority, into a pool of their own: graphs that share memory or a cuBLAS
    workspace must not run at the same time.
    """

    def __init__(self, device: torch.device, cuda: Any = torch.cuda) -> None:
        self._cuda = cuda
        self._stream = cuda.Stream(device, priority=-1)
        self.capture: Callable[[Callable[[], Tensor]], Callable[[], Tensor]]
        self.capture = CudaCapture(device, cuda, stream=self._stream)

    def run(self, work: Callable[[], T]) -> T:
        """Call `work`, which launches on this stream, and return its result."""
        with self._cuda.stream(self._stream):
            return work()

    def wait_for_current(self) -> None:
        """Let what is launched here from now on wait for all that was launched on the current stream."""
        self._stream.wait_stream(self._cuda.current_stream())

    def synchronize(self) -> None:
        """Wait for all that was launched here."""
        self._stream.synchronize()

    def new_event(self) -> Any:
        """Return an event, to be recorded on the stream that is current then."""
        return self._cuda.Event()


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
