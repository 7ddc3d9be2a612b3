"""An error ends the utterance that caused it; the others still match the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from qwen3tts_webui.engine.cuda_graph_runner import CudaGraphRunner
from qwen3tts_webui.engine.model_runner import FrameRows, ModelRunner, SlotAssignment, Waveforms
from qwen3tts_webui.errors import NumericalError, OutOfMemory, SynthesisError
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.model.cpu.jit import numba_available
from qwen3tts_webui.model.sampling import SamplingBounds
from qwen3tts_webui.types import Pcm
from tests.support.engine import (
    GREEDY,
    KV_LENGTH,
    LONG,
    PLAIN,
    CoreHarness,
    RecordingSink,
    assert_matches_reference,
    core_harness,
)

pytestmark = pytest.mark.usefixtures("either_order")

CROWD = (LONG, replace(LONG, seed=6), GREEDY)


class Fault(RuntimeError):
    pass


@contextmanager
def breaking(module: nn.Module, when: Callable[[int], bool], error: type[Exception] = Fault) -> Iterator[list[int]]:
    """`module` raises in the calls, counted from 0, for which `when` returns True."""
    calls = [0]

    def hook(_module: nn.Module, _inputs: Any) -> None:
        calls[0] += 1
        if when(calls[0] - 1):
            raise error

    handle = module.register_forward_pre_hook(hook)
    try:
        yield calls
    finally:
        handle.remove()


class FaultyRunner(ModelRunner):
    """Raises in the prefill or decode of the seed in `poison_prefill` or `poison_decode`."""

    poison_prefill: int | None = None
    poison_decode: int | None = None

    def prefill(self, group: Sequence[SlotAssignment], bounds: SamplingBounds) -> FrameRows:
        rows = super().prefill(group, bounds)  # the fault comes after the state has changed
        if any(assignment.seed == self.poison_prefill for assignment in group):
            raise Fault
        return rows

    def decode(self, slots: Sequence[int], frames: np.ndarray) -> Waveforms:
        sounds = super().decode(slots, frames)
        if any(int(self.state.seed[slot]) == self.poison_decode for slot in slots):
            raise Fault
        return sounds


def faulty(model: Qwen3TTS) -> tuple[CoreHarness, FaultyRunner]:
    runner = FaultyRunner(model, slots=4, kv_length=KV_LENGTH)
    return CoreHarness(runner), runner


def crowd(harness: CoreHarness) -> list[RecordingSink]:
    return [harness.submit(utterance) for utterance in CROWD]


def assert_crowd_matches_reference(model: Qwen3TTS, sinks: list[RecordingSink]) -> None:
    for utterance, sink in zip(CROWD, sinks, strict=True):
        assert_matches_reference(model, utterance, sink)


@pytest.mark.parametrize("place", ["poison_prefill", "poison_decode"])
@pytest.mark.parametrize("turns", [0, 2])
def test_a_fault_ends_its_own_utterance(model: Qwen3TTS, place: str, turns: int) -> None:
    harness, runner = faulty(model)
    setattr(runner, place, 66)
    sinks = crowd(harness)
    harness.run(turns)
    broken = harness.submit(replace(PLAIN, seed=66))
    harness.run()
    assert isinstance(broken.error, SynthesisError) and broken.num_endings == 1
    assert isinstance(broken.error.__cause__, Fault)
    assert_crowd_matches_reference(model, sinks)
    harness.assert_empty()


def test_a_slot_is_usable_after_a_fault(model: Qwen3TTS) -> None:
    harness, runner = faulty(model)
    runner.poison_prefill = 66
    harness.submit(replace(PLAIN, seed=66))
    harness.run()
    sink = harness.submit(LONG)
    harness.run()
    assert_matches_reference(model, LONG, sink)


def crowd_and_newest(model: Qwen3TTS) -> tuple[CoreHarness, list[RecordingSink], RecordingSink]:
    """Running sequences, and a newer one."""
    harness = core_harness(model)
    sinks = crowd(harness)
    harness.clock.now += 0.001
    harness.run(2)
    newest = harness.submit(replace(LONG, seed=8))
    harness.clock.now += 0.001
    harness.run(2)
    return harness, sinks, newest


@pytest.fixture
def by_layers(model: Qwen3TTS, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps run layer by layer, as on a GPU, so that a layer can fail."""
    for stack in (model.talker.model, model.talker.code_predictor.model):
        monkeypatch.setattr(stack, "steps", None)


@pytest.mark.skipif(not numba_available(), reason="numba is not installed")
@pytest.mark.parametrize("part", ["talker", "predictor"])
def test_a_compiled_step_that_fails_ends_the_newest(
    model: Qwen3TTS, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness, sinks, newest = crowd_and_newest(model)
    stack = model.talker.model if part == "talker" else model.talker.code_predictor.model
    compute = stack.steps
    assert compute is not None

    def fail_once(*args: Any) -> torch.Tensor:
        monkeypatch.setattr(stack, "steps", compute)
        compute(*args)
        raise Fault

    monkeypatch.setattr(stack, "steps", fail_once)
    harness.run(1)
    assert newest.error is not None
    harness.run()
    assert_crowd_matches_reference(model, sinks)
    harness.assert_empty()


@pytest.mark.usefixtures("by_layers")
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("part", ["talker", "predictor"])
def test_a_step_that_fails_midway_ends_the_newest(model: Qwen3TTS, part: str, layer: int) -> None:
    harness, sinks, newest = crowd_and_newest(model)
    stack = model.talker.model if part == "talker" else model.talker.code_predictor.model
    with breaking(stack.layers[layer], lambda call: call == 0):
        harness.run(1)
    assert newest.error is not None
    harness.run()
    assert_crowd_matches_reference(model, sinks)
    harness.assert_empty()


def test_after_a_codec_fault_each_sequence_is_decoded_again(model: Qwen3TTS) -> None:
    harness = core_harness(model)
    sinks = crowd(harness)
    harness.run(3)
    with breaking(model.codec.decoder[1], lambda call: call == 0) as calls:
        harness.run()
    assert calls[0] > 1
    assert_crowd_matches_reference(model, sinks)


def test_a_codec_fault_in_a_single_sequence_ends_it(model: Qwen3TTS) -> None:
    harness = core_harness(model)
    sink = harness.submit(LONG)
    harness.run(2)
    with breaking(model.codec.decoder[1], lambda call: call == 0):
        harness.run()
    assert isinstance(sink.error, SynthesisError)
    harness.assert_empty()


@pytest.mark.usefixtures("by_layers")
@pytest.mark.parametrize("method", ["put", "finish", "fail"])
def test_a_sink_that_raises_ends_its_own_utterance(model: Qwen3TTS, method: str) -> None:
    class Broken(RecordingSink):
        def put(self, pcm: Pcm) -> None:
            if method == "put" and self.packets:
                raise ConnectionError
            super().put(pcm)

        def finish(self, result: Any) -> None:
            super().finish(result)
            if method == "finish":
                raise ConnectionError

        def fail(self, error: Exception) -> None:
            super().fail(error)
            raise ConnectionError

    harness = core_harness(model)
    sinks = crowd(harness)
    harness.run(1)
    harness.clock.now += 0.001
    broken = harness.submit(replace(LONG, seed=12), Broken())
    harness.run(1)
    if method == "fail":
        with breaking(model.talker.model.layers[0], lambda call: call == 0):
            harness.run(1)
    harness.run()
    assert broken.num_endings == 1
    assert_crowd_matches_reference(model, sinks)
    harness.assert_empty()


@pytest.mark.usefixtures("by_layers")
@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_out_of_memory_ends_the_newest(model: Qwen3TTS, error: type[Exception]) -> None:
    harness = core_harness(model)
    sinks = crowd(harness)
    harness.run(1)
    harness.clock.now += 0.001
    newest = harness.submit(replace(LONG, seed=8))
    harness.run(1)
    with breaking(model.talker.model.layers[1], lambda call: call == 0, error):
        harness.run(1)
    assert isinstance(newest.error, OutOfMemory)
    harness.run()
    assert_crowd_matches_reference(model, sinks)


def test_a_batch_too_large_for_the_memory_is_prefilled_individually(model: Qwen3TTS) -> None:
    harness = core_harness(model)
    sinks = crowd(harness)
    with breaking(model.talker.model.layers[0], lambda call: call == 0, MemoryError):
        harness.run()
    assert_crowd_matches_reference(model, sinks)


def test_nan_in_the_logits_ends_its_own_utterance(model: Qwen3TTS) -> None:
    harness = core_harness(model)
    sinks = crowd(harness)
    broken = harness.submit(replace(LONG, seed=8))
    harness.run(2)
    slot = next(slot for slot, sequence in enumerate(harness.core.running) if sequence.sink is broken)
    harness.runner.state.last_frame_embedding[slot] = torch.nan
    harness.run()
    assert isinstance(broken.error, NumericalError)
    assert broken.error.params == {"where": "logits", "dtype": "float32"}
    assert harness.core.num_invalid == 1 and not harness.core.retryable
    assert_crowd_matches_reference(model, sinks)
    after = harness.submit(LONG)  # the slot was cleared
    harness.run()
    assert_matches_reference(model, LONG, after)


def test_nan_in_the_audio_ends_its_own_utterance(model: Qwen3TTS) -> None:
    harness = core_harness(model)
    sinks = crowd(harness)
    broken = harness.submit(replace(LONG, seed=12))
    harness.run(2)
    slot = next(slot for slot, sequence in enumerate(harness.core.running) if sequence.sink is broken)
    for context in harness.runner.codec_state.contexts:
        context[slot] = torch.nan
    harness.run()
    assert isinstance(broken.error, NumericalError) and broken.error.params["where"] == "sound"
    assert_crowd_matches_reference(model, sinks)


def test_without_graphs_the_eager_twin_runs(model: Qwen3TTS) -> None:
    captured: list[int] = []

    def capture(work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        if len(captured) == 3:
            raise RuntimeError("no memory for another graph")
        captured.append(1)
        return work

    runner = CudaGraphRunner(model, slots=4, kv_length=KV_LENGTH, capture=capture)
    runner.prepare()
    assert runner.num_graphs == 3
    harness = CoreHarness(runner)
    sinks = crowd(harness)
    harness.run()
    assert_crowd_matches_reference(model, sinks)
