"""The cost of cloning: encoding a recording of ten seconds, and first audio with a voice that is encoded already.
Without a server.

In: a Base checkpoint, or random weights of its size.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from qwen3tts_webui.bench.engine_under_test import TRANSCRIPT, make_utterances, open_engine, synthesize
from qwen3tts_webui.bench.latency import first_pcm_ms
from qwen3tts_webui.bench.report import percentiles, print_table, write_result
from qwen3tts_webui.engine import Engine
from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.types import SAMPLE_RATE, Pcm, Voice, VoiceReference

T = TypeVar("T")

_SECONDS = 10.0


def run(args: argparse.Namespace) -> None:
    """Encode a recording `--runs` times after an uncounted run, then synthesize `--runs` utterances in each mode."""
    with open_engine(args, cloning=True) as target:
        engine, pcm = target.engine, recording(_SECONDS)
        encoder = engine.references
        if encoder is None:
            raise InvalidValue(field="--model", expected="the folder of a Base checkpoint", got=engine.info.model_type)
        in_context, first_ms = timed(lambda: encoder.encode(pcm, TRANSCRIPT))
        timbre = encoder.encode(pcm, mode="xvector")
        rows = {
            "x_vector_ms": [timed(lambda: encoder.x_vector(pcm))[1] for _ in range(args.runs)],
            "reference_ms": [timed(lambda: encoder.encode(pcm, TRANSCRIPT))[1] for _ in range(args.runs)],
            "first_pcm_icl_ms": first_audio(engine, in_context, args),
            "first_pcm_x_vector_ms": first_audio(engine, timbre, args),
        }
        facts = target.facts
    latencies = {name: percentiles(values) for name, values in rows.items()}
    names = (
        "x-vector of 10 s, ms",
        "x-vector and codes of 10 s, ms",
        "first PCM in context, ms",
        "first PCM from the x-vector, ms",
    )
    table = [[name, row["p50"], row["p95"], row["max"]] for name, row in zip(names, latencies.values(), strict=True)]
    print_table(["", "p50", "p95", "max"], table)
    results = {"runs": args.runs, "seconds": _SECONDS, "first_reference_ms": round(first_ms, 1)}
    write_result("cloning", facts, results | latencies, args.output)


def recording(seconds: float) -> Pcm:
    """Return noise with the rhythm of syllables, (samples,): the encoders take as long as for speech."""
    time_s = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(0).standard_normal(len(time_s))
    pcm: Pcm = (0.1 * noise * (1 + np.sin(2 * np.pi * 4 * time_s))).astype(np.float32)
    return pcm


def timed(encode: Callable[[], T]) -> tuple[T, float]:
    """Return the result of `encode` and the milliseconds it took."""
    started = time.perf_counter()
    result = encode()
    return result, 1e3 * (time.perf_counter() - started)


def first_audio(engine: Engine, reference: VoiceReference, args: argparse.Namespace) -> list[float]:
    """Return the first-audio latency of `--runs` utterances in one voice, in milliseconds, after an uncounted one."""
    utterances = make_utterances(args.runs + 1, frames=args.frames, frames_per_packet=args.frames_per_packet)
    voice = Voice(reference=reference)
    _, *recorders = [synthesize(engine, [replace(one, voice=voice)])[0] for one in utterances]
    return [first_pcm_ms(recorder) for recorder in recorders]
