"""What is measured: an engine for a checkpoint, or for random weights of a released size, that speaks without end.

In: the flags of `bench`. Out: a ready engine. How long it speaks is for each measurement to say.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from qwen3tts_webui.engine.device import Choice
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.engine.factory import run_engine
from qwen3tts_webui.errors import NotReady
from qwen3tts_webui.model import (
    Qwen3TTS,
    Tokenizer,
    disable_eos,
    find_checkpoint,
    load_model,
    read_model_config,
    synthetic_config,
    synthetic_model,
    synthetic_tokenizer,
)
from qwen3tts_webui.types import SAMPLE_RATE, Pcm, SynthesisResult, Timings, Utterance, Voice

TEXT = "Good evening and welcome back. Tonight we talk about the weather and about what it does to people."
DESCRIPTION = "A warm and calm woman with a low voice who speaks slowly like a host on late night radio."
_LOAD_S = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A ready engine, how long it took to be ready, and what rounding its weights cost, if they were rounded."""

    engine: Engine
    ready_s: float
    roundings: list[dict[str, float]]

    @property
    def facts(self) -> dict[str, object]:
        info = self.engine.info
        facts: dict[str, object] = {"model": info.model, "device": info.device, "dtype": info.dtype}
        facts |= {"slots": info.slots, "ready_s": round(self.ready_s, 2)}
        return facts | ({"int8_against_exact_weights": self.roundings[-1]} if self.roundings else {})


def encoder_of_texts() -> Tokenizer:
    """A tokenizer that knows the words of what is spoken here."""
    return synthetic_tokenizer(f"{TEXT} {DESCRIPTION}".replace(".", "").split())


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Subject]:
    """The engine that the flags name, ready; closed at the end. Raises what keeps it from becoming ready."""
    roundings: list[dict[str, float]] = []

    if args.synthetic is not None:
        spec, name = synthetic_config(args.synthetic), f"synthetic {args.synthetic}"
        encoder = encoder_of_texts()
    else:
        folder = find_checkpoint(args.model)
        spec, encoder, name = read_model_config(folder), Tokenizer(folder), folder.name

    def make(choice: Choice) -> Qwen3TTS:
        if args.synthetic is not None:
            model = synthetic_model(spec, encoder, device=choice.device, dtype=choice.dtype)
        else:
            model = load_model(folder, device=choice.device, dtype=choice.dtype, offline=True)
        if (rounding := model.talker.quantization_error) is not None:
            roundings.append({"equal_greedy_codes": rounding.argmax_agreement, "score_error": rounding.error})
        return disable_eos(model)

    began = time.monotonic()
    engine = run_engine(
        make, spec=spec, encoder=encoder, name=name, device=args.device, dtype=args.dtype, slots=args.slots
    )
    with closing(engine):
        while not engine.ready:
            if engine.failure is not None:
                raise engine.failure
            if time.monotonic() - began > _LOAD_S:
                raise NotReady(reason=f"it took longer than {_LOAD_S:.0f} s to load")
            time.sleep(0.05)
        yield Subject(engine=engine, ready_s=time.monotonic() - began, roundings=roundings)


@dataclass(eq=False, slots=True)
class Ear:
    """A listener that never falls behind: notes when each packet came."""

    asked: float = field(default_factory=time.perf_counter)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    spoken: SynthesisResult | None = None
    error: Exception | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False
    is_backpressured: bool = False

    def watch(self, on_capacity: object) -> None:
        """There is always room."""

    def put(self, pcm: Pcm) -> None:
        self.arrivals.append((time.perf_counter() - self.asked, len(pcm)))

    def finish(self, result: SynthesisResult) -> None:
        self.spoken = result
        self.ended.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self.ended.set()

    def heard(self) -> Timings:
        """Wait for the end; the engine's own account. Raises what ended it badly."""
        self.ended.wait()
        if self.error is not None:
            raise self.error
        assert self.spoken is not None
        return self.spoken.timings


def utterances(count: int, *, frames: int, frames_per_packet: int | None = None) -> Sequence[Utterance]:
    """So many utterances of one text and voice, each with a seed of its own, of exactly `frames` frames."""
    voice = Voice(description=DESCRIPTION)
    return [
        Utterance(
            text=TEXT, language="en", voice=voice, seed=seed, max_frames=frames, frames_per_packet=frames_per_packet
        )
        for seed in range(count)
    ]


def speak(engine: Engine, jobs: Sequence[Utterance]) -> list[Ear]:
    """Submit all at once and wait until all are spoken."""
    ears = [Ear() for _ in jobs]
    engine.submit(list(zip(jobs, ears, strict=True)))
    for ear in ears:
        ear.heard()
    return ears


def stalls(arrivals: Sequence[tuple[float, int]]) -> tuple[int, float]:
    """Underruns of one who plays each sample as soon as it is there: how many, and seconds of silence altogether.

    `arrivals`: when, and how many samples. A quarter of a millisecond is the resolution of a clock, not an underrun.
    """
    count, silence, runs_dry = 0, 0.0, None
    for moment, samples in arrivals:
        if runs_dry is None:
            runs_dry = moment
        elif moment > runs_dry + 0.00025:
            count, silence, runs_dry = count + 1, silence + moment - runs_dry, moment
        runs_dry += samples / SAMPLE_RATE
    return count, silence
