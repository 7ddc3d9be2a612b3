"""Decoder stacks on a GPU: eight launches per layer of a step instead of about thirty.

The result equals that of the layers up to the order of sums. Matrix products are torch's, except for one that is faster
here; everything between them is a Triton kernel. Triton comes with torch's builds for CUDA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor
from torch.nn import functional as F

if TYPE_CHECKING:
    from qwen3tts_webui.model.talker.layers import Layer, Stack

_SILU_BLOCK = 1024
MIN_TILE = 16  # tensor cores need tiles of at least this size
_FEW_ROWS = 16
"""Up to here `linear` is faster than cuBLAS for the output projection of attention (H200, 2026-11-27: code predictor
5.4 us against 12.8 for one row, 5.5 against 6.0 for 16; talker 6.2 and 6.3 against 6.2 and 6.3)."""
_OUTS, _INS = 16, 512  # the fastest of nine tilings
PART_ROWS = 256
MOST_SPLIT = 256
"""Slots for which there are counters of the parts that have arrived."""


class FusedStack:
    """All layers of a stack, for a step of few rows or for prompts.

    `num_positions`: the largest number of positions. `tiles`: attention of steps also uses tensor cores. For at most
    `max_split` slots, a program of attention has `part_rows` rows of a slot's cache, for more it has all.
    """

    def __init__(self, stack: Stack, num_positions: int, *, tiles: bool = True) -> None:
        self.tiles = tiles
        self.part_rows, self.max_split = PART_ROWS, 0
        self._layers = [cast("Layer", layer) for layer in stack.layers]
        attention = self._layers[0].self_attn
        self._heads, self._kv_heads = attention.heads
        self._head_dim = attention.head_dim
        self._eps = stack.norm.eps
        self._number = cast(Tensor, attention.qkv_proj.weight).dtype
        device = stack.norm.weight.device
        angles = torch.arange(num_positions, device=device)[:, None].float() * stack.rotary.frequencies
        self._cosines, self._sines = angles.cos(), angles.sin()  # (positions, head_dim / 2)
        self._scales = [layer.self_attn.qk_scale[[0, -1]].contiguous() for layer in self._layers]
        self._last_norm = stack.norm.weight
        self._parts_arrived = torch.zeros(MOST_SPLIT * self._kv_heads, dtype=torch.int32, device=device)

    def __call__(self, rows: Tensor, starts: Tensor, kv: Tensor) -> Tensor:
        """A `layers.StepFunction`: rows (batch, time, hidden) -> the last of each, normalized, (batch, hidden).

        The rows of slots 0..batch-1 are at positions `starts` (batch,) int64 and following. `kv` (layers, 2, slots,
        kv_heads, length, head_dim) is read below `starts` and written from there on.
        """
        batch, time, hidden = rows.shape
        x, delta = self._residual(rows.reshape(batch * time, hidden)), None
        for number, layer in enumerate(self._layers):
            x, normal = self._add(x, delta, layer.input_layernorm.weight)
            qkv = layer.self_attn.qkv_proj(normal)
            seen = self._attend(qkv, self._scales[number], starts, kv[number], time)
            x, normal = self._project(x, seen, layer)
            delta = layer.mlp.down_proj(_silu_mul(layer.mlp.gate_up_proj(normal)))
        last = slice(time - 1, None, time)
        return self._add(x[last], None if delta is None else delta[last], self._last_norm)[1]

    def logits(self, rows: Tensor, starts: Tensor, kv: Tensor, head: Tensor) -> Tensor:
        """The product of what a call returns with the matrix `head` (codes, hidden): (batch, codes)."""
        return F.linear(self(rows, starts, kv), head)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """`bias` + x (batch, in) times `weight` (out, in), for products outside of the layers: (batch, out)."""
        return F.linear(x, weight, bias)

    def example(self, batch: int, length: int) -> tuple[Tensor, Tensor]:
        """Random rows (batch, 1, hidden), and an empty KV cache of `length` positions."""
        device, shape = self._last_norm.device, (len(self._layers), 2, batch, self._kv_heads, length, self._head_dim)
        rows = torch.randn(batch, 1, len(self._last_norm), generator=torch.Generator().manual_seed(0))
        return rows.to(device, self._number), torch.zeros(shape, dtype=self._number, device=device)

    def _project(self, x: Tensor, seen: Tensor, layer: Layer) -> tuple[Tensor, Tensor]:
        """Return x plus the projected attention output `seen`, and its norm."""
        projection, norm = layer.self_attn.o_proj, layer.post_attention_layernorm.weight
        if len(x) > _FEW_ROWS:
            return self._add(x, projection(seen), norm)
        return self._add(linear(seen, projection.weight, x), None, norm)

    def read(self, rows: Tensor, starts: Tensor, lengths: Tensor, kv: Tensor, slots: Tensor) -> Tensor:
        """A `layers.PromptFunction`: prompts (batch, time, hidden) -> the last rows, normalized, (batch, hidden).

        The first `lengths[i]` rows of prompt i are at positions `starts[i]` and following of `slots[i]`, and attend to
        the earlier rows of that slot.
        """
        batch, time, hidden = rows.shape
        x, delta = self._residual(rows.reshape(batch * time, hidden)), None
        for number, layer in enumerate(self._layers):
            x, normal = self._add(x, delta, layer.input_layernorm.weight)
            qkv = layer.self_attn.qkv_proj(normal)
            seen = self._attend_rows(qkv, self._scales[number], starts, kv[number], slots, time)
            x, normal = self._add(x, layer.self_attn.o_proj(seen), layer.post_attention_layernorm.weight)
            delta = layer.mlp.down_proj(_silu_mul(layer.mlp.gate_up_proj(normal)))
        last = torch.arange(batch, device=rows.device) * time + lengths - 1
        assert delta is not None
        return self._add(x[last], delta[last], self._last_norm)[1]

    def _residual(self, rows: Tensor) -> Tensor:
        """With float16 weights the residual stream is float32: the sum of all layers would overflow."""
        return rows.float() if self._number == torch.float16 else rows

    def _add(self, x: Tensor, delta: Tensor | None, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return x + delta, and its norm."""
        from qwen3tts_webui.model.cuda.step_kernels import add_rmsnorm

        rows, size = x.shape
        out = torch.empty(rows, size, dtype=self._number, device=x.device)
        total = x if delta is None else torch.empty(rows, size, dtype=x.dtype, device=x.device)
        more = x if delta is None else delta
        add_rmsnorm[(rows,)](
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
            BLOCK=next_power_of_two(size),
            enable_fp_fusion=True,
        )
        return total, out

    def _attend(self, qkv: Tensor, scale: Tensor, starts: Tensor, kv: Tensor, time: int) -> Tensor:
        from qwen3tts_webui.model.cuda.split_kernels import attend_parts
        from qwen3tts_webui.model.cuda.step_kernels import attend

        slots, heads, kv_heads, half = len(starts), self._heads, self._kv_heads, self._head_dim // 2
        group, length = heads // kv_heads, kv.shape[3]
        parts = -(-length // self.part_rows) if slots <= self.max_split else 1
        out = torch.empty(len(qkv), heads * self._head_dim, dtype=qkv.dtype, device=qkv.device)
        arguments = (
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
        )
        constants = {
            "TIME": time,
            "TIMES": self._tile(time),
            "GROUP": group,
            "QUERIES": self._tile(time * group),
            "HALF": half,
            "LANES": self._tile(half),
            "BLOCK": MIN_TILE if length <= MIN_TILE else 64 if self.tiles and parts == 1 else 32,
            "TILES": self.tiles,
            "enable_fp_fusion": True,
        }
        if parts == 1:
            attend[(slots, kv_heads)](*arguments, **constants)
            return out
        queries = slots * kv_heads * parts * time * group
        sums = torch.empty(queries, 2 * half, dtype=torch.float32, device=qkv.device)
        statistics = torch.empty(queries, 2, dtype=torch.float32, device=qkv.device)
        attend_parts[(slots, kv_heads, parts)](
            *arguments, self.part_rows, sums, statistics, self._parts_arrived, **constants
        )
        return out

    def _tile(self, number: int) -> int:
        return max(MIN_TILE if self.tiles else 1, next_power_of_two(number))

    def _attend_rows(self, qkv: Tensor, scale: Tensor, starts: Tensor, kv: Tensor, slots: Tensor, time: int) -> Tensor:
        from qwen3tts_webui.model.cuda.prompt_kernels import attend_rows, place_rows

        heads, kv_heads, dim = self._heads, self._kv_heads, self._head_dim
        queries = torch.empty(len(qkv), heads * dim, dtype=qkv.dtype, device=qkv.device)
        out = torch.empty_like(queries)
        place_rows[(len(qkv),)](
            qkv,
            scale,
            self._cosines,
            self._sines,
            starts,
            slots,
            queries,
            kv[0],
            kv[1],
            kv.stride(1),
            kv.stride(2),
            time,
            kv.shape[3],
            self._eps,
            HEADS=heads,
            KV_HEADS=kv_heads,
            ALL=next_power_of_two(heads + 2 * kv_heads),
            HALF=dim // 2,
            LANES=next_power_of_two(dim // 2),
            enable_fp_fusion=True,
        )
        rows = min(64, max(MIN_TILE, next_power_of_two(time)))
        attend_rows[(-(-time // rows), heads, len(starts))](
            queries,
            starts,
            slots,
            kv[0],
            kv[1],
            out,
            kv.stride(1),
            kv.stride(2),
            time,
            kv.shape[3],
            dim**-0.5,
            HEADS=heads,
            GROUP=heads // kv_heads,
            DIM=dim,
            LANES=max(MIN_TILE, next_power_of_two(dim)),
            ROWS=rows,
            BLOCK=64 if kv.shape[3] > MIN_TILE else MIN_TILE,
            enable_fp_fusion=True,
        )
        return out


def linear(x: Tensor, weight: Tensor, residual: Tensor | None = None) -> Tensor:
    """`residual` (n, out) + x (n, in) times `weight` (out, in) in one launch, for few rows.

    In the dtype of `residual`, or without one in that of `weight`.
    """
    from qwen3tts_webui.model.cuda.product_kernels import linear as kernel

    rows, size_in = x.shape
    size_out = len(weight)
    out = torch.empty(rows, size_out, dtype=weight.dtype if residual is None else residual.dtype, device=x.device)
    batch = max(MIN_TILE, next_power_of_two(min(rows, 64)))
    kernel[(-(-size_out // _OUTS), -(-rows // batch))](
        x,
        weight,
        out if residual is None else residual,
        out,
        0 if residual is None else residual.stride(0),
        rows,
        size_in,
        size_out,
        HAS_RESIDUAL=residual is not None,
        BATCH=batch,
        OUTS=_OUTS,
        INS=min(_INS if weight.dtype.itemsize == 2 else 64, max(MIN_TILE, next_power_of_two(size_in))),
        WIDE=weight.dtype == torch.bfloat16 and weight.device.type == "cpu",
        num_warps=4,
        num_stages=3,
        enable_fp_fusion=True,
    )
    return out


def _silu_mul(gate_up: Tensor) -> Tensor:
    """silu(gate) * up of rows (n, 2 * size) -> (n, size)."""
    from qwen3tts_webui.model.cuda.step_kernels import silu_mul

    rows, size = gate_up.shape[0], gate_up.shape[1] // 2
    out = torch.empty(rows, size, dtype=gate_up.dtype, device=gate_up.device)
    silu_mul[(rows, -(-size // _SILU_BLOCK))](gate_up, out, size, BLOCK=_SILU_BLOCK, enable_fp_fusion=True)
    return out


def next_power_of_two(number: int) -> int:
    """The smallest power of two that is at least `number`."""
    return 1 << (number - 1).bit_length()
