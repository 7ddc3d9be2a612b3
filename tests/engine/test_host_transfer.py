"""Results are copied through page-locked memory, and timings come from the device's clock."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qwen3tts_webui.engine.cuda_graph_runner import CudaGraphRunner
from qwen3tts_webui.engine.host_transfer import CudaTimer, PinnedResultBuffer
from qwen3tts_webui.model import Qwen3TTS
from tests.support.engine import KV_LENGTH, LONG, PLAIN, CoreHarness
from tests.support.fake_cuda import FakeCuda


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)


def test_results_are_copies_of_any_shape_and_dtype(device: torch.device) -> None:
    buffer = PinnedResultBuffer(1_000, pinned=device.type == "cuda")
    shapes = [(3, 17), (1,), (2, 40), (1, 5)] * 5  # many times around
    for dtype in (torch.int64, torch.float32, torch.bool):
        values = [torch.randint(0, 2 if dtype == torch.bool else 99, shape).to(device, dtype) for shape in shapes]
        arrays = [buffer.fetch(value) for value in values]
        for value, array in zip(values, arrays, strict=True):
            np.testing.assert_array_equal(array, value.cpu().numpy())


def test_a_result_does_not_change_with_later_ones() -> None:
    buffer = PinnedResultBuffer(256, pinned=False)
    kept = buffer.fetch(torch.arange(32.0))
    for _ in range(10):
        buffer.fetch(torch.zeros(32))
    assert kept.tolist() == list(range(32))


def test_a_result_larger_than_the_buffer_is_copied_too(device: torch.device) -> None:
    buffer = PinnedResultBuffer(64, pinned=device.type == "cuda")
    value = torch.arange(1_000.0)
    array = buffer.fetch(value.to(device))
    value.zero_()
    assert array.tolist() == list(range(1_000))


def test_a_result_that_was_not_read_is_kept_and_waits_for_nothing_launched_later() -> None:
    cuda = FakeCuda()
    buffer = PinnedResultBuffer(256, pinned=False, new_event=cuda.Event)
    first = buffer.start(torch.arange(8))
    assert cuda.calls == ["record event 1 on default"]
    second = buffer.start(torch.zeros(8))
    assert cuda.calls[1:] == ["wait for event 1", "record event 1 on default"]
    assert first.read().tolist() == first.read().tolist() == list(range(8))
    assert not second.read().any()
    assert cuda.calls[3:] == ["wait for event 1"]


class CountingTimer:
    """A timer that measures 5 ms for the first work on its stream, 6 ms for the second, ..."""

    def __init__(self) -> None:
        self.count = 4

    def start(self) -> None:
        self.count += 1

    def stop(self) -> None:
        pass

    def seconds(self) -> float:
        return self.count / 1e3


def test_timings_are_those_of_the_device_clock(model: Qwen3TTS) -> None:
    runner = CudaGraphRunner(model, slots=2, kv_length=KV_LENGTH, capture=lambda work: work, new_timer=CountingTimer)
    runner.prepare()
    harness = CoreHarness(runner)
    sink = harness.submit(PLAIN)
    harness.run()
    assert sink.result is not None
    timings = sink.result.timings
    assert (timings.prefill_ms, timings.codec_ms) == (5.0, 5.0)
    assert timings.first_pcm_ms == 0.0  # counted from submission, by the host


def test_work_without_a_graph_is_timed_by_the_host(model: Qwen3TTS) -> None:
    runner = CudaGraphRunner(model, slots=2, kv_length=KV_LENGTH, capture=lambda work: work, new_timer=CountingTimer)
    harness = CoreHarness(runner)
    sink = harness.submit(LONG)
    harness.run()
    assert sink.result is not None
    assert (sink.result.timings.prefill_ms, sink.result.timings.codec_ms) == (0.0, 0.0)


@pytest.mark.gpu
def test_cuda_events_measure_time() -> None:
    timer = CudaTimer()
    x = torch.randn(4_096, 4_096, device="cuda")
    timer.start()
    for _ in range(10):
        x = x @ x
    timer.stop()
    torch.cuda.synchronize()
    assert 0 < timer.seconds() < 60
