"""Results leave through memory that is taken in turn; what the device took reaches the listener's timings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qwen3tts_webui.engine.cuda_graph_runner import GraphRunner
from qwen3tts_webui.engine.host_transfer import CudaWatch, ResultRing
from qwen3tts_webui.model import Qwen3TTS
from tests.support.engine import KV_LENGTH, LONG, PLAIN, Stage


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)


def test_results_are_copies_of_any_shape_and_type(device: torch.device) -> None:
    ring = ResultRing(1_000, pinned=device.type == "cuda")
    shapes = [(3, 17), (1,), (2, 40), (1, 5)] * 5  # many times around
    for dtype in (torch.int64, torch.float32, torch.bool):
        values = [torch.randint(0, 2 if dtype == torch.bool else 99, shape).to(device, dtype) for shape in shapes]
        arrays = [ring.fetch(value) for value in values]
        for value, array in zip(values, arrays, strict=True):
            np.testing.assert_array_equal(array, value.cpu().numpy())


def test_a_result_does_not_change_when_the_next_ones_come() -> None:
    ring = ResultRing(256, pinned=False)
    kept = ring.fetch(torch.arange(32.0))
    for _ in range(10):
        ring.fetch(torch.zeros(32))
    assert kept.tolist() == list(range(32))


def test_what_is_larger_than_the_memory_comes_all_the_same(device: torch.device) -> None:
    ring = ResultRing(64, pinned=device.type == "cuda")
    value = torch.arange(1_000.0)
    array = ring.fetch(value.to(device))
    value.zero_()
    assert array.tolist() == list(range(1_000))


class Ticks:
    """A watch whose device took 5 ms for the first work, 6 ms for the second, ..."""

    def __init__(self) -> None:
        self.count = 4

    def start(self) -> None:
        self.count += 1

    def stop(self) -> None:
        pass

    def seconds(self) -> float:
        return self.count / 1e3


def test_the_timings_are_the_devices_own_where_it_has_a_clock(model: Qwen3TTS) -> None:
    runner = GraphRunner(model, slots=2, kv_length=KV_LENGTH, capture=lambda work: work, watch=Ticks())
    runner.prepare()
    playing = Stage(runner)
    listener = playing.ask(PLAIN)
    playing.run()
    assert listener.spoken is not None
    timings = listener.spoken.timings
    assert (timings.prefill_ms, timings.codec_ms) == (5.0, 6.0)
    assert timings.first_pcm_ms == 0.0  # what is counted from the asking is the host's


def test_what_no_graph_did_is_timed_by_the_host(model: Qwen3TTS) -> None:
    runner = GraphRunner(model, slots=2, kv_length=KV_LENGTH, capture=lambda work: work, watch=Ticks())
    playing = Stage(runner)
    listener = playing.ask(LONG)
    playing.run()
    assert listener.spoken is not None
    assert (listener.spoken.timings.prefill_ms, listener.spoken.timings.codec_ms) == (0.0, 0.0)


@pytest.mark.gpu
def test_cuda_events_tell_how_long_work_took() -> None:
    watch = CudaWatch()
    x = torch.randn(4_096, 4_096, device="cuda")
    watch.start()
    for _ in range(10):
        x = x @ x
    watch.stop()
    torch.cuda.synchronize()
    assert 0 < watch.seconds() < 60
