"""A small decoder stack, rows for it, and what its layers make of them a row at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from qwen3tts_webui.model.config.model_config import DecoderConfig
from qwen3tts_webui.model.talker.layers import Stack, attend_to_groups

CONFIG = DecoderConfig(
    hidden_size=80,  # 64 and a remainder
    intermediate_size=200,
    num_layers=2,
    num_heads=6,
    num_kv_heads=2,
    head_dim=16,
    rms_norm_eps=1e-6,
    rope_theta=1e4,
)
SLOTS, LENGTH = 4, 9


def make_stack(config: DecoderConfig = CONFIG, dtype: torch.dtype = torch.float32) -> Stack:
    """Random weights, fused; norms are float32."""
    torch.manual_seed(0)
    stack = Stack(config).requires_grad_(False).to(dtype)
    for norm in (part for part in stack.modules() if type(part).__name__ == "RMSNorm"):
        norm.weight = torch.nn.Parameter(torch.empty_like(norm.weight, dtype=torch.float32).uniform_(0.5, 1.5), False)
    stack.rotary.float()
    stack.fuse()
    return stack


def some_kv(dtype: torch.dtype = torch.float32) -> Tensor:
    shape = (CONFIG.num_layers, 2, SLOTS, CONFIG.num_kv_heads, LENGTH, CONFIG.head_dim)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype)


def some_rows(count: int) -> Tensor:
    return torch.randn(count, CONFIG.hidden_size, generator=torch.Generator().manual_seed(2))


def by_torch(stack: Stack, rows: Tensor, slots: Tensor, positions: Tensor, kv: Tensor) -> Tensor:
    """The same step, a row at a time, through the modules."""
    out = []
    for row, slot, position in zip(rows, slots.tolist(), positions.tolist(), strict=True):

        def attend(
            layer: int, query: Tensor, key: Tensor, value: Tensor, slot: int = slot, position: int = position
        ) -> Tensor:
            keys, values = kv[layer, 0, slot], kv[layer, 1, slot]
            keys[:, position], values[:, position] = key[0, :, 0], value[0, :, 0]
            end = position + 1
            return attend_to_groups(query, keys[None, :, :end], values[None, :, :end], None)

        angles = stack.rotary(torch.tensor([[position]]))
        out.append(stack.norm(stack(row[None, None], angles, attend)[0, 0]))
    return torch.stack(out)
