"""Replayed graphs against their eager twin. The capture is eager here, so everything but CUDA's own is proven anywhere;
the same tests run with CUDA's capture where there is a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from qwen3tts_webui.engine.graphs import Capture, CudaCapture, GraphRunner, Shape
from qwen3tts_webui.engine.runner import Runner
from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.types import AcousticPrompt, Sampling, Utterance, Voice
from tests.engine.speaking import (
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


@pytest.fixture(params=["eager", pytest.param("cuda", marks=pytest.mark.gpu)])
def graphs(request: pytest.FixtureRequest, model: Qwen3TTS) -> Iterator[tuple[Qwen3TTS, Capture]]:
    if request.param == "eager":
        yield model, run_again
    else:
        yield load_model(CHECKPOINT, device="cuda", dtype="float32"), CudaCapture()


def captured(graphs: tuple[Qwen3TTS, Capture], *, slots: int = 4, count: int | None = None) -> GraphRunner:
    """A runner with its first `count` graphs, or all."""
    model, capture = graphs
    runner = GraphRunner(model, slots=slots, kv_length=KV_LENGTH, capture=capture)
    if count is None:
        while runner.improve():
            pass
    else:
        for _ in range(count):
            assert runner.improve()
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
    assert found is not None and found[0] == Shape("step", 4, 256, any_rule=True)
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
    runner = captured(graphs, count=2)  # the first two are steps of one utterance
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [LONG])
    assert {"eager prompt", "step", "eager packet"} <= set(spy.kinds)


def test_the_first_graphs_are_those_of_one_utterance(graphs: tuple[Qwen3TTS, Capture]) -> None:
    model, capture = graphs
    runner = GraphRunner(model, slots=4, kv_length=KV_LENGTH, capture=capture)
    runner.prepare()
    assert {shape.batch for shape in runner._graphs} == {1}
    assert {shape.kind for shape in runner._graphs} == {"step", "prompt", "packet"}
    assert runner.improve()


def test_capturing_goes_on_between_utterances(graphs: tuple[Qwen3TTS, Capture]) -> None:
    """A capture runs its work on the real state; what speaks afterwards must not notice."""
    model, capture = graphs
    capture = run_first if capture is run_again else capture
    runner = captured((model, capture), slots=2, count=0)
    while runner.improve():
        if len(runner._graphs) % 9 == 0:
            playing = Stage(runner)
            listener = playing.ask(LONG)
            playing.run()
            assert listener.spoken is not None and listener.spoken.codes is not None
            assert listener.spoken.codes.tolist() == alone(runner.model, LONG).codes.tolist()


def test_a_prompt_longer_than_any_graph(graphs: tuple[Qwen3TTS, Capture], monkeypatch: pytest.MonkeyPatch) -> None:
    runner = captured(graphs)
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [replace(LONG, text="One, two. " * 60, max_frames=3), PLAIN])
    assert "eager prompt" in spy.kinds


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
