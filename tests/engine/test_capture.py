"""What `CudaCapture` asks of CUDA, in order: recorded by a stand-in, where there is no GPU."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
import torch

from qwen3tts_webui.engine.capture import DEVICE_LOCK, CodecStream, CudaCapture
from tests.support.fake_cuda import FakeCuda

SECOND = torch.device("cuda", 1)


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


def test_the_codec_has_a_stream_and_graphs_of_its_own() -> None:
    """Graphs that run at the same time must not share memory, nor the workspace that cuBLAS has for each stream."""
    cuda = FakeCuda()
    capture, codec = CudaCapture(SECOND, cuda), CodecStream(SECOND, cuda)
    for one in (capture, codec.capture):
        one(lambda: torch.ones(1))
    begun = [call for call in cuda.calls if call.startswith("begin")]
    assert begun == [
        "begin on stream 1 of cuda:1 into pool 1, thread_local",
        "begin on stream 2 of cuda:1, priority -1 into pool 2, thread_local",
    ]
    cuda.calls.clear()
    codec.wait_for_current()
    assert codec.run(lambda: cuda.current_stream().name) == "stream 2 of cuda:1, priority -1"
    codec.run(codec.new_event().record)
    codec.synchronize()
    assert cuda.current_stream().name == "default"
    assert cuda.calls == [
        "stream 2 of cuda:1, priority -1 waits for default",
        "record event 1 on stream 2 of cuda:1, priority -1",
        "synchronize stream 2 of cuda:1, priority -1",
    ]
