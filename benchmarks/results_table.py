"""Update the table of docs/performance.md: one row for each JSON line in benchmarks/results/.

    python benchmarks/results_table.py

Input: files written by `qwen3tts-webui bench ... --output`. Output: the lines between the two markers of the page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
HEAD = "| date | machine (load average at the end) | model | dtype | benchmark | result |\n|---|---|---|---|---|---|"


def result_of(record: dict[str, Any]) -> str:
    """The figures of one measurement in words."""
    kind = record["benchmark"]
    if kind == "latency":
        first, speed = record["first_pcm_ms"], record["frames_per_second"]
        return f"first PCM p50 {first['p50']} ms, p95 {first['p95']} ms; {speed['p50']} frames/s with the codec"
    if kind == "throughput":
        rows = record["batches"]
        return "; ".join(f"batch {row['batch']}: {row['frames_per_second']} frames/s ({row['gain']}x)" for row in rows)
    if kind == "memory":
        rows = record["types"]
        return "; ".join(f"{row['dtype']} {row['held_gib']} GiB (-{row['less_percent']} %)" for row in rows)
    parts = []
    for row in record["rates"]:
        playable = row["playable_ms"].get("p95", "-")
        parts.append(f"{row['rate']}/s: playable p95 {playable} ms, {row['calls_with_underruns']} with underruns")
    return "; ".join(parts)


def row_of(record: dict[str, Any]) -> str:
    """One row of the table."""
    cells = [
        record["date"][:10],
        f"{record['machine']}; {record['device']} ({record['load_1min']})",
        record["model"],
        record["dtype"],
        f"`{record['benchmark']}`",
        result_of(record),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    files = sorted((ROOT / "benchmarks/results").glob("*.json"))
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    rows = [row_of(one) for one in records if one.get("benchmark") in ("latency", "throughput", "memory", "load")]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    rows = rows or ["| - | - | - | - | - | none yet |"]
    PAGE.write_text("\n".join([before + BEGIN, HEAD, *rows, END]) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
