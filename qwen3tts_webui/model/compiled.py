"""Linears and decoder stacks of a CPU whose steps are compiled: one pass over the weights, no call between the layers.

In: modules with `nn.Linear`s in them. Out: the same modules, whose linears keep their weights as plain rows, and a
`CompiledStack` that takes a few rows through all layers at once. Prompts, which have many rows, go layer by layer
through torch, as everything does where there is no numba. Knows no text, no codes, no sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qwen3tts_webui.model.jit import call
from qwen3tts_webui.model.linear import Int8Linear, quantise_rows
from qwen3tts_webui.model.memory import give_back
from qwen3tts_webui.model.sampling import Rule

if TYPE_CHECKING:
    from qwen3tts_webui.model.layers import Layer, Stack

_FEW_ROWS = 8  # from here on a product of matrices is faster than a pass over the weights for every four rows
_WIDENED_BYTES = 1 << 20  # of weights that are widened at once, so that they are still in the cache when they are used
_KINDS = {torch.float32: np.float32(0), torch.bfloat16: np.uint16(0), torch.int8: np.int8(0)}

Places = npt.NDArray[np.int64]


class KeptLinear(nn.Module):
    """x·Wᵀ + b, (..., in) -> (..., out) in the type of x; the weights stay float32, bfloat16 or int8 rows in memory.

    Sums are float32. int8 weights have a scale a row; x is not rounded, but for many rows where `packed` is given.
    """

    scales: Tensor  # (out,) float32
    weight: Tensor  # (out, in)

    def __init__(self, linear: nn.Linear, *, int8: bool, packed: bool = False) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach()
        scales = torch.ones(self.out_features)
        self._packed = Int8Linear(linear) if int8 and packed else None
        if int8:
            weight, column = quantise_rows(weight)
            scales = column.flatten()
        self.register_buffer("weight", weight.contiguous(), persistent=False)
        self.register_buffer("scales", scales, persistent=False)
        self._bias = None if linear.bias is None else linear.bias.detach().float()

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.in_features)
        if len(rows) > _FEW_ROWS and self._packed is not None:
            return cast(Tensor, self._packed(x))
        y = self._few(rows) if len(rows) <= _FEW_ROWS else self._many(rows)
        if self._bias is not None:
            y = y + self._bias
        return y.to(x.dtype).view(*x.shape[:-1], self.out_features)

    def _few(self, rows: Tensor) -> Tensor:
        from qwen3tts_webui.model.kernels import run_linear

        y = torch.empty(len(rows), self.out_features)
        kind, address = _KINDS[self.weight.dtype], self.weight.data_ptr()
        call(run_linear, kind, kind.itemsize, address, self.scales.numpy(), _floats(rows), y.numpy())
        return y

    def _many(self, rows: Tensor) -> Tensor:
        if self.weight.dtype == rows.dtype:
            return F.linear(rows, self.weight)
        y = torch.empty(len(rows), self.out_features, dtype=rows.dtype)
        step = max(1, _WIDENED_BYTES // (self.in_features * rows.element_size()))
        for start in range(0, self.out_features, step):
            end = min(start + step, self.out_features)
            torch.mm(rows, self.weight[start:end].to(rows.dtype).T, out=y[:, start:end])
        return y if self.weight.dtype != torch.int8 else y.mul_(self.scales)


class CompiledStack:
    """All layers of a stack in one call; holds the addresses of its weights, so the stack must live as long."""

    def __init__(self, stack: Stack) -> None:
        layers = [cast("Layer", layer) for layer in stack.layers]
        linears = [
            cast(
                list[KeptLinear],
                [layer.self_attn.qkv_proj, layer.self_attn.o_proj, layer.mlp.gate_up_proj, layer.mlp.down_proj],
            )
            for layer in layers
        ]
        kind = _KINDS[linears[0][0].weight.dtype]
        norms = [torch.stack((layer.input_layernorm.weight, layer.post_attention_layernorm.weight)) for layer in layers]
        qk_norms = [layer.self_attn.qk_scale[[0, -1]] for layer in layers]
        self._linears = linears
        self._weights = (
            kind,
            kind.itemsize,
            np.array([[linear.weight.data_ptr() for linear in row] for row in linears], np.int64),
            tuple(torch.stack([row[place].scales for row in linears]).numpy() for place in range(4)),
            torch.stack(norms).float().numpy(),
            torch.stack(qk_norms).float().numpy(),
            stack.norm.weight.float().numpy(),
            np.float32(stack.norm.eps),
            stack.rotary.frequencies.numpy(),
            linears[0][3].in_features,
        )

    def __call__(self, rows: Tensor, starts: Tensor, kv: Tensor) -> Tensor:
        """As `layers.Steps`."""
        batch, time, hidden = rows.shape
        slots = np.arange(batch).repeat(time)
        positions = (starts.numpy()[:, None] + np.arange(time)).ravel()
        return self.run(rows.reshape(-1, hidden), slots, positions, kv).view(rows.shape)[:, -1]

    def run(self, rows: Tensor, slots: Places, positions: Places, kv: Tensor) -> Tensor:
        """Rows (n, hidden) at their `slots` and `positions` (n,) -> rows after the last layer and the norm.

        Rows of one slot come in the order of their positions. `kv` (layers, 2, slots, kv_heads, length, head_dim),
        float32 or bfloat16, is read below those positions and written at them.

        Raises IndexError for a place that `kv` has not: compiled code would write there all the same.
        """
        from qwen3tts_webui.model.kernels import run_stack

        if min(slots.min(), positions.min()) < 0 or slots.max() >= kv.shape[2] or positions.max() >= kv.shape[4]:
            raise IndexError(f"slots {slots}, positions {positions} are not all in a cache of {tuple(kv.shape)}")
        x = rows.to(torch.float32, copy=True).contiguous()
        out = torch.empty_like(x)
        cache = kv.numpy() if kv.dtype == torch.float32 else kv.view(torch.uint16).numpy()
        call(run_stack, *self._weights, x.numpy(), slots, positions, cache, out.numpy())
        return out.to(rows.dtype)


def draw_compiled(scores: Tensor, rule: Rule, seed: Tensor, frame: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """As `sampling.DrawInOne`."""
    from qwen3tts_webui.model.draw_kernel import run_draw

    codes = torch.empty(len(scores), dtype=torch.int64)
    sound = torch.empty(len(scores), dtype=torch.bool)
    rules = (rule.temperature.numpy(), rule.top_k.numpy(), rule.noise.numpy())
    call(run_draw, _floats(scores), *rules, seed.numpy(), frame.numpy(), group, codes.numpy(), sound.numpy())
    return codes, sound


def keep_linears(module: nn.Module, *, int8: bool, packed: Callable[[str], bool]) -> None:
    """Replace every `nn.Linear` inside `module` in place, one after the other; `packed` is asked with dotted names."""
    for name, child in list(module.named_modules()):
        if isinstance(child, nn.Linear):
            path, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(path), leaf, KeptLinear(child, int8=int8, packed=packed(name)))
            del child.weight
            give_back()


def _floats(x: Tensor) -> Any:
    return x.float().contiguous().numpy()
