"""What goes wrong with one utterance ends that one and no more; the others say what they would have said alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from qwen3tts_webui.engine.cuda_graph_runner import GraphRunner
from qwen3tts_webui.engine.model_runner import Rows, Runner, Seating, Sounds
from qwen3tts_webui.errors import NumericalError, OutOfMemory, SynthesisError
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.model.cpu.jit import numba_available
from qwen3tts_webui.model.sampling import SamplingBounds
from qwen3tts_webui.types import Pcm
from tests.support.engine import GREEDY, KV_LENGTH, LONG, PLAIN, Listener, Stage, assert_as_alone, stage

CROWD = (LONG, replace(LONG, seed=6), GREEDY)


class Fault(RuntimeError):
    pass


@contextmanager
def breaking(module: nn.Module, when: Callable[[int], bool], error: type[Exception] = Fault) -> Iterator[list[int]]:
    """`module` raises in those of its calls, counted from 0, for which `when` says so."""
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


class FaultyRunner(Runner):
    """Raises when it shall read the prompt of, or decode for, the seed in `poison`."""

    poison_prefill: int | None = None
    poison_decode: int | None = None

    def prefill(self, group: Sequence[Seating], reach: SamplingBounds) -> Rows:
        rows = super().prefill(group, reach)  # the fault comes when everything is half done
        if any(seating.seed == self.poison_prefill for seating in group):
            raise Fault
        return rows

    def decode(self, slots: Sequence[int], frames: np.ndarray) -> Sounds:
        sounds = super().decode(slots, frames)
        if any(int(self.state.seed[slot]) == self.poison_decode for slot in slots):
            raise Fault
        return sounds


def faulty(model: Qwen3TTS) -> tuple[Stage, FaultyRunner]:
    runner = FaultyRunner(model, slots=4, kv_length=KV_LENGTH)
    return Stage(runner), runner


def crowd(playing: Stage) -> list[Listener]:
    return [playing.ask(utterance) for utterance in CROWD]


def assert_crowd_as_alone(model: Qwen3TTS, listeners: list[Listener]) -> None:
    for utterance, listener in zip(CROWD, listeners, strict=True):
        assert_as_alone(model, utterance, listener)


@pytest.mark.parametrize("place", ["poison_prefill", "poison_decode"])
@pytest.mark.parametrize("turns", [0, 2])
def test_an_utterance_that_cannot_be_computed_ends_alone(model: Qwen3TTS, place: str, turns: int) -> None:
    playing, runner = faulty(model)
    setattr(runner, place, 66)
    listeners = crowd(playing)
    playing.run(turns)
    broken = playing.ask(replace(PLAIN, seed=66))
    playing.run()
    assert isinstance(broken.error, SynthesisError) and broken.endings == 1
    assert isinstance(broken.error.__cause__, Fault)
    assert_crowd_as_alone(model, listeners)
    playing.assert_empty()


def test_a_slot_is_fit_for_use_after_a_fault(model: Qwen3TTS) -> None:
    playing, runner = faulty(model)
    runner.poison_prefill = 66
    playing.ask(replace(PLAIN, seed=66))
    playing.run()
    listener = playing.ask(LONG)
    playing.run()
    assert_as_alone(model, LONG, listener)


def crowd_and_newest(model: Qwen3TTS) -> tuple[Stage, list[Listener], Listener]:
    """Some who speak already, and one who came after them and speaks too."""
    playing = stage(model)
    listeners = crowd(playing)
    playing.clock.now += 0.001
    playing.run(2)
    newest = playing.ask(replace(LONG, seed=8))
    playing.clock.now += 0.001
    playing.run(2)
    return playing, listeners, newest


@pytest.fixture
def by_layers(model: Qwen3TTS, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps go through the layers one by one, as on a GPU, so that a layer can fail."""
    for stack in (model.talker.model, model.talker.code_predictor.model):
        monkeypatch.setattr(stack, "steps", None)


@pytest.mark.skipif(not numba_available(), reason="numba is not installed")
@pytest.mark.parametrize("part", ["talker", "predictor"])
def test_a_compiled_step_that_fails_ends_the_newest(
    model: Qwen3TTS, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    playing, listeners, newest = crowd_and_newest(model)
    stack = model.talker.model if part == "talker" else model.talker.code_predictor.model
    compute = stack.steps
    assert compute is not None

    def fail_once(*args: Any) -> torch.Tensor:
        monkeypatch.setattr(stack, "steps", compute)
        compute(*args)
        raise Fault

    monkeypatch.setattr(stack, "steps", fail_once)
    playing.run(1)
    assert newest.error is not None
    playing.run()
    assert_crowd_as_alone(model, listeners)
    playing.assert_empty()


@pytest.mark.usefixtures("by_layers")
@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("part", ["talker", "predictor"])
def test_a_step_that_fails_midway_ends_the_newest(model: Qwen3TTS, part: str, layer: int) -> None:
    playing, listeners, newest = crowd_and_newest(model)
    stack = model.talker.model if part == "talker" else model.talker.code_predictor.model
    with breaking(stack.layers[layer], lambda call: call == 0):
        playing.run(1)
    assert newest.error is not None
    playing.run()
    assert_crowd_as_alone(model, listeners)
    playing.assert_empty()


def test_a_codec_that_fails_midway_begins_anew_for_each(model: Qwen3TTS) -> None:
    playing = stage(model)
    listeners = crowd(playing)
    playing.run(3)
    with breaking(model.codec.decoder[1], lambda call: call == 0) as calls:
        playing.run()
    assert calls[0] > 1
    assert_crowd_as_alone(model, listeners)


def test_a_codec_that_fails_for_one_alone_ends_that_one(model: Qwen3TTS) -> None:
    playing = stage(model)
    listener = playing.ask(LONG)
    playing.run(2)
    with breaking(model.codec.decoder[1], lambda call: call == 0):
        playing.run()
    assert isinstance(listener.error, SynthesisError)
    playing.assert_empty()


@pytest.mark.usefixtures("by_layers")
@pytest.mark.parametrize("method", ["put", "finish", "fail"])
def test_a_sink_that_raises_ends_its_own_utterance(model: Qwen3TTS, method: str) -> None:
    class Broken(Listener):
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

    playing = stage(model)
    listeners = crowd(playing)
    playing.run(1)
    playing.clock.now += 0.001
    broken = playing.ask(replace(LONG, seed=12), Broken())
    playing.run(1)
    if method == "fail":
        with breaking(model.talker.model.layers[0], lambda call: call == 0):
            playing.run(1)
    playing.run()
    assert broken.endings == 1
    assert_crowd_as_alone(model, listeners)
    playing.assert_empty()


@pytest.mark.usefixtures("by_layers")
@pytest.mark.parametrize("error", [MemoryError, torch.OutOfMemoryError])
def test_out_of_memory_ends_the_newest(model: Qwen3TTS, error: type[Exception]) -> None:
    playing = stage(model)
    listeners = crowd(playing)
    playing.run(1)
    playing.clock.now += 0.001
    newest = playing.ask(replace(LONG, seed=8))
    playing.run(1)
    with breaking(model.talker.model.layers[1], lambda call: call == 0, error):
        playing.run(1)
    assert isinstance(newest.error, OutOfMemory)
    playing.run()
    assert_crowd_as_alone(model, listeners)


def test_a_prompt_too_many_for_the_memory_is_tried_alone(model: Qwen3TTS) -> None:
    playing = stage(model)
    listeners = crowd(playing)
    with breaking(model.talker.model.layers[0], lambda call: call == 0, MemoryError):
        playing.run()
    assert_crowd_as_alone(model, listeners)


def test_nan_in_the_scores_ends_that_one(model: Qwen3TTS) -> None:
    playing = stage(model)
    listeners = crowd(playing)
    broken = playing.ask(replace(LONG, seed=8))
    playing.run(2)
    slot = next(slot for slot, seat in enumerate(playing.floor.speakers) if seat.sink is broken)
    playing.runner.state.last_frame_embedding[slot] = torch.nan
    playing.run()
    assert isinstance(broken.error, NumericalError)
    assert broken.error.params == {"where": "logits", "dtype": "float32"}
    assert playing.floor.overflows == 1 and not playing.floor.unheard
    assert_crowd_as_alone(model, listeners)
    after = playing.ask(LONG)  # the slot is clean again
    playing.run()
    assert_as_alone(model, LONG, after)


def test_nan_in_the_sound_ends_that_one(model: Qwen3TTS) -> None:
    playing = stage(model)
    listeners = crowd(playing)
    broken = playing.ask(replace(LONG, seed=12))
    playing.run(2)
    slot = next(slot for slot, seat in enumerate(playing.floor.speakers) if seat.sink is broken)
    for context in playing.runner.sound.contexts:
        context[slot] = torch.nan
    playing.run()
    assert isinstance(broken.error, NumericalError) and broken.error.params["where"] == "sound"
    assert_crowd_as_alone(model, listeners)


def test_graphs_that_cannot_be_captured_leave_the_eager_twin(model: Qwen3TTS) -> None:
    captured: list[int] = []

    def capture(work: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
        if len(captured) == 3:
            raise RuntimeError("no memory for another graph")
        captured.append(1)
        return work

    runner = GraphRunner(model, slots=4, kv_length=KV_LENGTH, capture=capture)
    runner.prepare()
    assert runner.num_graphs == 3
    playing = Stage(runner)
    listeners = crowd(playing)
    playing.run()
    assert_crowd_as_alone(model, listeners)
