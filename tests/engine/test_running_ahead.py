"""The codec on its own stream while the next step is computed: the order of launches, and what each stream touches.

Streams are recorded by a stand-in; the work itself runs at once, in the order of the launches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from qwen3tts_webui.engine.capture import CodecStream
from qwen3tts_webui.engine.cuda_graph_runner import COMMON_SAMPLING, CudaGraphRunner, Replay, Work
from qwen3tts_webui.engine.model_runner import FrameRows, ModelRunner
from qwen3tts_webui.errors import SynthesisError
from qwen3tts_webui.model import Qwen3TTS, SlotStatus
from qwen3tts_webui.types import AcousticPrompt, Utterance
from tests.support.engine import (
    KV_LENGTH,
    LONG,
    PLAIN,
    CoreHarness,
    RecordingSink,
    assert_matches_reference,
    reference_output,
)
from tests.support.fake_cuda import FakeCuda

CODEC = "stream 1 of cuda:0, priority -1"


class RecordedRunner(CudaGraphRunner):
    """Its graphs run the work again, into the same tensor each time as CUDA's, and are recorded with their stream."""

    def __init__(self, model: Qwen3TTS, *, slots: int = 4) -> None:
        self.cuda = FakeCuda()
        codec = CodecStream(torch.device("cuda", 0), self.cuda)
        codec.capture = self.capture("packet")
        super().__init__(
            model, slots=slots, kv_length=KV_LENGTH, capture=self.capture("language model"), codec_stream=codec
        )
        self.prepare()
        self.cuda.calls.clear()

    def capture(self, name: str) -> Callable[[Work], Replay]:
        def capture(work: Work) -> Replay:
            outputs: list[Tensor] = []

            def replay() -> Tensor:
                self.cuda.calls.append(f"{name} on {self.cuda.current.name}")
                result = work()
                if not outputs:
                    outputs.append(result.clone())
                return outputs[0].copy_(result)

            return replay

        return capture


@pytest.fixture(scope="module")
def runner(model: Qwen3TTS) -> RecordedRunner:
    return RecordedRunner(model)


def ending_at(model: Qwen3TTS, num_frames: int) -> Utterance:
    """An utterance that ends by itself after `num_frames`."""
    utterances = (replace(PLAIN, seed=seed) for seed in range(200))
    outputs = ((one, reference_output(model, one)) for one in utterances)
    return next(one for one, out in outputs if out.finish_reason == "stop" and len(out.codes) == num_frames)


def run_all(runner: ModelRunner, utterances: Sequence[Utterance]) -> list[RecordingSink]:
    harness = CoreHarness(runner)
    sinks = [harness.submit(utterance) for utterance in utterances]
    harness.run()
    harness.assert_empty()
    return sinks


def test_a_packet_is_decoded_while_the_next_frame_is_computed(model: Qwen3TTS, runner: RecordedRunner) -> None:
    runner.cuda.calls.clear()
    utterance = ending_at(model, 3)
    (sink,) = run_all(runner, [replace(utterance, frames_per_packet=1)])
    assert_matches_reference(model, utterance, sink)
    rows, audio = "event 1", "event 2"
    prompt = step = ["language model on default", f"record {rows} on default"]
    packet = [f"packet on {CODEC}", f"record {audio} on {CODEC}", f"wait for {audio}"]
    assert runner.cuda.calls == [
        *[*prompt, f"wait for {rows}"],  # frame 0
        *packet,  # the first packet is not kept waiting
        *[*step, f"wait for {rows}"],  # frame 1
        *[*step, *packet, f"wait for {rows}"],  # frame 2, while the packet of frame 1 is decoded
        *[*step, *packet, f"wait for {rows}"],  # the end, while the packet of frame 2 is decoded
        *[*step, f"wait for {rows}"],  # the step that was started before the end was read: discarded
    ]


def test_utterances_that_end_at_different_frames_leave_the_others_exact(
    model: Qwen3TTS, runner: RecordedRunner
) -> None:
    utterances = [ending_at(model, 4), LONG, ending_at(model, 2), replace(LONG, seed=6, max_frames=12)]
    for utterance, sink in zip(utterances, run_all(runner, utterances), strict=True):
        assert_matches_reference(model, utterance, sink)


def test_a_newcomer_takes_a_slot_that_was_just_freed(model: Qwen3TTS) -> None:
    runner = RecordedRunner(model, slots=1)
    utterances = [ending_at(model, 2), ending_at(model, 4), replace(LONG, frames_per_packet=3), PLAIN]
    for utterance, sink in zip(utterances, run_all(runner, utterances), strict=True):
        assert_matches_reference(model, utterance, sink)


def test_the_step_after_the_end_computes_no_frame(model: Qwen3TTS, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[FrameRows] = []
    start = ModelRunner.start_step

    def noting(runner: ModelRunner, *args: Any) -> Callable[[], FrameRows]:
        wait = start(runner, *args)
        seen.append(wait())
        return wait

    monkeypatch.setattr(ModelRunner, "start_step", noting)
    monkeypatch.setattr(ModelRunner, "runs_ahead", True)
    utterance = ending_at(model, 3)
    runner = ModelRunner(model, slots=2, kv_length=KV_LENGTH)
    (sink,) = run_all(runner, [utterance])
    statuses = [int(rows[0, -1]) for rows in seen]
    assert statuses == [SlotStatus.FRAME, SlotStatus.FRAME, SlotStatus.FINISHED, SlotStatus.IDLE]
    assert sink.result is not None and sink.result.num_samples == 3 * 1920
    assert_matches_reference(model, utterance, sink)


def test_no_step_is_started_beyond_the_room_of_a_slot(model: Qwen3TTS, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host knows when an utterance reaches its limit, so no step is wasted, and none writes past the KV cache."""
    seen: list[int] = []
    start = ModelRunner.start_step

    def noting(runner: ModelRunner, batch: int, longest: int, *rest: Any) -> Callable[[], FrameRows]:
        assert int(runner.state.positions.max()) < runner.kv_length
        assert longest > int(runner.state.positions.max())
        seen.append(longest)
        return start(runner, batch, longest, *rest)

    monkeypatch.setattr(ModelRunner, "start_step", noting)
    monkeypatch.setattr(ModelRunner, "runs_ahead", True)
    ids = model.prompts.input_ids(model.tokenizer.encode_spoken(LONG.text))
    rows = len(model.prompts.build(LONG, ids, streaming=False).text)
    runner = ModelRunner(model, slots=1, kv_length=rows + 4)
    (sink,) = run_all(runner, [replace(LONG, max_frames=None)])
    assert sink.result is not None and sink.result.finish_reason == "length"
    assert sum(sink.frames) == 4 and seen == [rows + 1, rows + 2, rows + 3]


def test_a_cancelled_utterance_gets_nothing_of_the_frame_that_was_computed(
    model: Qwen3TTS, runner: RecordedRunner
) -> None:
    harness = CoreHarness(runner)
    left, other = harness.submit(replace(LONG, frames_per_packet=1)), harness.submit(replace(LONG, seed=6))
    harness.run(3)
    received = sum(left.frames)
    left.cancelled = True
    last = harness.submit(PLAIN)
    harness.run()
    assert sum(left.frames) == received and left.result is not None and left.result.finish_reason == "cancelled"
    assert_matches_reference(model, replace(LONG, seed=6), other)
    assert_matches_reference(model, PLAIN, last)
    harness.assert_empty()


@pytest.mark.parametrize("when", ["start", "wait"])
def test_a_step_that_fails_ends_the_newest_after_its_last_packet(
    model: Qwen3TTS, runner: RecordedRunner, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    def fail() -> FrameRows:
        raise RuntimeError("device-side assert")

    def failing(*_args: Any) -> Callable[[], FrameRows]:
        return fail if when == "wait" else fail()  # type: ignore[return-value]

    harness = CoreHarness(runner)
    other = harness.submit(LONG)
    harness.run(2)
    harness.clock.now += 0.001
    newest = harness.submit(replace(PLAIN, seed=3, frames_per_packet=1))
    harness.run(3)
    received = sum(newest.frames)
    with monkeypatch.context() as patch:
        patch.setattr(runner, "start_step", failing)
        harness.run(1)
    assert isinstance(newest.error, SynthesisError) and sum(newest.frames) == received + 1
    harness.run()
    assert_matches_reference(model, LONG, other)
    harness.assert_empty()


class Touched(TorchDispatchMode):
    """Checks at each operator that the codec's state is touched on its own stream, and the rest on the other."""

    def __init__(self, runner: RecordedRunner) -> None:
        super().__init__()
        state = [value for value in tree_leaves(slot_tensors(runner)) if isinstance(value, Tensor)]
        self._others = {tensor.untyped_storage().data_ptr() for tensor in state}
        codec = (runner.codec_state.flat, runner.codec_state.position)
        self._codec = {tensor.untyped_storage().data_ptr() for tensor in codec}
        self._cuda = runner.cuda
        self.counts = {"default": 0, CODEC: 0}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        touched = {
            value.untyped_storage().data_ptr()
            for value in tree_leaves((args, kwargs))
            if isinstance(value, Tensor) and not value.is_mkldnn
        }
        stream = self._cuda.current.name
        assert not touched & (self._others if stream == CODEC else self._codec), f"{func} on {stream}"
        self.counts[stream] += bool(touched & (self._codec | self._others))
        return func(*args, **(kwargs or {}))


def slot_tensors(runner: ModelRunner) -> list[Any]:
    state = runner.state
    return [state.kv, *state._by_slot(), state.x_vectors]


def test_the_streams_have_no_state_in_common(model: Qwen3TTS, runner: RecordedRunner) -> None:
    """With continuations, slots that move, are parked and resumed, and codec states that are rebuilt after an error."""
    voice = replace(
        LONG.voice, acoustic_prompt=AcousticPrompt(text=PLAIN.text, codes=reference_output(model, LONG).codes)
    )
    harness = CoreHarness(runner)
    with Touched(runner) as touched:
        longer = replace(LONG, max_frames=4)
        sinks = [
            harness.submit(replace(one, client="a")) for one in (ending_at(model, 2), longer, longer, longer, longer)
        ]
        harness.run(4)
        for sink in sinks[1:4]:
            sink.is_backpressured = True
        guest = harness.submit(replace(PLAIN, voice=voice, client="b", max_frames=3))
        harness.run(8)
        runner.rebuild_codec_state(0, np.zeros((3, 16), np.int64))
        for sink in sinks:
            sink.is_backpressured = False
        harness.run()
    assert all(sink.num_endings == 1 and not sink.error for sink in (*sinks, guest))
    assert min(touched.counts.values()) > 100


def test_a_missing_graph_runs_ahead_too(model: Qwen3TTS, runner: RecordedRunner) -> None:
    """Its step is computed when it is started, and its packet on the codec's stream."""
    graphs = dict(runner._graphs)
    runner._graphs = {shape: graph for shape, graph in graphs.items() if shape.kind == "prompt"}
    try:
        assert runner._find("step", 1, 40, COMMON_SAMPLING) is None
        utterances = [ending_at(model, 3), LONG]
        for utterance, sink in zip(utterances, run_all(runner, utterances), strict=True):
            assert_matches_reference(model, utterance, sink)
    finally:
        runner._graphs = graphs
