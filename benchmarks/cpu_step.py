"""How long the language model's parts take on a CPU, full size and random weights, compiled and layer by layer.

    python benchmarks/cpu_step.py [--size 1.7B] [--dtype int8] [--threads 2] [--runs 9]

"step": the talker for one row and for four; "predictor": the other 15 codes of a frame, always the likeliest, for one
to four rows (a pass that verifies a drafted code has two); "prompt": 64 rows, which go layer by layer either way. Both
ways take turns in one process, on the same weights. Prints a table and, last, one JSON line: least and median
milliseconds.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from qwen3tts_webui.model.synthetic import synthetic_config, synthetic_model, synthetic_tokenizer
from qwen3tts_webui.model.talker.talker import Talker

POSITION, LENGTH, PROMPT = 100, 128, 64


@contextmanager
def layer_by_layer(talker: Talker):
    stacks = (talker.model, talker.code_predictor.model)
    kept = [stack.steps for stack in stacks]
    for stack in stacks:
        stack.steps = None
    try:
        yield
    finally:
        for stack, compiled in zip(stacks, kept, strict=True):
            stack.steps = compiled


def parts(talker: Talker) -> dict[str, Callable[[], Tensor]]:
    hidden, dtype = talker.config.talker.stack.hidden_size, talker.text_table.dtype
    kv = talker.new_kv(4, LENGTH)
    rows, prompt = torch.randn(4, hidden).to(dtype), torch.randn(1, PROMPT, hidden).to(dtype)
    positions, first = torch.full((4,), POSITION), torch.zeros(4, dtype=torch.int64)
    predictor = talker.code_predictor

    def predict(num_rows: int) -> Callable[[], Tensor]:
        return lambda: predictor(rows[:num_rows], first[:num_rows], lambda _, scores: scores.argmax(1))

    return {
        "step, 1 row": lambda: talker.step(rows[:1], positions[:1], kv, LENGTH),
        "step, 4 rows": lambda: talker.step(rows, positions, kv, LENGTH),
        **{f"predictor, {num_rows} row{'s' * (num_rows > 1)}": predict(num_rows) for num_rows in (1, 2, 3, 4)},
        "prompt": lambda: talker.prefill(prompt, torch.tensor([PROMPT]), kv, torch.tensor([0])),
    }


def milliseconds(work: Callable[[], Tensor]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["0.6B", "1.7B"], default="0.6B")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "int8", "int4"], default="int8")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=9)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = synthetic_model(synthetic_config(args.size), synthetic_tokenizer(["hello"]), device="cpu", dtype=args.dtype)
    results = {}
    for name, work in parts(model.talker).items():
        work()
        compiled, plain = [], []
        for _ in range(args.runs):
            compiled.append(milliseconds(work))
            with layer_by_layer(model.talker):
                plain.append(milliseconds(work))
        times = {"compiled": compiled, "by layers": plain}
        results[name] = {
            way: {"least": round(min(took), 1), "median": round(statistics.median(took), 1)}
            for way, took in times.items()
        }
        print(
            f"{name:20}",
            *(f"{way} {took['least']:.1f} / {took['median']:.1f} ms" for way, took in results[name].items()),
        )
    facts = {"size": args.size, "dtype": args.dtype, "threads": args.threads, "runs": args.runs}
    machine = {"device": platform.machine(), "torch": torch.__version__, "date": date.today().isoformat()}
    print(json.dumps({"benchmark": "cpu_step", **facts, "milliseconds": results, **machine}))


if __name__ == "__main__":
    main()
