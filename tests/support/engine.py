"""The engine on tiny checkpoints: sinks that record, a core stepped by hand, and the reference output."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from qwen3tts_webui.engine import Engine, ModelRunner
from qwen3tts_webui.engine.core import EngineCore
from qwen3tts_webui.engine.sequence import SequenceState
from qwen3tts_webui.hardware import DeviceChoice, Dtype
from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.types import (
    Codes,
    FinishReason,
    Pcm,
    Sampling,
    SynthesisResult,
    Timings,
    Utterance,
    Voice,
    WordMark,
)
from tests.support.golden_cases import GOLDEN
from tests.support.wait import wait_until

CHECKPOINT = GOLDEN / "design"
KV_LENGTH = 512
FRAMES = 6

WARM = Voice(description="A warm and low voice.")
PLAIN = Utterance(text="Hello there.", voice=WARM, max_frames=FRAMES)
LONG = replace(PLAIN, text="Hello there, this is a short test of the speech model.", seed=5)
GREEDY = replace(PLAIN, text="One, two.", sampling=Sampling(greedy=True))


@dataclass(eq=False)
class RecordingSink:
    """A sink that keeps everything. The test sets `is_backpressured` and `cancelled`; `on_capacity` wakes the engine.

    `after_packets` has functions to call after that many packets.
    """

    packets: list[Pcm] = field(default_factory=list)
    result: SynthesisResult | None = None
    error: Exception | None = None
    is_backpressured: bool = False
    cancelled: bool = False
    num_endings: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    on_capacity: Callable[[], None] = lambda: None
    after_packets: dict[int, Callable[[], None]] = field(default_factory=dict)

    def watch(self, on_capacity: Callable[[], None]) -> None:
        self.on_capacity = on_capacity

    def put(self, pcm: Pcm) -> None:
        assert not self.num_endings
        self.packets.append(pcm)
        self.after_packets.pop(len(self.packets), lambda: None)()

    def begin(self, timings: Timings) -> None:
        assert not self.packets and timings.first_pcm_ms is not None

    def mark(self, marks: Sequence[WordMark]) -> None:
        raise AssertionError("this engine does not know where words are")

    def finish(self, result: SynthesisResult) -> None:
        self.result = result
        self._end()

    def fail(self, error: Exception) -> None:
        self.error = error
        self._end()

    def _end(self) -> None:
        self.num_endings += 1
        self.ended.set()

    def cancel(self) -> None:
        self.cancelled = True
        self.on_capacity()

    @property
    def audio(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.float32), *self.packets])

    @property
    def frames(self) -> list[int]:
        """The number of frames in each packet."""
        return [len(packet) // 1920 for packet in self.packets]

    def wait(self) -> RecordingSink:
        assert self.ended.wait(60), "it never ended"
        return self


@dataclass(frozen=True)
class Reference:
    """The output of a single utterance."""

    codes: Codes
    audio: Pcm
    finish_reason: FinishReason | None


_REFERENCES: dict[tuple[int, Utterance], Reference] = {}


def reference_output(model: Qwen3TTS, utterance: Utterance) -> Reference:
    """Synthesize with the reference implementation of the engine, `Qwen3TTS.stream`."""
    key = (id(model), utterance)
    if utterance.voice.acoustic_prompt is not None or key not in _REFERENCES:
        packets = list(model.stream(utterance, max_frames=utterance.max_frames))
        codes, audio = (np.concatenate([getattr(packet, name) for packet in packets]) for name in ("codes", "pcm"))
        _REFERENCES[key] = Reference(codes, audio, packets[-1].finish_reason)
    return _REFERENCES[key]


def assert_matches_reference(model: Qwen3TTS, utterance: Utterance, sink: RecordingSink) -> None:
    expected = reference_output(model, utterance)
    assert sink.error is None and sink.result is not None and sink.result.codes is not None
    assert sink.result.codes.tolist() == expected.codes.tolist()
    assert sink.result.finish_reason == expected.finish_reason
    assert sink.audio.shape == expected.audio.shape
    assert np.abs(sink.audio - expected.audio).max(initial=0.0) < 1e-5


class ManualClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class CoreHarness:
    """An `EngineCore` without a thread. Time stands still unless the test moves it."""

    def __init__(self, runner: ModelRunner, *, max_prefill_batch: int = 8) -> None:
        self.runner = runner
        self.model = runner.model
        self.clock = ManualClock()
        self.core = EngineCore(runner, [], max_prefill_batch=max_prefill_batch, clock=self.clock)

    def submit(self, utterance: Utterance, sink: RecordingSink | None = None) -> RecordingSink:
        sink = sink or RecordingSink()
        model = self.model
        sequence = SequenceState(utterance, sink, encoder=model.tokenizer, prompts=model.prompts, clock=self.clock)
        self.core.queue.append(sequence)
        return sink

    def run(self, max_steps: int = 10_000) -> int:
        """Step until nothing is left to do, at most `max_steps` times; return the number of steps."""
        for count in range(max_steps):
            if not self.core.step():
                return count
        return max_steps

    def assert_empty(self) -> None:
        assert not self.core.running and not self.core.queue
        assert bool(self.runner.state.done.all())


def core_harness(model: Qwen3TTS, slots: int = 4, **options: Any) -> CoreHarness:
    return CoreHarness(ModelRunner(model, slots=slots, kv_length=KV_LENGTH), **options)


def load_runner(choice: DeviceChoice, *, folder: Path = CHECKPOINT, slots: int = 4) -> ModelRunner:
    return ModelRunner(load_model(folder, device="cpu", dtype=choice.dtype), slots=slots, kv_length=KV_LENGTH)


@contextmanager
def running_engine(
    model: Qwen3TTS,
    load: Callable[[DeviceChoice], ModelRunner] = load_runner,
    *,
    dtype: Dtype = "float32",
    queue_size: int = 64,
    wait: bool = True,
    **options: Any,
) -> Iterator[Engine]:
    """A real engine with its thread, with the config and tokenizer of `model`."""
    running = Engine(
        load,
        DeviceChoice(device="cpu", dtype=dtype, reason="for a test", threads=1),
        spec=model.config,
        encoder=model.tokenizer,
        model="tiny",
        queue_size=queue_size,
        **options,
    )
    try:
        if wait:
            wait_until(lambda: running.ready)
        yield running
    finally:
        running.close()
    assert not running._thread.is_alive()


def submit(running: Engine, *utterances: Utterance) -> list[RecordingSink]:
    """Submit all utterances together."""
    sinks = [RecordingSink() for _ in utterances]
    running.submit(list(zip(utterances, sinks, strict=True)))
    return sinks
