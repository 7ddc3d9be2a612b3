"""Decoder stacks on a GPU for steps of few rows: four or five launches per layer, and each weight read once.

Norms, residuals, gates and short attention are part of the products, which are kernels of our own (`product_kernels`).
A row has the same result alone and in any batch of at most `max_batch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from qwen3tts_webui.model.cuda.fused_stack import MIN_TILE, FusedStack, linear, next_power_of_two

if TYPE_CHECKING:
    from qwen3tts_webui.model.talker.layers import Stack

MAX_BATCH = 8
"""The first step of the code predictor has two rows per slot, and a tile of tensor cores has 16."""
LONGEST_JOINED = 32
"""Positions up to which attention may be repeated in each program of the projection that follows it."""
_OUTS = 16
_JOINED_OUTS = 32


class GemvStack(FusedStack):
    """A `FusedStack` with other kernels for at most `max_batch` slots.

    `joined`: attention and its projection are one kernel; for stacks of at most `LONGEST_JOINED` positions.
    """

    def __init__(self, stack: Stack, num_positions: int, *, tiles: bool = True, joined: bool = False) -> None:
        super().__init__(stack, num_positions, tiles=tiles)
        self.max_batch = MAX_BATCH
        self.joined = joined
        programs = -(-len(self._last_norm) // _JOINED_OUTS)
        self._arrived = torch.zeros(MAX_BATCH * programs, dtype=torch.int32, device=self._last_norm.device)

    def __call__(self, rows: Tensor, starts: Tensor, kv: Tensor) -> Tensor:
        if len(rows) > self.max_batch:
            return super().__call__(rows, starts, kv)
        return self._add(self._last_rows(rows, starts, kv), None, self._last_norm)[1]

    def logits(self, rows: Tensor, starts: Tensor, kv: Tensor, head: Tensor) -> Tensor:
        if len(rows) > self.max_batch:
            return super().logits(rows, starts, kv, head)
        return norm_linear(self._last_rows(rows, starts, kv), self._last_norm, head, self._eps)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if len(x) > self.max_batch:
            return super().product(x, weight, bias)
        return linear(x, weight, None if bias is None else bias.expand(len(x), -1))

    def _last_rows(self, rows: Tensor, starts: Tensor, kv: Tensor) -> Tensor:
        """The last row of each slot after all layers, before the last norm."""
        batch, time, hidden = rows.shape
        x = self._residual(rows.reshape(batch * time, hidden))
        for number, layer in enumerate(self._layers):
            attention, mlp = layer.self_attn, layer.mlp
            qkv = norm_linear(x, layer.input_layernorm.weight, cast(Tensor, attention.qkv_proj.weight), self._eps)
            if self.joined:
                x = self._attend_project(qkv, self._scales[number], starts, kv[number], x, attention.o_proj.weight)
            else:
                seen = self._attend(qkv, self._scales[number], starts, kv[number], time)
                x = linear(seen, attention.o_proj.weight, x)
            norm = layer.post_attention_layernorm.weight
            gated = norm_linear(x, norm, cast(Tensor, mlp.gate_up_proj.weight), self._eps, gate=True)
            x = linear(gated, mlp.down_proj.weight, x)
        return x[time - 1 :: time]

    def _attend_project(
        self, qkv: Tensor, scale: Tensor, starts: Tensor, kv: Tensor, residual: Tensor, weight: Tensor
    ) -> Tensor:
        """Return `residual` plus the projected attention."""
        from qwen3tts_webui.model.cuda.product_kernels import attend_project

        kv_heads, half, size = self._kv_heads, self._head_dim // 2, len(weight)
        group, slots, rows = self._heads // kv_heads, len(starts), len(qkv)
        time = rows // slots
        out = torch.empty(rows, size, dtype=residual.dtype, device=qkv.device)
        partial = torch.empty(rows, kv_heads, size, dtype=torch.float32, device=qkv.device)
        attend_project[(-(-size // _JOINED_OUTS), kv_heads, slots)](
            qkv,
            scale,
            self._cosines,
            self._sines,
            starts,
            kv[0],
            kv[1],
            weight,
            residual,
            partial,
            self._arrived,
            out,
            starts.stride(0),
            kv.stride(1),
            kv.stride(2),
            residual.stride(0),
            size,
            self._eps,
            self._head_dim**-0.5,
            TIME=time,
            TIMES=next_power_of_two(time),
            GROUP=group,
            QUERIES=next_power_of_two(time * group),
            HALF=half,
            LANES=next_power_of_two(half),
            BLOCK=MIN_TILE,
            OUTS=_JOINED_OUTS,
            enable_fp_fusion=True,
        )
        return out


def norm_linear(x: Tensor, norm: Tensor, weight: Tensor, eps: float, *, gate: bool = False) -> Tensor:
    """RMS norm of `x` (n, in), n at most 16, times `weight` (out, in) in one launch.

    With `gate`, the outputs are halves: silu(first) * second. Result (n, out) in the dtype of `weight`.
    """
    from qwen3tts_webui.model.cuda.product_kernels import norm_linear as kernel

    rows, size_in = x.shape
    size_out = len(weight) // 2 if gate else len(weight)
    out = torch.empty(rows, size_out, dtype=weight.dtype, device=x.device)
    kernel[(-(-size_out // _OUTS),)](
        x,
        norm,
        weight,
        out,
        x.stride(0),
        rows,
        size_in,
        size_out,
        eps,
        GATE=gate,
        SCALES_FIRST=weight.dtype == torch.float16,
        BATCH=MIN_TILE,
        OUTS=_OUTS,
        INS=min(256 if weight.dtype.itemsize == 2 else 64, max(MIN_TILE, next_power_of_two(size_in))),
        WIDE=weight.dtype == torch.bfloat16 and weight.device.type == "cpu",
        num_warps=4,
        num_stages=3,
        enable_fp_fusion=True,
    )
    return out
