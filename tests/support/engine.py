"""The engine on tiny checkpoints: listeners that remember, a floor driven by hand, and what one alone would say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from qwen3tts_webui.engine.core import Floor
from qwen3tts_webui.engine.device import Choice, Dtype
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.engine.model_runner import Runner
from qwen3tts_webui.engine.sequence import Seat
from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.types import Codes, FinishReason, Pcm, Sampling, SynthesisResult, Utterance, Voice
from tests.support.golden_cases import GOLDEN

CHECKPOINT = GOLDEN / "design"
KV_LENGTH = 512
FRAMES = 6

WARM = Voice(description="A warm and low voice.")
PLAIN = Utterance(text="Hello there.", voice=WARM, max_frames=FRAMES)
LONG = replace(PLAIN, text="Hello there, this is a short test of the speech model.", seed=5)
GREEDY = replace(PLAIN, text="One, two.", sampling=Sampling(greedy=True))


@dataclass(eq=False)
class Listener:
    """A sink that keeps everything. The test sets `is_backpressured` and `cancelled`; `ring` wakes the engine."""

    packets: list[Pcm] = field(default_factory=list)
    spoken: SynthesisResult | None = None
    error: Exception | None = None
    is_backpressured: bool = False
    cancelled: bool = False
    endings: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    ring: Callable[[], None] = lambda: None
    after_packets: dict[int, Callable[[], None]] = field(default_factory=dict)

    def watch(self, on_capacity: Callable[[], None]) -> None:
        self.ring = on_capacity

    def put(self, pcm: Pcm) -> None:
        assert not self.endings
        self.packets.append(pcm)
        self.after_packets.pop(len(self.packets), lambda: None)()

    def finish(self, result: SynthesisResult) -> None:
        self.spoken = result
        self._end()

    def fail(self, error: Exception) -> None:
        self.error = error
        self._end()

    def _end(self) -> None:
        self.endings += 1
        self.ended.set()

    def leave(self) -> None:
        self.cancelled = True
        self.ring()

    @property
    def sound(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.float32), *self.packets])

    @property
    def frames(self) -> list[int]:
        """The size of each packet."""
        return [len(packet) // 1920 for packet in self.packets]

    def wait(self) -> Listener:
        assert self.ended.wait(60), "it never ended"
        return self


@dataclass(frozen=True)
class Alone:
    """What one utterance says with nobody beside it."""

    codes: Codes
    sound: Pcm
    finish_reason: FinishReason | None


_ALONE: dict[tuple[int, Utterance], Alone] = {}


def alone(model: Qwen3TTS, utterance: Utterance) -> Alone:
    """By the plain twin of the engine, `Qwen3TTS.speak`."""
    key = (id(model), utterance)
    if utterance.voice.acoustic_prompt is not None or key not in _ALONE:
        packets = list(model.stream(utterance, max_frames=utterance.max_frames))
        codes, sound = (np.concatenate([getattr(packet, name) for packet in packets]) for name in ("codes", "pcm"))
        _ALONE[key] = Alone(codes, sound, packets[-1].finish_reason)
    return _ALONE[key]


def assert_as_alone(model: Qwen3TTS, utterance: Utterance, listener: Listener) -> None:
    expected = alone(model, utterance)
    assert listener.error is None and listener.spoken is not None and listener.spoken.codes is not None
    assert listener.spoken.codes.tolist() == expected.codes.tolist()
    assert listener.spoken.finish_reason == expected.finish_reason
    assert listener.sound.shape == expected.sound.shape
    assert np.abs(listener.sound - expected.sound).max(initial=0.0) < 1e-5


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """A floor without a thread. Time stands still unless the test moves it."""

    def __init__(self, runner: Runner, *, group: int = 8) -> None:
        self.runner = runner
        self.model = runner.model
        self.clock = Clock()
        self.floor = Floor(runner, [], group=group, clock=self.clock)

    def ask(self, utterance: Utterance, listener: Listener | None = None) -> Listener:
        listener = listener or Listener()
        model = self.model
        seat = Seat(utterance, listener, encoder=model.tokenizer, prompts=model.prompts, clock=self.clock)
        self.floor.queue.append(seat)
        return listener

    def run(self, turns: int = 10_000) -> int:
        """At most so many turns; says how many there were before nothing was left to do."""
        for count in range(turns):
            if not self.floor.turn():
                return count
        return turns

    def assert_empty(self) -> None:
        assert not self.floor.speakers and not self.floor.queue
        assert bool(self.runner.state.done.all())


def stage(model: Qwen3TTS, slots: int = 4, **options: Any) -> Stage:
    return Stage(Runner(model, slots=slots, kv_length=KV_LENGTH), **options)


def choice(dtype: Dtype = "float32") -> Choice:
    return Choice(device="cpu", dtype=dtype, reason="for a test", threads=1)


def load_runner(choice: Choice, *, folder: Path = CHECKPOINT, slots: int = 4) -> Runner:
    return Runner(load_model(folder, device="cpu", dtype=choice.dtype), slots=slots, kv_length=KV_LENGTH)


@contextmanager
def engine(
    model: Qwen3TTS,
    load: Callable[[Choice], Runner] = load_runner,
    *,
    dtype: Dtype = "float32",
    queue_size: int = 64,
    wait: bool = True,
    **options: Any,
) -> Iterator[Engine]:
    """A real engine with its thread; `model` lends its spec and its encoder."""
    running = Engine(
        load,
        choice(dtype),
        spec=model.config,
        encoder=model.tokenizer,
        model="tiny",
        queue_size=queue_size,
        **options,
    )
    try:
        if wait:
            until(lambda: running.ready)
        yield running
    finally:
        running.close()
    assert not running._thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for what another thread brings about."""
    gate = threading.Event()
    for _ in range(int(seconds / 0.002)):
        if condition():
            return
        gate.wait(0.002)
    raise AssertionError("it never happened")


def ask(running: Engine, *utterances: Utterance) -> list[Listener]:
    """Submit together."""
    listeners: Sequence[Listener] = [Listener() for _ in utterances]
    running.submit(list(zip(utterances, listeners, strict=True)))
    return list(listeners)
