"""Report a measurement: a table for people, a JSON line for programs, and percentiles by nearest rank."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from qwen3tts_webui import __version__
from qwen3tts_webui.bootstrap.machine import read_cpu_flags

_PACKAGES = ("torch", "triton", "transformers", "numpy", "fastapi", "uvicorn")
_INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def nearest_rank(values: Sequence[float], percent: float) -> float:
    """Return the smallest of `values` that is not below `percent` of them."""
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def percentiles(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """Return p50, p95, p99 and the extremes, rounded; empty without values."""
    if not values:
        return {}
    points = {f"p{percent}": nearest_rank(values, percent) for percent in (50, 95, 99)}
    return {name: round(value, digits) for name, value in (points | {"min": min(values), "max": max(values)}).items()}


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print right-aligned columns."""
    cells = [list(head), *([_format(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))


def write_result(name: str, facts: Mapping[str, object], results: Mapping[str, object], output: Path | None) -> None:
    """Print the results as a JSON line, and write it to `output`."""
    line = json.dumps({"benchmark": name, **facts, **results, **environment()}, ensure_ascii=False)
    print(line)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(line + "\n", encoding="utf-8")


def environment() -> dict[str, object]:
    """Return the machine and its load, the versions and the date."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        "instructions": [name for name in _INSTRUCTIONS if name in (read_cpu_flags() or ())],
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "versions": {"qwen3tts-webui": __version__, "python": platform.python_version()}
        | {package: _version(package) for package in _PACKAGES},
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join([_program(), *sys.argv[1:]]),
    }


def _program() -> str:
    script = Path(sys.argv[0])
    return f"python benchmarks/{script.name}" if script.parent.name == "benchmarks" else "qwen3tts-webui"


def _version(package: str) -> str | None:
    """Return None for a package that is not installed: the engine can be measured without a server."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _format(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else "-" if value is None else str(value)
