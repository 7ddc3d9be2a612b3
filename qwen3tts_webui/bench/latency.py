"""Latency and speed of a single listener: first audio, then frames per second. Without a server."""

from __future__ import annotations

import argparse

from qwen3tts_webui.bench.engine_under_test import count_underruns, make_utterances, open_engine, synthesize
from qwen3tts_webui.bench.report import percentiles, print_table, write_result


def run(args: argparse.Namespace) -> None:
    """Synthesize `--runs` utterances of `--frames` frames, one after the other, after an uncounted one."""
    with open_engine(args) as target:
        synthesize(target.engine, make_utterances(1, frames=args.frames, frames_per_packet=args.frames_per_packet))
        recorders = [
            synthesize(target.engine, [utterance])[0]
            for utterance in make_utterances(args.runs, frames=args.frames, frames_per_packet=args.frames_per_packet)
        ]
        facts = target.facts
    timings = [recorder.wait() for recorder in recorders]
    first = [1e3 * recorder.arrivals[0][0] for recorder in recorders]
    underruns = [float(count_underruns(recorder.arrivals)[0]) for recorder in recorders]
    speed = [t.frames_per_second for t in timings if t.frames_per_second is not None]
    rows = {
        "first PCM, ms": percentiles(first),
        "prefill and first codes, ms": percentiles([t.prefill_ms for t in timings if t.prefill_ms is not None]),
        "codec of the first packet, ms": percentiles([t.codec_ms for t in timings if t.codec_ms is not None]),
        "frames per second, codec included": percentiles(speed, 2),
        "underruns without a buffer": percentiles(underruns),
    }
    print_table(["", "p50", "p95", "max"], [[name, row["p50"], row["p95"], row["max"]] for name, row in rows.items()])
    results = {"runs": args.runs, "frames": args.frames, "frames_per_packet": args.frames_per_packet}
    names = ("first_pcm_ms", "prefill_ms", "codec_ms", "frames_per_second", "underruns")
    write_result("latency", facts, results | dict(zip(names, rows.values(), strict=True)), args.output)
