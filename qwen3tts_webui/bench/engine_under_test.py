"""Set up the engine to measure: for a checkpoint, or for random weights of a released size, with EOS disabled.

In: the flags of `bench`. Out: a ready engine. Each benchmark sets the length of its utterances.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from qwen3tts_webui.engine import Engine, start_engine_with
from qwen3tts_webui.hardware import DeviceChoice
from qwen3tts_webui.model import (
    Qwen3TTS,
    ReferenceEncoder,
    Tokenizer,
    disable_eos,
    find_checkpoint,
    load_model,
    read_model_config,
    synthetic_config,
    synthetic_model,
    synthetic_references,
    synthetic_tokenizer,
    with_encoders,
)
from qwen3tts_webui.readiness import wait_until_ready
from qwen3tts_webui.types import SAMPLE_RATE, Pcm, SynthesisResult, Timings, Utterance, Voice

TEXT = "Good evening and welcome back. Tonight we talk about the weather and about what it does to people."
DESCRIPTION = (
    "A warm and calm woman with a low voice who speaks slowly like a host on late night radio."  # prose: quoted
)
TRANSCRIPT = "This is what was said in the recording, at the usual pace, for about ten seconds of speech."
_LOAD_S = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineUnderTest:
    """A ready engine, the time until it was ready, and the quantization errors of its weights, if quantized."""

    engine: Engine
    ready_s: float
    quantization_errors: list[dict[str, float]]

    @property
    def facts(self) -> dict[str, object]:
        info = self.engine.info
        facts: dict[str, object] = {"model": info.model, "device": info.device, "dtype": info.dtype}
        facts |= {"slots": info.slots, "ready_s": round(self.ready_s, 2)}
        return facts | (
            {"int8_against_exact_weights": self.quantization_errors[-1]} if self.quantization_errors else {}
        )


def benchmark_tokenizer() -> Tokenizer:
    """A tokenizer with one token for most words of the text, the description and the transcript."""
    return synthetic_tokenizer(f"{TEXT} {DESCRIPTION} {TRANSCRIPT}".replace(".", "").replace(",", "").split())


@contextmanager
def open_engine(args: argparse.Namespace, *, cloning: bool = False) -> Iterator[EngineUnderTest]:
    """Start the engine selected by the flags and wait until it is ready. Raises the error that prevents it.

    With `cloning`, random weights are those of a Base model, with its encoders.
    """
    quantization_errors: list[dict[str, float]] = []
    references: ReferenceEncoder | None = None

    if args.synthetic is not None:
        spec, name = synthetic_config(args.synthetic), f"synthetic {args.synthetic}"
        encoder = benchmark_tokenizer()
        if cloning:
            spec, name = with_encoders(spec), f"{name} Base"
            references = synthetic_references(spec)
    else:
        folder = find_checkpoint(args.model)
        spec, encoder, name = read_model_config(folder), Tokenizer(folder), folder.name
        references = ReferenceEncoder(folder, spec) if spec.kind == "base" else None

    def make(choice: DeviceChoice) -> Qwen3TTS:
        if args.synthetic is not None:
            model = synthetic_model(spec, encoder, device=choice.device, dtype=choice.dtype)
        else:
            model = load_model(folder, device=choice.device, dtype=choice.dtype, offline=True)
        if (rounding := model.talker.quantization_error) is not None:
            quantization_errors.append({"equal_greedy_codes": rounding.argmax_agreement, "score_error": rounding.error})
        return disable_eos(model)

    engine = start_engine_with(
        make,
        spec=spec,
        encoder=encoder,
        references=references,
        name=name,
        device=args.device,
        dtype=args.dtype,
        slots=args.slots,
    )
    with closing(engine):
        ready_s = time_until_ready(engine)
        yield EngineUnderTest(engine=engine, ready_s=ready_s, quantization_errors=quantization_errors)


def time_until_ready(engine: Engine) -> float:
    """Wait for an engine that was just started; return the seconds. Raises the error that prevents it."""
    began = time.monotonic()
    wait_until_ready(engine, timeout_s=_LOAD_S)
    return time.monotonic() - began


@dataclass(eq=False, slots=True)
class PacketRecorder:
    """A sink that never blocks and records when each packet arrived."""

    started_at: float = field(default_factory=time.perf_counter)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    result: SynthesisResult | None = None
    error: Exception | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    cancelled: bool = False
    is_backpressured: bool = False

    def watch(self, on_capacity: object) -> None:
        """Does nothing: there is always capacity."""

    def put(self, pcm: Pcm) -> None:
        self.arrivals.append((time.perf_counter() - self.started_at, len(pcm)))

    def begin(self, timings: object) -> None:
        """Does nothing: arrivals are measured here."""

    def mark(self, marks: object) -> None:
        """Does nothing: words are not measured."""

    def finish(self, result: SynthesisResult) -> None:
        self.result = result
        self.ended.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self.ended.set()

    def wait(self) -> Timings:
        """Wait for the end and return the engine's timings. Raises the error that ended it."""
        self.ended.wait()
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result.timings


def make_utterances(count: int, *, frames: int, frames_per_packet: int | None = None) -> Sequence[Utterance]:
    """Return `count` utterances of the same text and voice with different seeds, of exactly `frames` frames."""
    voice = Voice(description=DESCRIPTION)
    return [
        Utterance(
            text=TEXT, language="en", voice=voice, seed=seed, max_frames=frames, frames_per_packet=frames_per_packet
        )
        for seed in range(count)
    ]


def synthesize(engine: Engine, jobs: Sequence[Utterance]) -> list[PacketRecorder]:
    """Submit all at once and wait until all have ended."""
    recorders = [PacketRecorder() for _ in jobs]
    engine.submit(list(zip(jobs, recorders, strict=True)))
    for recorder in recorders:
        recorder.wait()
    return recorders


def count_underruns(arrivals: Sequence[tuple[float, int]]) -> tuple[int, float]:
    """Return the number of underruns, and the seconds of silence, if each sample is played as soon as it arrives.

    `arrivals`: (seconds, number of samples). A quarter of a millisecond is clock resolution, not an underrun.
    """
    count, silence, runs_dry = 0, 0.0, None
    for moment, samples in arrivals:
        if runs_dry is None:
            runs_dry = moment
        elif moment > runs_dry + 0.00025:
            count, silence, runs_dry = count + 1, silence + moment - runs_dry, moment
        runs_dry += samples / SAMPLE_RATE
    return count, silence
