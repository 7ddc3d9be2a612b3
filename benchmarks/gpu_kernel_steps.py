"""The step of `gpu_check.py` that times our own products: each kernel against cuBLAS, and frames with and without."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from gpu_shared import Options
from torch import Tensor
from torch.nn import functional as F

from qwen3tts_webui.model import StepShape, Talker, run_decode_step
from qwen3tts_webui.model.sampling import SamplingBounds

Work = Callable[[], object]
POSITION = 100


def kernels(options: Options) -> dict[str, object]:
    """Report which products the start-up check chose, their bandwidth, and frames with each kind, in milliseconds."""
    from qwen3tts_webui.model.cuda.gemv_choice import device_ms

    on_cpu = options.device == "cpu"
    clock = wall_ms if on_cpu else device_ms
    runner = options.runner()
    talker = runner.model.talker
    stacks = {"talker": talker.model, "predictor": talker.code_predictor.model}
    found: dict[str, object] = {"chosen": {name: describe(stack.steps) for name, stack in stacks.items()}}
    with torch.inference_mode():
        found["products"] = {
            f"{name} x {rows}": bandwidths(stack, rows, clock)
            for name, stack in stacks.items()
            for rows in ((1,) if on_cpu else (1, 8))
        }
        batches = (1,) if on_cpu else (1, 2, 4, 8)
        found["frame_ms"] = frame_times(talker, runner.state, [b for b in batches if b <= runner.slots], clock, on_cpu)
    return found


def describe(steps: Any) -> dict[str, object]:
    return {"kind": type(steps).__name__} | {
        name: getattr(steps, name) for name in ("tiles", "max_split", "max_batch", "joined") if hasattr(steps, name)
    }


def bandwidths(stack: Any, rows: int, clock: Callable[[Work], float]) -> dict[str, object]:
    """TB/s of weights read, by our kernels and by cuBLAS, over all layers: more than fits into a cache."""
    from qwen3tts_webui.model.cuda.fused_stack import linear
    from qwen3tts_webui.model.cuda.gemv_stack import norm_linear

    norm, eps = stack.norm.weight, stack.norm.eps
    layers = list(stack.layers)[: None if norm.device.type == "cuda" else 1]
    found: dict[str, object] = {}
    for name, part in (
        ("qkv", lambda layer: layer.self_attn.qkv_proj),
        ("projection", lambda layer: layer.self_attn.o_proj),
        ("gate_up", lambda layer: layer.mlp.gate_up_proj),
        ("down", lambda layer: layer.mlp.down_proj),
    ):
        weights: list[Tensor] = [part(layer).weight for layer in layers]
        x = torch.randn(rows, weights[0].shape[1]).to(weights[0])
        residual = torch.randn(rows, len(weights[0])).to(weights[0])

        def ours(name: str = name, weights: list[Tensor] = weights, x: Tensor = x, residual: Tensor = residual) -> None:
            for weight in weights:
                if name in ("qkv", "gate_up"):
                    norm_linear(x, norm, weight, eps, gate=name == "gate_up")
                else:
                    linear(x, weight, residual)

        def cublas(weights: list[Tensor] = weights, x: Tensor = x) -> None:
            for weight in weights:
                F.linear(x, weight)

        size = sum(weight.nbytes for weight in weights)
        for way, work in (("ours", ours), ("cublas", cublas)):
            milliseconds = clock(work)
            found[f"{name} {way}"] = {
                "us": round(1e3 * milliseconds / len(weights), 2),
                "tb_s": round(size / milliseconds / 1e9, 3),
            }
    return found


def frame_times(
    talker: Talker, state: Any, batches: list[int], clock: Callable[[Work], float], on_cpu: bool
) -> dict[str, float]:
    """Milliseconds of frames with steps of each kind: without a graph, but also without the time of Python."""
    from qwen3tts_webui.model.cuda.fused_stack import FusedStack
    from qwen3tts_webui.model.cuda.gemv_stack import GemvStack

    stacks = talker.model, talker.code_predictor.model
    lengths = talker.config.talker.max_positions, talker.code_predictor.positions.shape[1]
    chosen = [stack.steps for stack in stacks]
    ways: dict[str, list[Any]] = {"chosen": chosen}
    if not on_cpu:  # there they would be interpreted
        tiles, each = getattr(chosen[0], "tiles", True), list(zip(stacks, lengths, strict=True))
        ways["cublas"] = [FusedStack(stack, length, tiles=tiles) for stack, length in each]
        ways["gemv"] = [GemvStack(stack, length, tiles=tiles) for stack, length in each]
        ways["joined"] = [ways["gemv"][0], GemvStack(stacks[1], lengths[1], tiles=tiles, joined=True)]
    state.positions[:] = POSITION
    found: dict[str, float] = {}
    try:
        for name, steps in ways.items():
            for stack, step in zip(stacks, steps, strict=True):
                stack.steps = step
            for batch in batches:
                shape = StepShape(batch, POSITION + 1, SamplingBounds(max_top_k=64, uses_top_p=False))
                found[f"{batch} {name}"] = round(clock(partial(run_decode_step, talker, state, shape)), 3)
    finally:
        for stack, step in zip(stacks, chosen, strict=True):
            stack.steps = step
        state.positions[:] = 0
    return found


def wall_ms(work: Work) -> float:
    began = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - began)
