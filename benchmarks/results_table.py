"""Put what was really run into docs/performance.md: one row for each JSON line in benchmarks/results/.

    python benchmarks/results_table.py

In: files that `qwen3tts-webui bench ... --output` wrote. Out: the lines between the two markers of the page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
HEAD = "| date | machine (load when it ended) | model | type | measured | result |\n|---|---|---|---|---|---|"


def result_of(told: dict[str, Any]) -> str:
    """The figures of one measurement in words."""
    kind = told["benchmark"]
    if kind == "latency":
        first, speed = told["first_pcm_ms"], told["frames_per_second"]
        return f"first PCM p50 {first['p50']} ms, p95 {first['p95']} ms; {speed['p50']} frames/s with the codec"
    if kind == "throughput":
        rows = told["batches"]
        return "; ".join(f"batch {row['batch']}: {row['frames_per_second']} frames/s ({row['gain']}x)" for row in rows)
    if kind == "memory":
        rows = told["types"]
        return "; ".join(f"{row['dtype']} {row['held_gib']} GiB (-{row['less_percent']} %)" for row in rows)
    parts = []
    for row in told["rates"]:
        playable = row["playable_ms"].get("p95", "-")
        parts.append(f"{row['rate']}/s: playable p95 {playable} ms, {row['calls_with_underruns']} with underruns")
    return "; ".join(parts)


def row_of(told: dict[str, Any]) -> str:
    where = f"{told['machine']}; {told['device']} ({told['load_1min']})"
    measured = f"`{told['benchmark']}`"
    return f"| {told['date'][:10]} | {where} | {told['model']} | {told['dtype']} | {measured} | {result_of(told)} |"


def main() -> None:
    told = [
        json.loads(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "benchmarks/results").glob("*.json"))
    ]
    rows = [row_of(one) for one in told if one.get("benchmark") in ("latency", "throughput", "memory", "load")]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    rows = rows or ["| - | - | - | - | - | nothing yet |"]
    PAGE.write_text("\n".join([before + BEGIN, HEAD, *rows, END]) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
