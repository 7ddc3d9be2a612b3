"""Update the tables of docs/performance.md: one row for each JSON line in benchmarks/results/.

    python benchmarks/results_table.py [--gpu RESULTS.jsonl --name NAME --note NOTE]

Input: files written by `qwen3tts-webui bench ... --output`, and those of `gpu_check.py`. `--gpu` stores the results of
one run as benchmarks/results/gpu/NAME.jsonl. Output: the lines between the markers of the page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
HEAD = "| date | machine (load average at the end) | model | dtype | benchmark | result |\n|---|---|---|---|---|---|"


def result_of(record: dict[str, Any]) -> str:
    """Format the figures of one measurement."""
    kind = record["benchmark"]
    if kind == "latency":
        first, speed = record["first_pcm_ms"], record["frames_per_second"]
        new = record.get("first_pcm_new_voice_ms")
        new_voice = f" (a new voice: p50 {new['p50']} ms)" if new else ""
        return (
            f"first PCM p50 {first['p50']} ms, p95 {first['p95']} ms{new_voice}; {speed['p50']} frames/s with the codec"
        )
    if kind == "throughput":
        rows = record["batches"]
        return "; ".join(f"batch {row['batch']}: {row['frames_per_second']} frames/s ({row['gain']}x)" for row in rows)
    if kind == "memory":
        return "; ".join(
            f"{row['dtype']}: {row['loaded_gib']} GiB resident when loaded, {row['process_gib']} once it has spoken, "
            f"peak {row['peak_gib']}"
            for row in record["types"]
        )
    if kind == "cloning":
        median = {name: row["p50"] for name, row in record.items() if name.endswith("_ms") and isinstance(row, dict)}
        return (
            f"recording of {record['seconds']:g} s: x-vector p50 {median['x_vector_ms']} ms, "
            f"with codes {median['reference_ms']} ms; first PCM in context {median['first_pcm_icl_ms']} ms, "
            f"from the x-vector {median['first_pcm_x_vector_ms']} ms"
        )
    parts = []
    for row in record["rates"]:
        playable = row["playable_ms"].get("p95", "-")
        parts.append(f"{row['rate']}/s: playable p95 {playable} ms, {row['calls_with_underruns']} with underruns")
    return "; ".join(parts)


def row_of(record: dict[str, Any]) -> str:
    """Format one row of the table."""
    instructions = f" ({', '.join(record['instructions'])})" if record.get("instructions") else ""
    cells = [
        record["date"][:10],
        f"{record['machine']}{instructions}; {record['device']} ({record['load_1min']})",
        record["model"],
        record["dtype"],
        f"`{record['benchmark']}`",
        result_of(record),
    ]
    return f"| {' | '.join(cells)} |"


GPU_BEGIN, GPU_END = "<!-- gpu: begin -->", "<!-- gpu: end -->"
GPU_HEAD = "| date, commit | device | step | result |\n|---|---|---|---|"


def gpu_result_of(line: dict[str, Any]) -> str:
    """Format the figures of one step of `gpu_check.py`; "" for a step without any."""
    if "error" in line:
        return f"failed: {line['error'][:120]}"
    kind = line["step"]
    if kind == "start":
        first, frame = line["latency"]["first_pcm_ms"], line["latency"]["frame_ms"]
        parts = f"prefill {line['latency']['prefill_ms']['p50']}, codec {line['latency']['codec_ms']['p50']}"
        words = f"ready in {line['ready_s']} s, {line['graphs']} graphs; first PCM p50 {first['p50']} ms, "
        return words + f"p95 {first['p95']} ms ({parts}); a frame with its packets {frame['p50']} ms"
    if kind == "steps":
        groups = []
        for name in ("frame", "prompt", "packet"):
            times = ", ".join(f"{case}: {time['device_ms']}" for case, time in line[name].items() if time)
            groups.append(f"{name} (ms by the device's clock) {times}")
        if overlap := line.get("overlap"):  # since steps run ahead
            times = ", ".join(f"{batch}: {t['in_turns_ms']} and {t['at_once_ms']}" for batch, t in overlap.items())
            groups.append(f"frame and packet (ms of wall time), in turns and at once {times}")
        return "; ".join(groups)
    if kind == "parity":
        frames = ", ".join(f"{batch}: {frame}" for batch, frame in line["first_differing_frame"].items())
        return f"first frame in which a batch differs from one alone: {frames}"
    if kind == "throughput":
        return "; ".join(
            f"batch {r['batch']}: {r['frames_per_second']} frames/s ({r['gain']}x)" for r in line["batches"]
        )
    if kind == "streams":
        names = ("burst", "staggered")
        rows = [(name, line[name]) for name in names]
        return "; ".join(f"{n}: p95 {r['first_pcm_ms']['p95']} ms, {r['underruns']} underruns" for n, r in rows)
    if kind == "load":
        return "; ".join(f"{r['rate']}/s: playable p95 {r['playable_ms'].get('p95', '-')} ms" for r in line["rates"])
    if kind == "memory":
        return "; ".join(f"{row['dtype']} {row['held_gib']} GiB" for row in line["types"])
    if kind == "faster":
        sides = [(name, line[f"packets_of_{size}"]) for size, name in ((8, "8 frames"), (1, "1 frame"))]
        return "; ".join(f"packets of {name}: {json.dumps(side)}" for name, side in sides)
    if kind == "kernels":
        times = ", ".join(f"{way} {ms}" for way, ms in line["frame_ms"].items())
        return f"a frame without a graph (slots, products, ms) {times}"
    if kind == "profile":
        frame, prompt, packet = (line[f"{name}_kernels"] for name in ("frame", "prompt", "packet"))
        return f"kernels: frame {frame}, prompt with its first frame {prompt}, packet {packet}"
    return f"copies at {line['copy_tb_s']} TB/s" if "copy_tb_s" in line else ""


def gpu_rows() -> list[str]:
    """Return the rows of every stored run; the first line of a file says where and when it was made."""
    rows = []
    for file in sorted((ROOT / "benchmarks/results/gpu").glob("*.jsonl")):
        head, *lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        for line in lines:
            if "step" in line and (result := gpu_result_of(line)):
                device = head["device"].partition(",")[0]
                rows.append(
                    f"| {head['date']}, {head['commit']} | {device}; {head['note']} | `{line['step']}` | {result} |"
                )
    return rows


def keep_gpu_run(results: Path, name: str, note: str) -> None:
    """Copy the lines of one run, after a line with its device, date and commit."""
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    about = next(line for line in lines if line["step"] == "versions")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    device = f"{about.get('nvidia_smi', 'no NVIDIA GPU')}, torch {about['torch']}"
    head = {"device": device, "date": about["date"][:10], "commit": commit.strip(), "note": note}
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (head, *lines))
    (ROOT / "benchmarks/results/gpu" / f"{name}.jsonl").write_text(text, encoding="utf-8")


def between(page: str, begin: str, end: str, lines: list[str]) -> str:
    """Return `page` with `lines` between the two markers."""
    before, _, rest = page.partition(begin)
    return "\n".join([before + begin, *lines, end]) + rest.partition(end)[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", type=Path, help="results.jsonl of gpu_check.py")
    parser.add_argument("--name", default="gpu")
    parser.add_argument("--note", default="")
    options = parser.parse_args()
    if options.gpu is not None:
        keep_gpu_run(options.gpu, options.name, options.note)
    files = sorted((ROOT / "benchmarks/results").glob("*.json"))
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    kinds = ("latency", "throughput", "memory", "load", "cloning")
    rows = [row_of(one) for one in records if one.get("benchmark") in kinds]
    page = PAGE.read_text(encoding="utf-8")
    page = between(page, BEGIN, END, [HEAD, *(rows or ["| - | - | - | - | - | nothing yet |"])])
    PAGE.write_text(between(page, GPU_BEGIN, GPU_END, [GPU_HEAD, *gpu_rows()]), encoding="utf-8")


if __name__ == "__main__":
    main()
