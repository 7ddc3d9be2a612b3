"""What a model holds in each numeric type: weights, caches and state as the engine counts them, and the process."""

from __future__ import annotations

import argparse
import sys

import psutil

from qwen3tts_webui.bench.engine_under_test import opened, speak, utterances
from qwen3tts_webui.bench.report import table, tell
from qwen3tts_webui.engine.gpu_monitor import GpuMonitor

_GIB = 2**30


def run(args: argparse.Namespace) -> None:
    """Load in the first of `--dtypes`, then switch through the others, speaking a little in each."""
    kinds = args.dtypes.split(",") if args.dtypes else []
    rows: list[dict[str, object]] = []
    if kinds:
        args.dtype = kinds[0]
    monitor = GpuMonitor()
    try:
        with opened(args) as subject:
            for kind in kinds or [subject.engine.info.dtype]:
                if kind != subject.engine.info.dtype:
                    subject.engine.switch(kind).result()
                speak(subject.engine, utterances(1, frames=args.frames))
                rows.append(_row(kind, subject.engine.memory_bytes or 0, monitor))
            facts = subject.facts
    finally:
        monitor.close()
    first = float(str(rows[0]["held_gib"]))
    for row in rows:
        row["less_percent"] = round(100 * (1 - float(str(row["held_gib"])) / first), 1)
    table(["type", "held GiB", "process GiB", "peak GiB", "GPU GiB", "less, %"], [list(row.values()) for row in rows])
    tell("memory", facts, {"types": rows}, args.output)


def _row(kind: str, held: int, monitor: GpuMonitor) -> dict[str, object]:
    sample = monitor.latest
    return {
        "dtype": kind,
        "held_gib": round(held / _GIB, 3),
        "process_gib": round(psutil.Process().memory_info().rss / _GIB, 3),
        "peak_gib": round(peak_bytes() / _GIB, 3),
        "gpu_gib": None if sample is None else round(sample.used_bytes / _GIB, 3),
    }


def peak_bytes() -> int:
    """The most memory that this process has had resident since it began."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # absent on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
