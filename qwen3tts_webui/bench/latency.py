"""Latency and speed of a single listener: first audio, then frames per second. Without a server."""

from __future__ import annotations

import argparse
from dataclasses import replace

from qwen3tts_webui.bench.engine_under_test import (
    DESCRIPTION,
    PacketRecorder,
    count_underruns,
    make_utterances,
    open_engine,
    synthesize,
)
from qwen3tts_webui.bench.report import percentiles, print_table, write_result
from qwen3tts_webui.types import Voice


def first_pcm_ms(recorder: PacketRecorder) -> float:
    """Return the time from the request to the first audio, in milliseconds."""
    return 1e3 * recorder.arrivals[0][0]


def run(args: argparse.Namespace) -> None:
    """Synthesize `--runs` utterances of `--frames` frames, one after the other, after an uncounted one.

    All have the voice of the first. As many short ones follow with new voices, which an engine may start more slowly.
    """
    with open_engine(args) as target:
        first, *known = make_utterances(args.runs + 1, frames=args.frames, frames_per_packet=args.frames_per_packet)
        new = [
            replace(first, voice=Voice(description=f"{number} {DESCRIPTION}"), max_frames=2)
            for number in range(args.runs)
        ]
        _, *recorders = [synthesize(target.engine, [utterance])[0] for utterance in (first, *known)]
        new_recorders = [synthesize(target.engine, [utterance])[0] for utterance in new]
        facts = target.facts
    timings = [recorder.wait() for recorder in recorders]
    underruns = [float(count_underruns(recorder.arrivals)[0]) for recorder in recorders]
    speed = [t.frames_per_second for t in timings if t.frames_per_second is not None]
    rows = {
        "first PCM, ms": percentiles([first_pcm_ms(recorder) for recorder in recorders]),
        "first PCM of a new voice, ms": percentiles([first_pcm_ms(recorder) for recorder in new_recorders]),
        "prefill and first codes, ms": percentiles([t.prefill_ms for t in timings if t.prefill_ms is not None]),
        "codec of the first packet, ms": percentiles([t.codec_ms for t in timings if t.codec_ms is not None]),
        "frames per second, codec included": percentiles(speed, 2),
        "underruns without a buffer": percentiles(underruns),
    }
    print_table(["", "p50", "p95", "max"], [[name, row["p50"], row["p95"], row["max"]] for name, row in rows.items()])
    results = {"runs": args.runs, "frames": args.frames, "frames_per_packet": args.frames_per_packet}
    names = ("first_pcm_ms", "first_pcm_new_voice_ms", "prefill_ms", "codec_ms", "frames_per_second", "underruns")
    write_result("latency", facts, results | dict(zip(names, rows.values(), strict=True)), args.output)
