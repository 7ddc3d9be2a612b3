"""Memory of a model in each dtype: weights, caches and state as the engine counts them, and of the process.

The process is measured when the model is loaded and again after an utterance.
"""

from __future__ import annotations

import argparse
import sys

import psutil

from qwen3tts_webui.bench.engine_under_test import make_utterances, open_engine, synthesize
from qwen3tts_webui.bench.report import print_table, write_result
from qwen3tts_webui.engine import GpuMonitor

_GIB = 2**30


def run(args: argparse.Namespace) -> None:
    """Load in the first of `--dtypes`, then switch through the others, synthesizing an utterance in each."""
    dtypes = args.dtypes.split(",") if args.dtypes else []
    rows: list[dict[str, object]] = []
    if dtypes:
        args.dtype = dtypes[0]
    monitor = GpuMonitor()
    try:
        with open_engine(args) as target:
            for dtype in dtypes or [target.engine.info.dtype]:
                if dtype != target.engine.info.dtype:
                    target.engine.switch(dtype).result()
                loaded = _resident_gib()
                synthesize(target.engine, make_utterances(1, frames=args.frames))
                rows.append(_row(dtype, target.engine.memory_bytes or 0, loaded, monitor))
            facts = target.facts
    finally:
        monitor.close()
    first = float(str(rows[0]["held_gib"]))
    for row in rows:
        row["less_percent"] = round(100 * (1 - float(str(row["held_gib"])) / first), 1)
    print_table(
        ["dtype", "held GiB", "loaded GiB", "process GiB", "peak GiB", "GPU GiB", "less, %"],
        [list(row.values()) for row in rows],
    )
    write_result("memory", facts, {"types": rows}, args.output)


def _row(dtype: str, held: int, loaded_gib: float, monitor: GpuMonitor) -> dict[str, object]:
    sample = monitor.latest
    return {
        "dtype": dtype,
        "held_gib": round(held / _GIB, 3),
        "loaded_gib": loaded_gib,
        "process_gib": _resident_gib(),
        "peak_gib": round(peak_bytes() / _GIB, 3),
        "gpu_gib": None if sample is None else round(sample.used_bytes / _GIB, 3),
    }


def _resident_gib() -> float:
    return round(psutil.Process().memory_info().rss / _GIB, 3)


def peak_bytes() -> int:
    """Return the peak resident memory of this process."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # absent on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
