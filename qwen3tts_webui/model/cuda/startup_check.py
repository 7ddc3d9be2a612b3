"""Select the fused kernels for this GPU: those as close to float32 as torch's layers.

They are compared on the device at every start. If Triton is missing, a kernel does not compile or results differ, the
layers are used and the reason is logged. Our own products and frame kernels are optional on top of them.
"""

from __future__ import annotations

import copy
import functools
import importlib.util
import logging
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from qwen3tts_webui.model.cuda.frame_check import check_frames
from qwen3tts_webui.model.cuda.fused_frames import FusedFrames
from qwen3tts_webui.model.cuda.fused_sampler import check_sampler, fused_sampler
from qwen3tts_webui.model.cuda.fused_stack import FusedStack
from qwen3tts_webui.model.cuda.gemv_choice import Clock, choose, device_ms
from qwen3tts_webui.model.cuda.split_choice import choose_split

if TYPE_CHECKING:
    from qwen3tts_webui.model.talker.layers import Layer, Stack
    from qwen3tts_webui.model.talker.talker import Talker

log = logging.getLogger(__name__)


def fuse_steps(talker: Talker, clock: Clock | None = None) -> bool:
    """Use fused kernels for the steps and the sampling of `talker` if they work here; otherwise log the reason.

    `clock` times our own products against cuBLAS; by default that of a GPU. Without one they are not used.
    """
    if importlib.util.find_spec("triton") is None:
        log.warning("Triton is not installed: each step takes several times as many launches on the GPU")
        return False
    device = talker.codec_head.weight.device
    if clock is None and device.type == "cuda":
        clock = device_ms
    try:
        check_sampler(talker.config.talker.vocab_size, device)
        fused = [_checked(stack, length, pairs) for _, stack, length, pairs in _stacks(talker)]
    except Exception as error:  # missing compiler, unknown GPU, different results
        log.warning("decode steps are not fused and take many launches: %s", str(error).partition("\n")[0])
        return False
    talker.model.prompts = fused[0].read
    talker.fused_sampler, talker.sampler_supports_top_p = fused_sampler, True
    for (name, stack, length, pairs), steps in zip(_stacks(talker), fused, strict=True):
        check = functools.partial(check_steps, stack, pairs=pairs)
        if clock is not None:
            steps = choose(name, stack, steps, length, check, clock)
            choose_split(name, steps, length, check, clock)
        stack.steps = steps
    frames = FusedFrames(talker)
    try:
        check_frames(talker, frames)
    except Exception as error:
        log.info("the state of the slots is advanced by torch: %s", str(error).partition("\n")[0])
    else:
        talker.fused_frames = frames
    return True


def _stacks(talker: Talker) -> list[tuple[str, Stack, int, bool]]:
    """(name, stack, number of positions, whether its first two rows come together)"""
    predictor = talker.code_predictor
    return [
        ("talker", talker.model, talker.config.talker.max_positions, False),
        ("code predictor", predictor.model, predictor.positions.shape[1], True),
    ]


def _checked(stack: Stack, num_positions: int, pairs: bool) -> FusedStack:
    """The fastest variant that agrees with the layers. Raises the error of the last one."""
    fast = FusedStack(stack, num_positions)
    try:
        check_steps(stack, fast, pairs)
        return fast
    except Exception as error:
        log.info("attention of steps without tensor cores: %s", str(error).partition("\n")[0])
    plain = FusedStack(stack, num_positions, tiles=False)
    check_steps(stack, plain, pairs)
    return plain


_CHECKED_LAYERS = 2  # all layers use the same kernels; a float32 copy of two always fits in memory
_CHECKED_POSITIONS = 20


@torch.inference_mode()
def check_steps(stack: Stack, steps: FusedStack, pairs: bool) -> None:
    """Raise ArithmeticError if `steps` is further from float32 than the layers of `stack`.

    `pairs`: the first two rows come together; otherwise prompts are checked as well.
    """
    from qwen3tts_webui.model.talker.layers import RMSNorm

    layers = nn.ModuleList(stack.layers[:_CHECKED_LAYERS])
    plain, exact, some = copy.copy(stack), copy.copy(stack), copy.copy(steps)
    plain._modules = {**stack._modules, "layers": layers}
    exact._modules = {**stack._modules, "layers": copy.deepcopy(layers).float()}
    for norm in (part for part in exact.layers.modules() if isinstance(part, RMSNorm)):
        norm.result_type = torch.float32
    some._layers = steps._layers[:_CHECKED_LAYERS]
    layer = cast("Layer", layers[0])
    _, kv_heads = layer.self_attn.heads
    weight = layer.self_attn.o_proj.weight
    device, time = weight.device, min(_CHECKED_POSITIONS, len(steps._cosines))
    rows = torch.randn(2, time, weight.shape[0], generator=torch.Generator().manual_seed(0)).to(device, weight.dtype)
    reference = _by_layers(exact, rows.float())
    allowed = 2 * _error(_by_layers(plain, rows), reference) + 1e-4
    shape = (len(layers), 2, 2, kv_heads, time, layer.self_attn.head_dim)
    kv = torch.zeros(shape, dtype=weight.dtype, device=device)
    first = 2 if pairs else 1
    for start in (0, *range(first, time)):
        end = max(start + 1, first)
        got = some(rows[:, start:end], torch.full((2,), start, device=device), kv)
        _refuse("a step", _error(got, reference[:, end - 1]), allowed)
    if pairs:
        return
    cut = time // 2
    for start, lengths in ((0, [cut, cut - 1]), (cut, [time - cut, 1])):  # prompts, and their continuations
        numbers = [torch.tensor(numbers, device=device) for numbers in ([start, start], lengths, [1, 0])]
        got = some.read(rows[:, start : start + lengths[0]], numbers[0], numbers[1], kv, numbers[2])
        ends = [start + length - 1 for length in lengths]
        _refuse("a prompt", _error(got, reference[[0, 1], ends]), allowed)


def _by_layers(stack: Stack, rows: Tensor) -> Tensor:
    from qwen3tts_webui.model.talker.layers import attend_causally, rms_norm

    angles = stack.rotary(torch.arange(rows.shape[1], device=rows.device)[None])
    seen = stack(rows, angles, lambda _, query, key, value: attend_causally(query, key, value))
    return rms_norm(seen.float(), stack.norm.weight, stack.norm.eps)


def _error(got: Tensor, reference: Tensor) -> float:
    return float((got.float() - reference).norm() / reference.norm())


def _refuse(what: str, error: float, allowed: float) -> None:
    if not error <= allowed:
        raise ArithmeticError(f"{what} is {error:.2%} off where {allowed:.2%} is allowed")
