"""Replayed graphs against their eager twin. The capture is eager here, so everything but CUDA's own is proven anywhere;
the same tests run with CUDA's capture where there is a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from qwen3tts_webui.engine.capture import CudaCapture
from qwen3tts_webui.engine.cuda_graph_runner import Capture, GraphRunner, Shape
from qwen3tts_webui.engine.model_runner import Runner
from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.types import AcousticPrompt, Sampling, Utterance, Voice
from tests.support.engine import (
    CHECKPOINT,
    GREEDY,
    KV_LENGTH,
    LONG,
    PLAIN,
    Listener,
    Stage,
    alone,
    assert_as_alone,
    stage,
)


def run_again(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """What a captured graph does, without the capture: the same work on the same buffers."""
    return work


def run_first(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """As `run_again`, and as CUDA's capture does: the work runs once before, so that libraries set themselves up."""
    work()
    return work


class GivesUp:
    """A capture that works `count` times."""

    def __init__(self, capture: Capture, count: int) -> None:
        self._capture = capture
        self._left = count

    def __call__(self, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        if not self._left:
            raise RuntimeError("no memory for another graph")
        self._left -= 1
        return self._capture(work)


@pytest.fixture(params=["eager", pytest.param("cuda", marks=pytest.mark.gpu)])
def graphs(request: pytest.FixtureRequest, model: Qwen3TTS) -> Iterator[tuple[Qwen3TTS, Capture]]:
    if request.param == "eager":
        yield model, run_again
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False  # the twin is compared to 1e-5
    yield load_model(CHECKPOINT, device="cuda", dtype="float32"), CudaCapture(torch.device("cuda", 0))
    torch.backends.cudnn.allow_tf32 = before


def captured(graphs: tuple[Qwen3TTS, Capture], *, slots: int = 4, count: int | None = None) -> GraphRunner:
    """A runner with its first `count` graphs, or all."""
    model, capture = graphs
    if count is not None:
        capture = GivesUp(capture, count)
    runner = GraphRunner(model, slots=slots, kv_length=KV_LENGTH, capture=capture)
    runner.prepare()
    return runner


def assert_same(runner: GraphRunner, utterances: list[Utterance], joins: int = 0) -> list[Listener]:
    """Graphs and the twin say the same; `joins` turns lie between one newcomer and the next."""
    heard: list[list[Listener]] = []
    for playing in (Stage(runner), stage(runner.model, runner.slots)):
        listeners = []
        for utterance in utterances:
            listeners.append(playing.ask(utterance))
            playing.run(joins)
        playing.run()
        playing.assert_empty()
        heard.append(listeners)
    for ours, theirs in zip(*heard, strict=True):
        assert ours.spoken is not None and theirs.spoken is not None
        assert ours.spoken.codes is not None and theirs.spoken.codes is not None
        assert ours.spoken.codes.tolist() == theirs.spoken.codes.tolist()
        assert ours.frames == theirs.frames
        torch.testing.assert_close(torch.from_numpy(ours.sound), torch.from_numpy(theirs.sound), atol=1e-5, rtol=0)
    return heard[0]


class Spy:
    """Counts what ran in a graph and what ran eagerly."""

    def __init__(self, runner: GraphRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kinds: list[str] = []
        find = runner._find

        def counting(kind: str, *args: object) -> object:
            found = find(kind, *args)  # type: ignore[arg-type]
            self.kinds.append(kind if found is not None else f"eager {kind}")
            return found

        monkeypatch.setattr(runner, "_find", counting)


@pytest.mark.parametrize("joins", [0, 1])
def test_any_batch_says_the_same(graphs: tuple[Qwen3TTS, Capture], joins: int, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = captured(graphs)
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [PLAIN, LONG, GREEDY, replace(LONG, seed=7), replace(PLAIN, seed=8)], joins)
    assert set(spy.kinds) == {"prompt", "step", "packet"}


def test_three_are_padded_to_four(graphs: tuple[Qwen3TTS, Capture]) -> None:
    runner = captured(graphs)
    found = runner._find("step", 3, 40, runner._any)
    assert found is not None and found[0] == Shape("step", 4, KV_LENGTH, any_rule=True)
    assert_same(runner, [PLAIN, LONG, GREEDY])


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(top_k=0),
        Sampling(top_p=0.7),
        Sampling(subtalker_top_k=0, subtalker_top_p=0.9),
        Sampling(temperature=1.4, top_k=3, repetition_penalty=1.5),
    ],
)
def test_rare_rules_have_graphs_of_their_own(graphs: tuple[Qwen3TTS, Capture], sampling: Sampling) -> None:
    assert_same(captured(graphs), [replace(LONG, sampling=sampling), PLAIN])


def test_what_is_not_captured_yet_is_done_by_the_twin(
    graphs: tuple[Qwen3TTS, Capture], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = captured(graphs, count=2)  # the first are steps of one utterance
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [LONG])
    assert {"eager prompt", "step", "eager packet"} <= set(spy.kinds)


def test_everything_is_captured_before_the_first_listener(graphs: tuple[Qwen3TTS, Capture]) -> None:
    """A capture runs its work on the real state; what speaks afterwards must not notice."""
    model, capture = graphs
    runner = captured((model, run_first if capture is run_again else capture))
    assert_same(runner, [LONG, PLAIN])
    assert set(runner._graphs) == set(runner.shapes())
    assert {shape.batch for shape in runner._graphs} == {1, 2, 4}


def test_one_graph_a_batch_where_a_step_reads_the_rows_that_are_there(model: Qwen3TTS) -> None:
    """Fused steps ignore the length they were captured for: several would be the same graph."""
    runner = GraphRunner(model, slots=4, kv_length=512, capture=run_again)
    layers = [shape for shape in runner.shapes() if shape.kind == "step"]
    assert {shape.length for shape in layers} == ({512} if model.talker.model.steps else {256, 512})
    for steps, lengths in ((lambda *_: torch.empty(0), {512}), (None, {256, 512})):
        stack = model.talker.model
        before, stack.steps = stack.steps, steps
        try:
            shapes = [shape for shape in runner.shapes() if shape.kind == "step"]
        finally:
            stack.steps = before
        assert {shape.length for shape in shapes} == lengths
        assert len(shapes) == len(set(shapes))


def test_long_prompts_have_graphs(graphs: tuple[Qwen3TTS, Capture], monkeypatch: pytest.MonkeyPatch) -> None:
    runner = captured(graphs)
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [replace(LONG, text="One, two. " * 60, max_frames=3), PLAIN])
    assert set(spy.kinds) == {"prompt", "step", "packet"}


def test_a_large_group_is_read_in_halves(graphs: tuple[Qwen3TTS, Capture], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen3tts_webui.engine.cuda_graph_runner.GROUP_ROWS", 64)
    runner = captured(graphs)
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [replace(LONG, seed=seed) for seed in range(4)])
    assert {"eager prompt", "prompt"} <= set(spy.kinds)  # four do not fit, two or one do
    assert spy.kinds.count("prompt") >= 2


def test_leftovers_are_decoded_in_captured_sizes(
    graphs: tuple[Qwen3TTS, Capture], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = captured(graphs)
    sizes: list[int] = []
    find = runner._find

    def noting(kind: str, batch: int, length: int, *rest: object) -> object:
        sizes.extend([length] if kind == "packet" else [])
        return find(kind, batch, length, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "_find", noting)
    frames = np.random.default_rng(0).integers(0, 64, (2, 25, 16))
    runner.sound.reset(slice(None))
    packets = runner.decode([0, 2], frames)
    assert sizes == [8, 8, 8, 1]
    twin = Runner(runner.model, slots=4, kv_length=KV_LENGTH)
    whole = twin.decode([0, 2], frames)
    np.testing.assert_allclose(packets, whole, atol=1e-5)


def test_a_freed_slot_costs_nothing(model: Qwen3TTS) -> None:
    """The rows of a step loop over what lies before their position: a slot in which nobody speaks stands at 0."""
    playing = stage(model)
    listeners = [playing.ask(utterance) for utterance in (PLAIN, LONG, replace(LONG, seed=7, max_frames=3))]
    playing.run()
    assert all(listener.spoken is not None for listener in listeners)
    assert playing.runner.state.positions.tolist() == [0, 0, 0, 0]


def test_packets_of_odd_sizes(graphs: tuple[Qwen3TTS, Capture]) -> None:
    runner = captured(graphs)
    assert_same(runner, [replace(LONG, frames_per_packet=size) for size in (3, 5, 2, 1)])


def test_a_passage_is_heard_again(graphs: tuple[Qwen3TTS, Capture]) -> None:
    runner = captured(graphs)
    codes = alone(runner.model, LONG).codes
    passage = AcousticPrompt(text=LONG.text, codes=codes)
    going_on = replace(PLAIN, voice=Voice(description=LONG.voice.description, acoustic_prompt=passage))
    (listener,) = assert_same(runner, [going_on])
    if runner.model.device.type == "cpu":
        assert_as_alone(runner.model, going_on, listener)


def test_the_twin_is_a_runner_without_a_scratch_slot(model: Qwen3TTS) -> None:
    assert len(Runner(model, slots=2, kv_length=64).state.done) == 2
    assert len(GraphRunner(model, slots=2, kv_length=64, capture=run_again).state.done) == 3
