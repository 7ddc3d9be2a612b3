"""Linear layers and decoder stacks with compiled decode steps on a CPU.

`RowMajorLinear` keeps its weights as plain rows; `CompiledStack` takes a few rows through all layers in one call.
Prompts, which have many rows, go through torch layer by layer, as everything does without numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qwen3tts_webui.model.cpu.integer_linear import HIGH_TAG, INSTRUCTION_TAGS, WEIGHT_TAGS, TiledLinear
from qwen3tts_webui.model.cpu.jit import call_kernel
from qwen3tts_webui.model.cpu.memory import trim_host_memory
from qwen3tts_webui.model.sampling import SamplingTensors

if TYPE_CHECKING:
    from qwen3tts_webui.model.talker.layers import Layer, Stack

_FEW_ROWS = 8  # for more rows, a matrix product is faster than one pass over the weights per four rows
_FLOAT32_BYTES = 1 << 20  # of weights that are upcast at once, so that they are still in the cache when they are used
_KINDS = {torch.float32: np.float32(0), torch.bfloat16: np.uint16(0)}

CachePositions = npt.NDArray[np.int64]


class RowMajorLinear(nn.Module):
    """x·Wᵀ + b, (..., in) -> (..., out) in the dtype of x; weights are float32 or bfloat16 rows, sums float32."""

    scales: Tensor  # (out,) float32: ones
    weight: Tensor  # (out, in)

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.register_buffer("weight", linear.weight.detach().contiguous(), persistent=False)
        self.register_buffer("scales", torch.ones(self.out_features), persistent=False)
        self._bias = None if linear.bias is None else linear.bias.detach().float()

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.in_features)
        y = self._multiply_few(rows) if len(rows) <= _FEW_ROWS else self._multiply_many(rows)
        if self._bias is not None:
            y = y + self._bias
        return y.to(x.dtype).view(*x.shape[:-1], self.out_features)

    def _multiply_few(self, rows: Tensor) -> Tensor:
        from qwen3tts_webui.model.cpu.decoder_kernels import run_linear

        y = torch.empty(len(rows), self.out_features)
        kind, address = _KINDS[self.weight.dtype], self.weight.data_ptr()
        call_kernel(run_linear, kind, kind.itemsize, address, self.scales.numpy(), _floats(rows), y.numpy())
        return y

    def _multiply_many(self, rows: Tensor) -> Tensor:
        if self.weight.dtype == rows.dtype:
            return F.linear(rows, self.weight)
        y = torch.empty(len(rows), self.out_features, dtype=rows.dtype)
        step = max(1, _FLOAT32_BYTES // (self.in_features * rows.element_size()))
        for start in range(0, self.out_features, step):
            end = min(start + step, self.out_features)
            torch.mm(rows, self.weight[start:end].to(rows.dtype).T, out=y[:, start:end])
        return y


class CompiledStack:
    """All layers of a stack in one call; it stores the addresses of the weights, so the stack must outlive it."""

    def __init__(self, stack: Stack) -> None:
        layers = [cast("Layer", layer) for layer in stack.layers]
        linears = [
            [layer.self_attn.qkv_proj, layer.self_attn.o_proj, layer.mlp.gate_up_proj, layer.mlp.down_proj]
            for layer in layers
        ]
        norms = [torch.stack((layer.input_layernorm.weight, layer.post_attention_layernorm.weight)) for layer in layers]
        qk_norms = [layer.self_attn.qk_scale[[0, -1]] for layer in layers]
        shared = (
            torch.stack(norms).float().numpy(),
            torch.stack(qk_norms).float().numpy(),
            stack.norm.weight.float().numpy(),
            np.float32(stack.norm.eps),
            stack.rotary.frequencies.numpy(),
        )
        self._linears = linears
        self._kernel, weights, sizes = _arguments(linears)
        self._weights = (*weights, *shared, *sizes)

    def __call__(self, rows: Tensor, starts: Tensor, kv: Tensor) -> Tensor:
        """A `layers.StepFunction`."""
        batch, time, hidden = rows.shape
        slots = np.arange(batch).repeat(time)
        positions = (starts.numpy()[:, None] + np.arange(time)).ravel()
        return self.run(rows.reshape(-1, hidden), slots, positions, kv).view(rows.shape)[:, -1]

    def run(self, rows: Tensor, slots: CachePositions, positions: CachePositions, kv: Tensor) -> Tensor:
        """Rows (n, hidden) at their `slots` and `positions` (n,) -> rows after the last layer and the norm.

        Rows of one slot are in the order of their positions. `kv` (layers, 2, slots, kv_heads, length, head_dim),
        float32 or bfloat16, is read below those positions and written at them.

        Raises IndexError for a slot or position outside `kv`, which compiled code would not check.
        """
        if min(slots.min(), positions.min()) < 0 or slots.max() >= kv.shape[2] or positions.max() >= kv.shape[4]:
            raise IndexError(f"slots {slots}, positions {positions} are not all in a cache of {tuple(kv.shape)}")
        x = rows.to(torch.float32, copy=True).contiguous()
        out = torch.empty_like(x)
        cache = kv.numpy() if kv.dtype == torch.float32 else kv.view(torch.uint16).numpy()
        call_kernel(self._kernel, *self._weights, x.numpy(), slots, positions, cache, out.numpy())
        return out.to(rows.dtype)


def sample_compiled(
    logits: Tensor, sampling: SamplingTensors, seed: Tensor, frame: Tensor, group: int
) -> tuple[Tensor, Tensor]:
    """A `sampling.FusedSampler` without top-p."""
    from qwen3tts_webui.model.cpu.sampling_kernel import run_sample

    codes = torch.empty(len(logits), dtype=torch.int64)
    is_finite = torch.empty(len(logits), dtype=torch.bool)
    parameters = (sampling.temperature.numpy(), sampling.top_k.numpy(), sampling.noise_scale.numpy())
    call_kernel(
        run_sample, _floats(logits), *parameters, seed.numpy(), frame.numpy(), group, codes.numpy(), is_finite.numpy()
    )
    return codes, is_finite


def _arguments(linears: list[list[Any]]) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """The kernel for `linears` (layers, 4), its arguments before the norms and those after the frequencies."""
    scales = tuple(torch.stack([row[place].scales for row in linears]).numpy() for place in range(4))
    first = linears[0]
    if isinstance(first[0], TiledLinear):
        from qwen3tts_webui.model.cpu.integer_kernels import run_integer_stack

        tags = WEIGHT_TAGS[first[0].weight.kind], INSTRUCTION_TAGS[first[0].step_instructions], HIGH_TAG
        addresses = np.array([[linear.data.data_ptr() for linear in row] for row in linears], np.int64)
        tile_bytes = np.array([linear.data.shape[1] for linear in first], np.int64)
        return run_integer_stack, (*tags, addresses, tile_bytes, scales), (first[1].in_features, first[3].in_features)
    from qwen3tts_webui.model.cpu.decoder_kernels import run_stack

    kind = _KINDS[first[0].weight.dtype]
    addresses = np.array([[linear.weight.data_ptr() for linear in row] for row in linears], np.int64)
    return run_stack, (kind, kind.itemsize, addresses, scales), (first[3].in_features,)


def use_row_major_linears(module: nn.Module) -> None:
    """Replace every `nn.Linear` inside `module` in place, one after the other."""
    for name, child in list(module.named_modules()):
        if isinstance(child, nn.Linear):
            path, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(path), leaf, RowMajorLinear(child))
            del child.weight
            trim_host_memory()


def _floats(x: Tensor) -> Any:
    return x.float().contiguous().numpy()
