"""Many at once: frames a second for 1, 2, 4, ... utterances together, and what that gains over one after another."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from qwen3tts_webui.bench.engine_under_test import opened, speak, utterances
from qwen3tts_webui.bench.report import table, tell
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.types import Utterance


def run(args: argparse.Namespace) -> None:
    """For each batch up to the slots: that many utterances of `--frames` frames, `--runs` times."""
    rows: list[dict[str, float | int]] = []
    with opened(args) as subject:
        batch = 1
        while batch <= subject.engine.info.slots:
            jobs = utterances(batch, frames=args.frames)
            speak(subject.engine, jobs[:1])
            best = min(_seconds(subject.engine, jobs) for _ in range(args.runs))
            speed = batch * args.frames / best
            gain = speed / float(rows[0]["frames_per_second"]) if rows else 1.0
            rows.append(
                {
                    "batch": batch,
                    "frames_per_second": round(speed, 2),
                    "times_real_time": round(speed / 12.5, 2),
                    "gain": round(gain, 2),
                }
            )
            batch *= 2
        facts = subject.facts
    table(["batch", "frames/s", "x real time", "gain"], [list(row.values()) for row in rows])
    tell("throughput", facts, {"runs": args.runs, "frames": args.frames, "batches": rows}, args.output)


def _seconds(engine: Engine, jobs: Sequence[Utterance]) -> float:
    began = time.perf_counter()
    speak(engine, jobs)
    return time.perf_counter() - began
