"""One listener: how long until the first sound, and how fast it goes on. No server: the engine's own share."""

from __future__ import annotations

import argparse

from qwen3tts_webui.bench.engine_under_test import opened, speak, stalls, utterances
from qwen3tts_webui.bench.report import spread, table, tell


def run(args: argparse.Namespace) -> None:
    """`--runs` utterances of `--frames` frames, one after the other, after one that is not counted."""
    with opened(args) as subject:
        speak(subject.engine, utterances(1, frames=args.frames, frames_per_packet=args.frames_per_packet))
        ears = [
            speak(subject.engine, [utterance])[0]
            for utterance in utterances(args.runs, frames=args.frames, frames_per_packet=args.frames_per_packet)
        ]
        facts = subject.facts
    timings = [ear.heard() for ear in ears]
    first = [1e3 * ear.arrivals[0][0] for ear in ears]
    speed = [t.frames_per_second for t in timings if t.frames_per_second is not None]
    rows = {
        "first PCM, ms": spread(first),
        "prefill and first codes, ms": spread([t.prefill_ms for t in timings if t.prefill_ms is not None]),
        "codec of the first packet, ms": spread([t.codec_ms for t in timings if t.codec_ms is not None]),
        "frames a second, codec included": spread(speed, 2),
        "underruns with no buffer": spread([float(stalls(ear.arrivals)[0]) for ear in ears]),
    }
    table(["", "p50", "p95", "max"], [[name, row["p50"], row["p95"], row["max"]] for name, row in rows.items()])
    results = {"runs": args.runs, "frames": args.frames, "frames_per_packet": args.frames_per_packet}
    names = ("first_pcm_ms", "prefill_ms", "codec_ms", "frames_per_second", "underruns")
    tell("latency", facts, results | dict(zip(names, rows.values(), strict=True)), args.output)
