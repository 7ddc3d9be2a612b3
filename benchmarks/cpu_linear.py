"""How long the linears of a frame take on a CPU, for each kind of linear, at the released sizes with random weights.

    flock /tmp/bench.lock python benchmarks/cpu_linear.py [--threads 2] [--size 1.7B] [--runs 5]

"talker": the fused linears of all 28 layers for 1 row and for a prompt of 64. "predictor": its 5 layers once for two
rows and 14 times for one, a head after each. Every layer has weights of its own, so that no cache flatters the figure.
Prints a table and, last, one JSON line; least and median of several runs.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import get_args

import torch
from torch import nn

from qwen3tts_webui.model.linear import LinearKind, replace_linears

HIDDEN = {"1.7B": (2048, 6144), "0.6B": (1024, 3072)}
PREDICTOR = (1024, 3072)


def linear(inputs: int, outputs: int, dtype: torch.dtype) -> nn.Linear:
    made = nn.Linear(inputs, outputs, bias=False, device="meta", dtype=dtype)
    made.weight = nn.Parameter(torch.randn(outputs, inputs, dtype=dtype).mul_(0.02), requires_grad=False)
    return made


def layer(hidden: int, intermediate: int, dtype: torch.dtype) -> nn.Module:
    """qkv, o, gate_up, down; 16 heads and 8 KV heads of 128."""
    shapes = ((hidden, 4096), (2048, hidden), (hidden, 2 * intermediate), (intermediate, hidden))
    return nn.ModuleList(linear(inputs, outputs, dtype) for inputs, outputs in shapes)


def run_all(linears: list[nn.Module], inputs: dict[int, torch.Tensor]) -> None:
    for module in linears:
        module(inputs[module.in_features])  # type: ignore[index]


def measure(work: Callable[[], None], runs: int) -> dict[str, float]:
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return {"least_ms": round(min(times[1:]), 2), "ms": round(statistics.median(times[1:]), 2)}


@torch.inference_mode()
def measure_kind(kind: LinearKind | None, size: str, runs: int) -> dict[str, dict[str, float]]:
    """`kind` None is torch's own float32 linear."""
    dtype = torch.bfloat16 if kind == "bfloat16" else torch.float32

    def build(count: int, sizes: tuple[int, int]) -> list[nn.Module]:
        linears: list[nn.Module] = []
        for _ in range(count):
            made = layer(*sizes, dtype)
            if kind is not None and not replace_linears(made, kind):
                raise SystemExit(f"{kind} is not to be had here")
            linears.extend(made.children())
        return linears

    def rows(count: int) -> dict[int, torch.Tensor]:
        return {width: torch.randn(count, width, dtype=dtype) for width in (1024, 2048, 3072, 6144)}

    talker = build(28, HIDDEN[size])
    report = {f"talker {n}": measure(partial(run_all, talker, rows(n)), runs) for n in (1, 64)}
    talker.clear()
    predictor = build(5, PREDICTOR)
    heads = nn.ModuleList(linear(1024, 2048, dtype) for _ in range(15))
    if kind is not None:
        replace_linears(heads, kind)

    def predict() -> None:
        one = rows(1)
        run_all(predictor, rows(2))
        heads[0](one[1024])
        for head in list(heads)[1:]:
            run_all(predictor, one)
            head(one[1024])

    return report | {"predictor": measure(predict, runs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", choices=list(HIDDEN), default="1.7B")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    results = {}
    for kind in (None, *get_args(LinearKind)):
        results[kind or "torch float32"] = report = measure_kind(kind, options.size, options.runs)
        print(
            f"{kind or 'torch float32':14s}",
            *(f"{name}: {value['least_ms']:8.2f} ms" for name, value in report.items()),
        )
    facts = {"benchmark": "cpu_linear", "size": options.size, "results": results, "threads": options.threads}
    print(json.dumps(facts | {"device": platform.machine(), "torch": torch.__version__, "date": str(date.today())}))


if __name__ == "__main__":
    main()
