"""What `CudaCapture` asks of CUDA, in order: recorded by a stand-in, where there is no GPU."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from qwen3tts_webui.engine.capture import DEVICE_LOCK, CudaCapture

SECOND = torch.device("cuda", 1)


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
        self.num_streams = self.num_pools = 0
        self.broken_end = broken_end

    def set_device(self, device: torch.device) -> None:
        self.calls.append(f"set_device {device}")

    def graph_pool_handle(self) -> str:
        self.num_pools += 1
        return f"pool {self.num_pools}"

    def Stream(self, device: torch.device) -> Stream:
        self.num_streams += 1
        return Stream(self, f"stream {self.num_streams} of {device}")

    def current_stream(self) -> Stream:
        return self.current

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        yield
        self.current = before

    def CUDAGraph(self) -> FakeGraph:
        return FakeGraph(self)


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


def test_every_capture_is_on_one_stream_into_one_pool_of_the_chosen_device() -> None:
    cuda = FakeCuda()
    capture = CudaCapture(SECOND, cuda)
    results = [torch.ones(1), torch.zeros(1)]
    replays = [capture(lambda result=result: cuda.calls.append("work") or result) for result in results]  # type: ignore[misc]
    one = [
        "stream 1 of cuda:1 waits for default",
        "work",  # once before, for what libraries set up on first use
        "synchronize stream 1 of cuda:1",
        "begin on stream 1 of cuda:1 into pool 1, thread_local",
        "work",
        "end",
        "default waits for stream 1 of cuda:1",
    ]
    assert cuda.calls == ["set_device cuda:1", *one, *one]
    assert (cuda.num_streams, cuda.num_pools) == (1, 1)
    assert [replay() for replay in replays] == results
    assert cuda.calls[-2:] == ["replay", "replay"]


def test_captures_and_loads_never_meet() -> None:
    seen: list[bool] = []
    CudaCapture(SECOND, FakeCuda())(lambda: seen.append(DEVICE_LOCK.locked()) or torch.ones(1))  # type: ignore[func-returns-value]
    assert seen == [True, True] and not DEVICE_LOCK.locked()


def test_a_capture_waits_while_a_model_is_loaded() -> None:
    cuda = FakeCuda()
    capture = CudaCapture(SECOND, cuda)
    DEVICE_LOCK.acquire()
    thread = threading.Thread(target=capture, args=(lambda: torch.ones(1),))
    thread.start()
    try:
        assert cuda.calls == ["set_device cuda:1"]
    finally:
        DEVICE_LOCK.release()
    thread.join(30)
    assert "end" in cuda.calls


def test_nothing_is_collected_during_a_capture() -> None:
    seen: list[bool] = []
    CudaCapture(SECOND, FakeCuda())(lambda: seen.append(gc.isenabled()) or torch.ones(1))  # type: ignore[func-returns-value]
    assert seen == [False, False] and gc.isenabled()


@pytest.mark.parametrize("broken_end", [False, True])
def test_a_capture_that_fails_is_ended_and_the_next_one_works(
    broken_end: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = FakeCuda(broken_end=broken_end)
    freed: list[tuple[Any, ...]] = []
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", lambda *args: freed.append(args), raising=False)
    capture = CudaCapture(SECOND, cuda)
    calls: list[int] = []

    def fails_in_the_capture() -> torch.Tensor:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("operation not permitted when stream is capturing")
        return torch.ones(1)

    with pytest.raises(RuntimeError, match="not permitted"):
        capture(fails_in_the_capture)
    assert cuda.calls[-1] == "end"
    assert freed == ([(1, "pool 1")] if broken_end else [])
    assert not DEVICE_LOCK.locked() and gc.isenabled()
    cuda.broken_end = False
    assert capture(lambda: torch.ones(1))() == 1
