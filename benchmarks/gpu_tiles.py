"""How `linear` should cut the products of a step: every cut on every shape, and torch's own product, on a GPU.

    python benchmarks/gpu_tiles.py [--batches 1,16,64]

Microseconds of one launch inside a graph, with the weights of many layers in turn, so that none is in the cache.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from qwen3tts_webui.engine.capture import CudaCapture
from qwen3tts_webui.model import fused
from qwen3tts_webui.model.fused import Tiles, linear

SHAPES = {  # name: (in, out, with a norm before it, gated)
    "talker qkv": (2048, 4096, True, False),
    "talker o": (2048, 2048, False, False),
    "talker gate_up": (2048, 6144, True, True),
    "talker down": (6144, 2048, False, False),
    "predictor qkv": (1024, 4096, True, False),
    "predictor o": (2048, 1024, False, False),
    "predictor gate_up": (1024, 3072, True, True),
    "predictor down": (3072, 1024, False, False),
}
CUTS = [(16, 256, 4, 4), (16, 512, 4, 3), (16, 128, 4, 5), (16, 256, 2, 4), (16, 512, 8, 3), (32, 256, 4, 4)]
CUTS += [(32, 128, 4, 5), (64, 128, 4, 4), (16, 256, 8, 4)]
COLD_BYTES = 400 << 20


def microseconds(launches: list[Callable[[], Tensor]], capture: CudaCapture, kept: list[object]) -> float:
    """`kept` holds the graphs: their pool lives as long as one of them."""
    replay = capture(lambda: [launch() for launch in launches][-1])
    kept.append(replay)
    times = []
    for _ in range(12):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        replay()
        ended.record()
        torch.cuda.synchronize()
        times.append(1e3 * began.elapsed_time(ended) / len(launches))
    return sorted(times)[len(times) // 2]


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", default="1,16,64")
    options = parser.parse_args()
    device = torch.device("cuda", 0)
    capture = CudaCapture(device)
    kept: list[object] = []
    for name in SHAPES:
        for batch in (int(number) for number in options.batches.split(",")):
            try_cuts(name, batch, capture, kept)


def try_cuts(name: str, batch: int, capture: CudaCapture, kept: list[object]) -> None:
    size_in, size_out, has_norm, gated = SHAPES[name]
    width, device = size_out * (2 if gated else 1), torch.device("cuda", 0)
    count = max(8, COLD_BYTES // (2 * width * size_in))
    weights = [torch.randn(width, size_in, device=device).bfloat16() / 50 for _ in range(count)]
    norm = torch.ones(size_in, device=device) if has_norm else None
    x = torch.randn(batch, size_in, device=device).bfloat16()
    residual = None if has_norm else torch.randn(batch, size_out, device=device).bfloat16()

    def ours(weight: Tensor) -> Tensor:
        return linear(x, weight, norm=norm, eps=1e-6, residual=residual, gated=gated)

    found = {"torch": microseconds([partial(F.linear, x, weight) for weight in weights], capture, kept)}
    for outs, ins, warps, stages in CUTS:
        tiles = Tiles(outs, ins, min(64, max(16, batch)), warps, stages)
        with mock.patch.object(fused, "tiles_of", lambda *_, tiles=tiles: tiles):
            try:
                times = microseconds([partial(ours, weight) for weight in weights], capture, kept)
            except Exception as error:
                print(f"{name} {tiles}: {str(error)[:100]}")
            else:
                found[f"{outs}x{ins} w{warps} s{stages}"] = times
    best = dict(sorted(found.items(), key=lambda pair: pair[1]))
    floor = 2 * width * size_in / 4.2e6
    line = ", ".join(f"{cut} {time:.1f}" for cut, time in best.items())
    print(f"{name:18} batch {batch:2} floor {floor:.1f}: {line}", flush=True)
    print(json.dumps({"shape": name, "batch": batch, **{cut: round(time, 2) for cut, time in best.items()}}))


if __name__ == "__main__":
    main()
