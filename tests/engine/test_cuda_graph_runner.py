"""Replayed graphs against their eager twin. The capture is eager here, so that everything except CUDA is tested on any
machine; with a GPU the same tests run with CUDA's capture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from qwen3tts_webui.engine.capture import CodecStream, CudaCapture
from qwen3tts_webui.engine.cuda_graph_runner import Capture, CudaGraphRunner, GraphShape
from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.types import AcousticPrompt, Sampling, Utterance, Voice
from tests.support.engine import (
    CHECKPOINT,
    GREEDY,
    KV_LENGTH,
    LONG,
    PLAIN,
    CoreHarness,
    RecordingSink,
    assert_matches_reference,
    core_harness,
    reference_output,
)

ModelAndCapture = tuple[Qwen3TTS, Capture]


def run_again(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """The same work on the same buffers, without a capture."""
    return work


def run_first(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """As `run_again`, after a first run as in CUDA's capture, in which libraries initialize."""
    work()
    return work


class LimitedCapture:
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
def graphs(request: pytest.FixtureRequest, model: Qwen3TTS) -> Iterator[ModelAndCapture]:
    if request.param == "eager":
        yield model, run_again
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False  # the twin is compared to 1e-5
    yield load_model(CHECKPOINT, device="cuda", dtype="float32"), CudaCapture(torch.device("cuda", 0))
    torch.backends.cudnn.allow_tf32 = before


def captured(graphs: ModelAndCapture, *, slots: int = 4, count: int | None = None) -> CudaGraphRunner:
    """A runner with its first `count` graphs, or all."""
    model, capture = graphs
    codec = CodecStream(model.device) if model.device.type == "cuda" and count is None else None
    if count is not None:
        capture = LimitedCapture(capture, count)
    runner = CudaGraphRunner(model, slots=slots, kv_length=KV_LENGTH, capture=capture, codec_stream=codec)
    runner.prepare()
    return runner


def assert_same(runner: CudaGraphRunner, utterances: list[Utterance], joins: int = 0) -> list[RecordingSink]:
    """Graphs and the twin agree; there are `joins` steps between arrivals."""
    outputs: list[list[RecordingSink]] = []
    for harness in (CoreHarness(runner), core_harness(runner.model, runner.slots)):
        sinks = []
        for utterance in utterances:
            sinks.append(harness.submit(utterance))
            harness.run(joins)
        harness.run()
        harness.assert_empty()
        outputs.append(sinks)
    for ours, theirs in zip(*outputs, strict=True):
        assert ours.result is not None and theirs.result is not None
        assert ours.result.codes is not None and theirs.result.codes is not None
        assert ours.result.codes.tolist() == theirs.result.codes.tolist()
        assert ours.frames == theirs.frames
        torch.testing.assert_close(torch.from_numpy(ours.audio), torch.from_numpy(theirs.audio), atol=1e-5, rtol=0)
    return outputs[0]


class Spy:
    """Records what ran in a graph and what ran eagerly."""

    def __init__(self, runner: CudaGraphRunner, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kinds: list[str] = []
        find = runner._find

        def counting(kind: str, *args: object) -> object:
            found = find(kind, *args)  # type: ignore[arg-type]
            self.kinds.append(kind if found is not None else f"eager {kind}")
            return found

        monkeypatch.setattr(runner, "_find", counting)


@pytest.mark.parametrize("joins", [0, 1])
def test_any_batch_matches_the_twin(graphs: ModelAndCapture, joins: int, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = captured(graphs)
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [PLAIN, LONG, GREEDY, replace(LONG, seed=7), replace(PLAIN, seed=8)], joins)
    assert set(spy.kinds) == {"prompt", "step", "packet"}


def test_three_sequences_are_padded_to_four(graphs: ModelAndCapture) -> None:
    runner = captured(graphs)
    found = runner._find("step", 3, 40, runner._any)
    assert found is not None and found[0] == GraphShape("step", 4, KV_LENGTH, any_sampling=True)
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
def test_rare_sampling_parameters_have_graphs_of_their_own(graphs: ModelAndCapture, sampling: Sampling) -> None:
    assert_same(captured(graphs), [replace(LONG, sampling=sampling), PLAIN])


def test_work_without_a_graph_runs_in_the_twin(graphs: ModelAndCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = captured(graphs, count=2)  # the first are steps of one utterance
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [LONG])
    assert {"eager prompt", "step", "eager packet"} <= set(spy.kinds)


def test_everything_is_captured_before_the_first_request(graphs: ModelAndCapture) -> None:
    """A capture runs its work on the real state; later utterances must not be affected."""
    model, capture = graphs
    runner = captured((model, run_first if capture is run_again else capture))
    assert_same(runner, [LONG, PLAIN])
    assert set(runner._graphs) == set(runner.shapes())
    assert {shape.batch for shape in runner._graphs} == {1, 2, 4}


def test_fused_steps_have_a_single_graph_per_batch_size(model: Qwen3TTS) -> None:
    """Fused steps ignore the length they were captured for: several lengths would be the same graph."""
    runner = CudaGraphRunner(model, slots=4, kv_length=512, capture=run_again)
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


def test_long_prompts_have_graphs(graphs: ModelAndCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = captured(graphs)
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [replace(LONG, text="One, two. " * 60, max_frames=3), PLAIN])
    assert set(spy.kinds) == {"prompt", "step", "packet"}


def test_a_large_batch_is_prefilled_in_halves(graphs: ModelAndCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen3tts_webui.engine.cuda_graph_runner.MAX_PREFILL_TOKENS", 64)
    runner = captured(graphs)
    spy = Spy(runner, monkeypatch)
    assert_same(runner, [replace(LONG, seed=seed) for seed in range(4)])
    assert {"eager prompt", "prompt"} <= set(spy.kinds)  # four do not fit, two or one do
    assert spy.kinds.count("prompt") >= 2


def test_leftovers_are_decoded_in_captured_sizes(graphs: ModelAndCapture, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = captured(graphs)
    sizes: list[int] = []
    find = runner._find

    def noting(kind: str, batch: int, length: int, *rest: object) -> object:
        sizes.extend([length] if kind == "packet" else [])
        return find(kind, batch, length, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "_find", noting)
    frames = np.random.default_rng(0).integers(0, 64, (2, 25, 16))
    runner.codec_state.reset(slice(None))
    packets = runner.decode([0, 2], frames)
    assert sizes == [8, 8, 8, 1]
    twin = ModelRunner(runner.model, slots=4, kv_length=KV_LENGTH)
    whole = twin.decode([0, 2], frames)
    np.testing.assert_allclose(packets, whole, atol=1e-5)


def test_a_free_slot_is_at_position_zero(model: Qwen3TTS) -> None:
    """A step reads the rows before each position: a free slot must cost nothing."""
    harness = core_harness(model)
    sinks = [harness.submit(utterance) for utterance in (PLAIN, LONG, replace(LONG, seed=7, max_frames=3))]
    harness.run()
    assert all(sink.result is not None for sink in sinks)
    assert harness.runner.state.positions.tolist() == [0, 0, 0, 0]


def test_packets_of_odd_sizes(graphs: ModelAndCapture) -> None:
    runner = captured(graphs)
    assert_same(runner, [replace(LONG, frames_per_packet=size) for size in (3, 5, 2, 1)])


def test_the_codec_state_of_an_acoustic_prompt_is_rebuilt(graphs: ModelAndCapture) -> None:
    runner = captured(graphs)
    codes = reference_output(runner.model, LONG).codes
    prompt = AcousticPrompt(text=LONG.text, codes=codes)
    continuation = replace(PLAIN, voice=Voice(description=LONG.voice.description, acoustic_prompt=prompt))
    (sink,) = assert_same(runner, [continuation])
    if runner.model.device.type == "cpu":
        assert_matches_reference(runner.model, continuation, sink)


def test_only_the_graph_runner_has_a_scratch_slot(model: Qwen3TTS) -> None:
    assert len(ModelRunner(model, slots=2, kv_length=64).state.done) == 2
    assert len(CudaGraphRunner(model, slots=2, kv_length=64, capture=run_again).state.done) == 3
