"""Throughput: frames per second of 1, 2, 4, ... concurrent utterances, and the gain over a single one."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from qwen3tts_webui.bench.engine_under_test import make_utterances, open_engine, synthesize
from qwen3tts_webui.bench.report import print_table, write_result
from qwen3tts_webui.engine import Engine
from qwen3tts_webui.types import FRAMES_PER_SECOND, Utterance


def run(args: argparse.Namespace) -> None:
    """For each batch size up to the slots, synthesize that many utterances of `--frames` frames `--runs` times."""
    rows: list[dict[str, float | int]] = []
    with open_engine(args) as target:
        batch = 1
        while batch <= target.engine.info.slots:
            jobs = make_utterances(batch, frames=args.frames)
            synthesize(target.engine, jobs[:1])
            best = min(_seconds(target.engine, jobs) for _ in range(args.runs))
            speed = batch * args.frames / best
            gain = speed / float(rows[0]["frames_per_second"]) if rows else 1.0
            rows.append(
                {
                    "batch": batch,
                    "frames_per_second": round(speed, 2),
                    "times_real_time": round(speed / FRAMES_PER_SECOND, 2),
                    "gain": round(gain, 2),
                }
            )
            batch *= 2
        facts = target.facts
    print_table(["batch", "frames/s", "x real time", "gain"], [list(row.values()) for row in rows])
    write_result("throughput", facts, {"runs": args.runs, "frames": args.frames, "batches": rows}, args.output)


def _seconds(engine: Engine, jobs: Sequence[Utterance]) -> float:
    began = time.perf_counter()
    synthesize(engine, jobs)
    return time.perf_counter() - began
