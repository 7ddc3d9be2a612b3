"""The Qwen3 decoder stack of the talker and the code predictor (docs/model.md, sections 4 and 6).

Rows (batch, time, hidden) in and out, with their rotary angles. Attention over the cache is passed in as `attend`, so
that prefill, decode steps of many slots and the code predictor's short loop share one stack. Norms and rotation are
computed in float32 for every dtype of the weights.

Released weights are separate matrices; `fuse` joins those with the same input, once, after loading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qwen3tts_webui.model.config.model_config import DecoderConfig
from qwen3tts_webui.model.cpu.memory import trim_host_memory

Angles = tuple[Tensor, Tensor]  # cosine and signed sine, each (batch, time, 1, head_dim) float32
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
"""(layer, q (batch, heads, time, head_dim), k and v (batch, kv_heads, time, head_dim)) -> output, like q"""

StepFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A faster stack for a few rows: (rows (batch, time, hidden) of slots 0..batch-1, position of the first row of each
(batch,), KV cache (layers, 2, slots, kv_heads, length, head_dim)) -> the last rows, normalized"""

PromptFunction = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
"""A faster stack for prompts: (rows (batch, time, hidden), position of the first row of each, lengths without padding,
KV cache, slots) -> the last unpadded rows, normalized"""


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMS norm of the last dimension of `x`, float32, times `weight`."""
    if x.device.type != "cpu":
        return F.rms_norm(x, x.shape[-1:], eps=eps) * weight
    # on a CPU F.rms_norm is a chain of ten calls, which costs more than the arithmetic of one row
    size: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return x * size.square_().div_(x.shape[-1]).add_(eps).rsqrt_() * weight


class RMSNorm(nn.Module):
    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps
        self.result_type: torch.dtype | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Normalize the last dimension in float32; the result has the dtype of `x` or `result_type`."""
        return rms_norm(x.float(), self.weight, self.eps).to(self.result_type or x.dtype)


class Rotary(nn.Module):
    """Rotary position embedding; the first half of a head is paired with the second."""

    frequencies: Tensor  # (head_dim / 2,) float32

    def __init__(self, head_dim: int, theta: float) -> None:
        super().__init__()
        exponent = torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
        self.register_buffer("frequencies", theta**-exponent, persistent=False)

    def forward(self, positions: Tensor) -> Angles:
        """`positions` (batch, time) -> angles."""
        angle = positions[..., None, None].float() * self.frequencies
        sine = angle.sin()
        return angle.cos().repeat(1, 1, 1, 2), torch.cat((-sine, sine), dim=-1)


def rotate(x: Tensor, angles: Angles) -> Tensor:
    """Rotate `x` (batch, time, heads, head_dim) float32 by its position."""
    cosine, signed_sine = angles
    return torch.addcmul(x * cosine, x.roll(x.shape[-1] // 2, dims=-1), signed_sine)


def fused(*linears: nn.Linear) -> nn.Linear:
    """Join `linears`, which have the same input and no bias, into one."""
    weight = torch.cat([linear.weight for linear in linears])
    joined = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    joined.weight = nn.Parameter(weight, requires_grad=False)
    return joined


def unfilled_embedding(rows: int, width: int) -> nn.Embedding:
    """An embedding on the meta device. Initializing one there would import torch's whole compiler."""
    return nn.Embedding(rows, width, _weight=torch.empty(rows, width, device="meta"))


class Attention(nn.Module):
    """Grouped-query attention with normalized queries and keys."""

    qk_scale: Tensor  # (heads + kv_heads, head_dim) float32: weights of both norms

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.heads = (config.num_heads, config.num_kv_heads)
        self.head_dim = config.head_dim
        width, kv_width = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, kv_width, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, kv_width, bias=False)
        self.o_proj = nn.Linear(width, config.hidden_size, bias=False)
        self.q_norm = RMSNorm(config.head_dim, config.rms_norm_eps)
        self.k_norm = RMSNorm(config.head_dim, config.rms_norm_eps)
        self._eps = config.rms_norm_eps

    def fuse(self) -> None:
        self.set_fused(fused(self.q_proj, self.k_proj, self.v_proj))

    def set_fused(self, qkv_proj: nn.Module) -> None:
        """Replace the three projections by `qkv_proj`, and join the norms."""
        heads, kv_heads = self.heads
        self.qkv_proj = qkv_proj
        scale = torch.cat(
            (self.q_norm.weight.float().expand(heads, -1), self.k_norm.weight.float().expand(kv_heads, -1))
        )
        self.register_buffer("qk_scale", scale, persistent=False)
        del self.q_proj, self.k_proj, self.v_proj, self.q_norm, self.k_norm

    def forward(self, layer: int, x: Tensor, angles: Angles, attend: Attend) -> Tensor:
        heads, kv_heads = self.heads
        batch, time, _ = x.shape
        qkv = self.qkv_proj(x).view(batch, time, heads + 2 * kv_heads, self.head_dim)
        qk, value = qkv[:, :, : heads + kv_heads], qkv[:, :, heads + kv_heads :]
        normalized = rms_norm(qk.float(), self.qk_scale, self._eps)
        rotated = rotate(normalized, angles).to(x.dtype).transpose(1, 2)
        attended = attend(layer, rotated[:, :heads], rotated[:, heads:], value.transpose(1, 2))
        return cast(Tensor, self.o_proj(attended.transpose(1, 2).reshape(batch, time, heads * self.head_dim)))


class SwiGLU(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def fuse(self) -> None:
        self.set_fused(fused(self.gate_proj, self.up_proj))

    def set_fused(self, gate_up_proj: nn.Module) -> None:
        """Replace both projections by `gate_up_proj`."""
        self.gate_up_proj = gate_up_proj
        del self.gate_proj, self.up_proj

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return cast(Tensor, self.down_proj(F.silu(gate) * up))


class Layer(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = SwiGLU(config)

    def fuse(self) -> None:
        self.self_attn.fuse()
        self.mlp.fuse()

    def forward(self, layer: int, x: Tensor, angles: Angles, attend: Attend) -> Tensor:
        x = x + self.self_attn(layer, self.input_layernorm(x), angles, attend)
        return cast(Tensor, x + self.mlp(self.post_attention_layernorm(x)))


class Stack(nn.Module):
    """All layers and the final norm. `steps` and `prompts` are faster implementations, if the device has them."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.rotary = Rotary(config.head_dim, config.rope_theta)
        self.steps: StepFunction | None = None
        self.prompts: PromptFunction | None = None

    def fuse(self) -> None:
        """Join the matrices with the same input, layer by layer, so that at most one layer is in memory twice."""
        for layer in self.layers:
            cast(Layer, layer).fuse()
            trim_host_memory()
        if cast(Layer, self.layers[0]).self_attn.qkv_proj.weight.dtype == torch.float16:
            for norm in (part for part in self.modules() if isinstance(part, RMSNorm)):
                norm.result_type = torch.float16

    def forward(self, x: Tensor, angles: Angles, attend: Attend) -> Tensor:
        """Rows (batch, time, hidden) -> rows after the last layer, before `norm`.

        With float16 weights the residual stream is float32: the sum of all layers would overflow.
        """
        if x.dtype == torch.float16:
            x = x.float()
        for number, layer in enumerate(self.layers):
            x = layer(number, x, angles, attend)
        return x


def attend_to_groups(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of one query row per sequence, without expanding the keys to all heads.

    `query` (batch, heads, 1, head_dim); `keys`, `values` (batch, kv_heads, length, head_dim); `mask`
    (batch, 1, 1, length), True for visible keys. Returns (batch, heads, 1, head_dim).
    """
    batch, heads, _, head_dim = query.shape
    kv_heads = keys.shape[1]
    grouped = query.reshape(batch, kv_heads, heads // kv_heads, head_dim)
    attended = F.scaled_dot_product_attention(grouped, keys, values, attn_mask=mask)
    return attended.reshape(batch, heads, 1, head_dim)


def attend_causally(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Causal attention; shapes as in `Attend`."""
    return F.scaled_dot_product_attention(query, keys, values, is_causal=True, enable_gqa=True)
