"""Everything that is to be measured on a GPU, in one run of at most ten minutes.

    python benchmarks/gpu_check.py --out FOLDER [--budget SECONDS] [--only STEP ...] [--device cuda] [--tiny]

Each step is a process with a time limit of its own; none stops the next. What a step found is appended to
`results.jsonl` at once, its output goes to stdout, and `junit.xml`, `profile.txt` and `load.json` are left beside it.
The models have random weights of the released sizes, made on the device: weights do not change the speed.
`--device cpu --tiny` runs every step on a toy in under a minute, so that none fails on a typo where time is dear.
Keep the figures with `benchmarks/results_table.py --gpu results.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

SECONDS = {  # of each step, in the order in which they are run
    "versions": 40,
    "start": 100,
    "tests": 120,
    "parity": 60,
    "steps": 60,
    "throughput": 70,
    "streams": 70,
    "load": 80,
    "memory": 70,
    "faster": 120,
    "profile": 50,
}


def run_step(name: str, options: argparse.Namespace) -> int:
    """In a process of its own: measure, append the JSON line, and say what failed if it did."""
    from gpu_steps import STEPS

    began = time.monotonic()
    line: dict[str, object] = {"step": name}
    try:
        line |= STEPS[name](options)
    except BaseException as error:  # whatever it was: the line says so
        traceback.print_exc()
        line["error"] = f"{type(error).__name__}: {error}"[:500]
    line["seconds"] = round(time.monotonic() - began, 1)
    from qwen3tts_webui.bench.report import surroundings

    if name == "versions":
        line |= surroundings()
    text = json.dumps(line, ensure_ascii=False)
    print(text, flush=True)
    with (options.out / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    return int("error" in line)


def run_all(options: argparse.Namespace) -> int:
    """Every step in turn, as far as the budget goes; 1 if any of them failed."""
    failed = []
    began = time.monotonic()
    for name in options.only or SECONDS:
        left = options.budget - (time.monotonic() - began)
        if left < 10:
            print(f"== {name}: no time left", flush=True)
            failed.append(name)
            continue
        print(f"== {name} ({time.monotonic() - began:.0f} s)", flush=True)
        command = [sys.executable, __file__, "--step", name, "--out", options.out, "--device", options.device]
        command += ["--size", options.size, *(["--tiny"] if options.tiny else [])]
        try:
            code = subprocess.run([str(part) for part in command], timeout=min(left, SECONDS[name])).returncode
        except subprocess.TimeoutExpired:
            code = -1
            with (options.out / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": name, "error": f"stopped after {SECONDS[name]} s at most"}) + "\n")
        if code:
            failed.append(name)
            print(f"== {name} failed ({code})", flush=True)
    print(f"== done in {time.monotonic() - began:.0f} s; failed: {', '.join(failed) or 'none'}", flush=True)
    return int(bool(failed))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="a folder for what comes back")
    parser.add_argument("--budget", type=float, default=540.0, help="seconds for all steps together")
    parser.add_argument("--only", nargs="*", choices=list(SECONDS), help="these steps alone, in this order")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", choices=["1.7B", "0.6B"], default="1.7B")
    parser.add_argument("--tiny", action="store_true", help="a toy model and few repetitions")
    parser.add_argument("--step", choices=list(SECONDS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run_step(options.step, options) if options.step else run_all(options)


if __name__ == "__main__":
    sys.exit(main())
