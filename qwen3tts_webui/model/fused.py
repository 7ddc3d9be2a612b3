"""Decoder stacks of a GPU whose steps take eight launches a layer instead of about thirty, and draws that take one.

In: a stack of layers as loaded. Out: the same rows that its layers give, up to the order of sums. The products of
matrices stay torch's; what lies between them is `fused_kernels`, in Triton, which comes with torch's builds for CUDA.
Prompts go layer by layer, as everything does where Triton is missing or does not give what the layers give here.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from qwen3tts_webui.model.sampling import Reach, Rule, draw, gumbel

if TYPE_CHECKING:
    from qwen3tts_webui.model.layers import Layer, Stack
    from qwen3tts_webui.model.talker import Talker

_GATE_BLOCK = 1024
_MOST_OFF = 0.05  # of the size of the rows: half precision differs by a hundredth, a mistake by as much as there is

log = logging.getLogger(__name__)


class FusedStack:
    """All layers of a stack for a few rows; `num_positions` is how many places there can be."""

    def __init__(self, stack: Stack, num_positions: int) -> None:
        self._layers = [cast("Layer", layer) for layer in stack.layers]
        attention = self._layers[0].self_attn
        self._heads, self._kv_heads = attention.heads
        self._head_dim = attention.head_dim
        self._eps = stack.norm.eps
        device = stack.norm.weight.device
        angles = torch.arange(num_positions, device=device)[:, None].float() * stack.rotary.frequencies
        self._cosines, self._sines = angles.cos(), angles.sin()  # (positions, head_dim / 2)
        self._scales = [layer.self_attn.qk_scale[[0, -1]].contiguous() for layer in self._layers]
        self._last_norm = stack.norm.weight

    def __call__(self, rows: Tensor, starts: Tensor, kv: Tensor) -> Tensor:
        """Rows (batch, time, hidden) of slots 0..batch-1 -> the last of each after the norm, (batch, hidden).

        The rows of a slot stand at `starts` (batch,) int64 and after it. `kv` (layers, 2, slots, kv_heads, length,
        head_dim) is read below `starts` and written from there on.
        """
        batch, time, hidden = rows.shape
        x, delta = rows.reshape(batch * time, hidden), None
        for number, layer in enumerate(self._layers):
            x, normal = self._add(x, delta, layer.input_layernorm.weight)
            seen = self._attend(layer.self_attn.qkv_proj(normal), self._scales[number], starts, kv[number], time)
            x, normal = self._add(x, layer.self_attn.o_proj(seen), layer.post_attention_layernorm.weight)
            delta = layer.mlp.down_proj(_gate(layer.mlp.gate_up_proj(normal)))
        last = slice(time - 1, None, time)
        return self._add(x[last], None if delta is None else delta[last], self._last_norm)[1]

    def _add(self, x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
        """x + delta, and that normalised."""
        from qwen3tts_webui.model.fused_kernels import add_and_normalise

        rows, size = x.shape
        out = torch.empty(rows, size, dtype=x.dtype, device=x.device)
        total = x if delta is None else torch.empty_like(out)
        more = x if delta is None else delta
        add_and_normalise[(rows,)](
            x,
            more,
            weight,
            total,
            out,
            x.stride(0),
            more.stride(0),
            size,
            self._eps,
            HAS_DELTA=delta is not None,
            BLOCK=_power_of_two(size),
            enable_fp_fusion=True,
        )
        return total, out

    def _attend(self, qkv: Tensor, scale: Tensor, starts: Tensor, kv: Tensor, time: int) -> Tensor:
        from qwen3tts_webui.model.fused_kernels import attend

        heads, kv_heads, half = self._heads, self._kv_heads, self._head_dim // 2
        group = heads // kv_heads
        out = torch.empty(len(qkv), heads * self._head_dim, dtype=qkv.dtype, device=qkv.device)
        attend[(len(starts), kv_heads)](
            qkv,
            scale,
            self._cosines,
            self._sines,
            starts,
            kv[0],
            kv[1],
            out,
            starts.stride(0),
            kv.stride(1),
            kv.stride(2),
            self._eps,
            self._head_dim**-0.5,
            TIME=time,
            TIMES=_power_of_two(time),
            GROUP=group,
            QUERIES=_power_of_two(time * group),
            HALF=half,
            LANES=_power_of_two(half),
            BLOCK=min(32, _power_of_two(kv.shape[3])),
            enable_fp_fusion=True,
        )
        return out


def draw_in_one(scores: Tensor, rule: Rule, seed: Tensor, frame: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """As `sampling.draw` with the noise of `gumbel` for codebook `group`, for rules without a nucleus."""
    from qwen3tts_webui.model.fused_kernels import draw as kernel

    rows, num_codes = scores.shape
    codes = torch.empty(rows, dtype=torch.int64, device=scores.device)
    sound = torch.empty(rows, dtype=torch.int8, device=scores.device)
    kernel[(rows,)](
        scores,
        rule.temperature,
        rule.top_k,
        rule.noise,
        seed,
        frame,
        codes,
        sound,
        scores.stride(0),
        group,
        num_codes,
        BLOCK=_power_of_two(num_codes),
        enable_fp_fusion=True,
    )
    return codes, sound.view(torch.bool)


def fuse_steps(talker: Talker) -> bool:
    """Let `talker` take its steps and its draws in few launches, if that works here; else the log says why not."""
    if importlib.util.find_spec("triton") is None:
        log.warning("there is no Triton here: each step takes several times as many launches on the GPU")
        return False
    spec = talker.spec.talker
    stacks = {talker.model: spec.max_positions, talker.code_predictor.model: talker.code_predictor.positions.shape[1]}
    try:
        fused = {stack: FusedStack(stack, length) for stack, length in stacks.items()}
        for stack, steps in fused.items():
            check_steps(stack, steps, stack is talker.code_predictor.model)
        check_draws(spec.vocab_size, talker.codec_head.weight.device)
    except Exception as error:  # a compiler that is missing, a GPU that it does not know, numbers that differ
        log.warning("steps and draws stay as torch has them, with many launches: %s", str(error).partition("\n")[0])
        return False
    for stack, steps in fused.items():
        stack.steps = steps
    talker.draw_in_one = draw_in_one
    return True


@torch.inference_mode()
def check_steps(stack: Stack, steps: FusedStack, pairs: bool) -> None:
    """Raises ArithmeticError where `steps` does not give what the layers of `stack` give; `pairs`: two rows first."""
    from qwen3tts_webui.model.layers import attend_causally

    layer = cast("Layer", stack.layers[0])
    _, kv_heads = layer.self_attn.heads
    weight = layer.self_attn.o_proj.weight
    device = weight.device
    time = 4
    rows = torch.randn(2, time, weight.shape[0], generator=torch.Generator().manual_seed(0)).to(device, weight.dtype)
    angles = stack.rotary(torch.arange(time, device=device)[None])
    exact = stack.norm(stack(rows, angles, lambda _, query, key, value: attend_causally(query, key, value)))[:, -1]
    shape = (len(stack.layers), 2, 2, kv_heads, 16, layer.self_attn.head_dim)
    kv = torch.zeros(shape, dtype=weight.dtype, device=device)
    for start, end in [(0, 2), (2, 3), (3, 4)] if pairs else [(0, 1), (1, 2), (2, 3), (3, 4)]:
        got = steps(rows[:, start:end], torch.full((2,), start, device=device), kv)
    off = float((got.float() - exact.float()).norm() / exact.float().norm())
    if not off < _MOST_OFF:
        raise ArithmeticError(f"a step is {off:.1%} off")


@torch.inference_mode()
def check_draws(num_codes: int, device: torch.device) -> None:
    """Raises ArithmeticError where `draw_in_one` does not draw what `sampling.draw` draws."""
    scores = torch.randn(4, num_codes, generator=torch.Generator().manual_seed(0)).to(device)
    rule = Rule.empty(4, device)
    for row, (greedy, top_k) in enumerate([(True, 1), (False, 50), (False, 0), (False, 7)]):
        rule.set(row, greedy=greedy, temperature=0.9, top_k=top_k, top_p=1.0, num_codes=num_codes)
    seed, frame = torch.arange(4, device=device), torch.arange(4, device=device)
    exact, _ = draw(scores, rule, Reach(num_codes, nucleus=False), gumbel(seed, frame, 3, 1, num_codes)[:, 0])
    if not torch.equal(draw_in_one(scores, rule, seed, frame, 3)[0], exact):
        raise ArithmeticError("other codes are drawn")


def _gate(gate_up: Tensor) -> Tensor:
    """silu(gate) * up of rows (n, 2 * size) -> (n, size)."""
    from qwen3tts_webui.model.fused_kernels import gate

    rows, size = gate_up.shape[0], gate_up.shape[1] // 2
    out = torch.empty(rows, size, dtype=gate_up.dtype, device=gate_up.device)
    gate[(rows, -(-size // _GATE_BLOCK))](gate_up, out, size, BLOCK=_GATE_BLOCK, enable_fp_fusion=True)
    return out


def _power_of_two(number: int) -> int:
    """The smallest power of two that is not below `number`."""
    return 1 << (number - 1).bit_length()
