"""All measurements on a GPU, in one run of at most ten minutes.

    python benchmarks/gpu_check.py --out FOLDER [--budget SECONDS] [--only STEP ...] [--device cuda] [--tiny]

Steps that need the same engine share a process with a time limit. A failed step does not stop the next one; if its
process ends, the remaining steps run in a new one. Results are appended to `results.jsonl` at once, output goes to
stdout, and `junit.xml`, `profile.txt` and `load.json` are left next to it. The models have random weights of the
released sizes, created on the device: weights do not affect the speed. `--device cpu --tiny` runs every step on a toy
model in under a minute, to find mistakes before GPU time is spent on them. Keep the figures with
`benchmarks/results_table.py --gpu results.jsonl`.
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

SECONDS = {  # time limit of each step
    "versions": 40,
    "start": 100,
    "throughput": 40,
    "streams": 40,
    "load": 60,
    "parity": 60,
    "steps": 30,
    "profile": 30,
    "kernels": 40,
    "tests": 120,
    "memory": 70,
    "faster": 120,
}
TOGETHER = [  # one process per row, which loads and captures once; in order of execution
    ["versions"],
    ["start", "throughput", "streams", "load"],
    ["parity", "steps", "profile", "kernels"],
    ["faster"],
    ["tests"],
    ["memory"],
]


def run_steps(names: list[str], options: argparse.Namespace) -> int:
    """Run in a process of their own: measure, and append a JSON line for each step, with its error if it failed."""
    from gpu_shared import Shared
    from gpu_steps import STEPS

    from qwen3tts_webui.bench.report import environment

    failed = False
    with Shared(options) as shared:
        for name in names:
            began = time.monotonic()
            line: dict[str, object] = {"step": name}
            try:
                line |= STEPS[name](shared)
            except Exception as error:  # of any kind: it is reported in the line
                traceback.print_exc()
                line["error"] = f"{type(error).__name__}: {error}"[:500]
                failed = True
            line["seconds"] = round(time.monotonic() - began, 1)
            if name == "versions":
                line |= environment()
            append(line, options)
    return int(failed)


def append(line: dict[str, object], options: argparse.Namespace) -> None:
    text = json.dumps(line, ensure_ascii=False)
    print(text, flush=True)
    with (options.out / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write(text + "\n")


def done_steps(options: argparse.Namespace) -> set[str]:
    file = options.out / "results.jsonl"
    return {json.loads(line)["step"] for line in file.read_text().splitlines()} if file.exists() else set()


def run_all(options: argparse.Namespace) -> int:
    """Run every step in turn while the budget lasts; return 1 if any failed."""
    (options.out / "results.jsonl").unlink(missing_ok=True)
    began = time.monotonic()
    wanted = options.only or list(SECONDS)
    failed = False
    groups = [[name for name in group if name in wanted] for group in TOGETHER]
    if options.tiny:  # nothing to keep apart on a toy model: importing torch again takes longest
        groups = [[name for group in groups for name in group]]
    while groups:
        names = groups.pop(0)
        left = options.budget - (time.monotonic() - began)
        if not names or left < 10:
            failed = failed or bool(names)
            continue
        print(f"== {' '.join(names)} ({time.monotonic() - began:.0f} s)", flush=True)
        command = [sys.executable, __file__, "--out", options.out, "--device", options.device, "--size", options.size]
        command += [*(["--tiny"] if options.tiny else []), "--step", *names]
        limit = sum(SECONDS[name] for name in names)
        try:
            code = subprocess.run([str(part) for part in command], timeout=min(left, limit)).returncode
        except subprocess.TimeoutExpired:
            code = -1
        failed = failed or code != 0
        missing = [name for name in names if name not in done_steps(options)]
        if missing:  # the process ended during a step: try the others without it
            append({"step": missing[0], "error": f"the process ended ({code}), or it took over {limit} s"}, options)
            groups.insert(0, missing[1:])
    print(f"== done in {time.monotonic() - began:.0f} s", flush=True)
    return int(failed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="the folder of the results")
    parser.add_argument("--budget", type=float, default=540.0, help="seconds for all steps together")
    parser.add_argument("--only", nargs="*", choices=list(SECONDS), help="only these steps, in this order")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", choices=["1.7B", "0.6B"], default="1.7B")
    parser.add_argument("--tiny", action="store_true", help="use a toy model and few repetitions")
    parser.add_argument("--step", nargs="*", choices=list(SECONDS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if options.device == "cpu":
        os.environ["TRITON_INTERPRET"] = "1"
    return run_steps(options.step, options) if options.step else run_all(options)


if __name__ == "__main__":
    sys.exit(main())
