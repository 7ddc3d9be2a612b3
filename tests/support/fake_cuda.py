"""A stand-in for `torch.cuda` where there is no GPU: it records the calls and their streams, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Stream:
    def __init__(self, cuda: FakeCuda, name: str) -> None:
        self.cuda, self.name = cuda, name

    def wait_stream(self, other: Stream) -> None:
        self.cuda.calls.append(f"{self.name} waits for {other.name}")

    def synchronize(self) -> None:
        self.cuda.calls.append(f"synchronize {self.name}")


class FakeCuda:
    """Records every call; `broken_end`: ending a capture fails, as CUDA does after an error in it."""

    def __init__(self, *, broken_end: bool = False) -> None:
        self.calls: list[str] = []
        self.current = Stream(self, "default")
        self.num_streams = self.num_pools = self.num_events = 0
        self.broken_end = broken_end

    def set_device(self, device: torch.device) -> None:
        self.calls.append(f"set_device {device}")

    def graph_pool_handle(self) -> str:
        self.num_pools += 1
        return f"pool {self.num_pools}"

    def Stream(self, device: torch.device, priority: int = 0) -> Stream:
        self.num_streams += 1
        return Stream(self, f"stream {self.num_streams} of {device}" + (f", priority {priority}" if priority else ""))

    def Event(self) -> Event:
        self.num_events += 1
        return Event(self, f"event {self.num_events}")

    def current_stream(self) -> Stream:
        return self.current

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    def CUDAGraph(self) -> FakeGraph:
        return FakeGraph(self)


class Event:
    def __init__(self, cuda: FakeCuda, name: str) -> None:
        self.cuda, self.name = cuda, name

    def record(self) -> None:
        self.cuda.calls.append(f"record {self.name} on {self.cuda.current.name}")

    def synchronize(self) -> None:
        self.cuda.calls.append(f"wait for {self.name}")


class FakeGraph:
    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda = cuda

    def capture_begin(self, *, pool: str, capture_error_mode: str) -> None:
        self.cuda.calls.append(f"begin on {self.cuda.current.name} into {pool}, {capture_error_mode}")

    def capture_end(self) -> None:
        self.cuda.calls.append("end")
        if self.cuda.broken_end:
            raise RuntimeError("the capture was invalidated")

    def replay(self) -> None:
        self.cuda.calls.append("replay")
