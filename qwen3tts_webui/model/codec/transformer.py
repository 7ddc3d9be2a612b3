"""The codec's transformer (docs/model.md, section 7): sliding-window attention over a ring buffer of keys.

(batch, time, channels) float32 in and out. Positions count from the stream's first frame, so that a stream can be split
into packets anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from qwen3tts_webui.model.codec.layers import scale_outputs
from qwen3tts_webui.model.codec.state import CodecState, SlotIndex
from qwen3tts_webui.model.config.model_config import CodecConfig
from qwen3tts_webui.model.talker.layers import RMSNorm, fused


@dataclass(frozen=True, slots=True)
class AttentionWindow:
    """Positions of a packet in its streams; the same for every layer.

    `cos`, `sin`: (batch, time, 1, head_dim). `visible`: (batch, 1, time, past + time), the ring's keys before the new
    ones. `slots`, `ring_index`: where the packet's last keys are stored, (batch, 1) and (batch, kept).
    """

    cos: torch.Tensor
    sin: torch.Tensor
    visible: torch.Tensor
    slots: torch.Tensor
    ring_index: torch.Tensor


class CodecAttention(nn.Module):
    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        width = config.num_heads * config.head_dim
        self.head_dim = config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.o_proj = nn.Linear(width, config.hidden_size, bias=False)

    def fold(self) -> None:
        self.qkv_proj = fused(self.q_proj, self.k_proj, self.v_proj)
        del self.q_proj, self.k_proj, self.v_proj

    def forward(
        self, x: torch.Tensor, ring_k: torch.Tensor, ring_v: torch.Tensor, rows: SlotIndex, window: AttentionWindow
    ) -> torch.Tensor:
        batch, time, _ = x.shape
        q, k, v = self.qkv_proj(x).view(batch, time, 3, -1, self.head_dim).unbind(2)
        q, k = rotate(q, window), rotate(k, window)
        keys = torch.cat([ring_k[rows], k], dim=1).transpose(1, 2)  # (batch, heads, past + time, head_dim)
        values = torch.cat([ring_v[rows], v], dim=1).transpose(1, 2)
        y = F.scaled_dot_product_attention(q.transpose(1, 2), keys, values, attn_mask=window.visible)
        kept = window.ring_index.shape[1]
        ring_k[window.slots, window.ring_index] = k[:, -kept:]
        ring_v[window.slots, window.ring_index] = v[:, -kept:]
        projected: torch.Tensor = self.o_proj(y.transpose(1, 2).reshape(batch, time, -1))
        return projected


class CodecMlp(nn.Module):
    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def fold(self) -> None:
        self.gate_up_proj = fused(self.gate_proj, self.up_proj)
        del self.gate_proj, self.up_proj

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        y: torch.Tensor = self.down_proj(F.silu(gate) * up)
        return y


class LayerScale(nn.Module):
    """A factor per channel. `fold` moves it into the preceding linear layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(channels))


class CodecTransformerLayer(nn.Module):
    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = CodecAttention(config)
        self.self_attn_layer_scale = LayerScale(config.hidden_size)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = CodecMlp(config)
        self.mlp_layer_scale = LayerScale(config.hidden_size)

    def fold(self) -> None:
        self.self_attn.fold()
        self.mlp.fold()
        scale_outputs(self.self_attn.o_proj, self.self_attn_layer_scale.scale)
        scale_outputs(self.mlp.down_proj, self.mlp_layer_scale.scale)
        del self.self_attn_layer_scale, self.mlp_layer_scale

    def forward(
        self, x: torch.Tensor, ring_k: torch.Tensor, ring_v: torch.Tensor, rows: SlotIndex, window: AttentionWindow
    ) -> torch.Tensor:
        x = x + self.self_attn(self.input_layernorm(x), ring_k, ring_v, rows, window)
        x = x + self.mlp(self.post_attention_layernorm(x))
        return x


class CodecTransformer(nn.Module):
    """(batch, time, latent) -> (batch, time, latent); advances `CodecState.position`."""

    frequency: torch.Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.past = config.sliding_window - 1  # a frame attends to itself and this many earlier ones
        self.input_proj = nn.Linear(config.latent_dim, config.hidden_size)
        self.layers = nn.ModuleList(CodecTransformerLayer(config) for _ in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.output_proj = nn.Linear(config.hidden_size, config.latent_dim)
        exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
        self.register_buffer("frequency", 1.0 / config.rope_theta**exponents, persistent=False)

    def forward(self, x: torch.Tensor, state: CodecState, rows: SlotIndex) -> torch.Tensor:
        window = self._window(x.shape[1], state, rows)
        x = self.input_proj(x)
        for layer, ring_k, ring_v in zip(self.layers, state.keys, state.values, strict=True):
            x = layer(x, ring_k, ring_v, rows, window)
        state.position[rows] += x.shape[1]
        y: torch.Tensor = self.output_proj(self.norm(x))
        return y

    def _window(self, time: int, state: CodecState, rows: SlotIndex) -> AttentionWindow:
        """Angles, mask and ring indices of the next `time` frames."""
        device = state.position.device
        start = state.position[rows, None]  # (batch, 1)
        queries = start + torch.arange(time, device=device)
        last = start - 1  # the ring holds the `past` positions up to this one; negative ones were never written
        ring = last - (last - torch.arange(self.past, device=device)).remainder(self.past)
        keys = torch.cat([ring, queries], dim=1)[:, None, None, :]
        at = queries[:, None, :, None]
        angles = (queries[..., None] * self.frequency).repeat(1, 1, 2)[:, :, None, :]
        return AttentionWindow(
            cos=angles.cos(),
            sin=angles.sin(),
            visible=(keys >= 0) & (keys <= at) & (keys >= at - self.past),
            slots=torch.arange(state.slots, device=device)[rows, None],
            ring_index=queries[:, -self.past :].remainder(self.past),
        )


def rotate(x: torch.Tensor, window: AttentionWindow) -> torch.Tensor:
    """RoPE on (batch, time, heads, head_dim); the first half of a head is paired with the second."""
    first, second = x.chunk(2, dim=-1)
    return x * window.cos + torch.cat([-second, first], dim=-1) * window.sin
