"""The codec's encoder (docs/model.md, section 8): 24 kHz audio in, frames of 16 codes out. Mimi's architecture.

Float32 throughout, one whole recording at a time. Module names are the released keys below `encoder.`. Attention is
causal over the whole recording, as in the official package, where the `sliding_window` of the config has no effect
(docs/model.md, section 11, quirk 9).
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qwen3tts_webui.model.codec.transformer import LayerScale
from qwen3tts_webui.model.config.encoder_config import CodecEncoderConfig
from qwen3tts_webui.model.weights.module_loader import load_weights
from qwen3tts_webui.types import NUM_CODEBOOKS, Codes, Pcm

_USAGE_FLOOR = 1e-5


class StridedConv(nn.Module):
    """Causal convolution, (1, channels, time) -> time / stride, rounded up by zeros on the right."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel_size: int, stride: int = 1, *, downsample: bool = False
    ) -> None:
        super().__init__()
        self._padding = kernel_size - stride
        self._stride = stride
        self._mode = "replicate" if downsample else "constant"
        self.conv = nn.Conv1d(channels_in, channels_out, kernel_size, stride, bias=not downsample)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.conv(F.pad(x, (self._padding, -x.shape[2] % self._stride), mode=self._mode)))


class ResidualBlock(nn.Module):
    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        hidden = channels // 2
        layers = (nn.ELU(), StridedConv(channels, hidden, kernel_size), nn.ELU(), StridedConv(hidden, channels, 1))
        self.block = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in self.block:
            y = layer(y)
        return x + y


class ConvolutionStages(nn.Module):
    """(1, 1, samples) -> (1, hidden_size, time at 25 Hz)."""

    def __init__(self, config: CodecEncoderConfig) -> None:
        super().__init__()
        width = config.num_filters
        layers: list[nn.Module] = [StridedConv(1, width, config.kernel_size)]
        for stride in config.strides:
            layers += [ResidualBlock(width, config.residual_kernel_size), nn.ELU()]
            layers.append(StridedConv(width, 2 * width, 2 * stride, stride))
            width *= 2
        layers += [nn.ELU(), StridedConv(width, config.hidden_size, config.last_kernel_size)]
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class EncoderAttention(nn.Module):
    def __init__(self, config: CodecEncoderConfig) -> None:
        super().__init__()
        width = config.num_heads * config.head_dim
        self._head_dim = config.head_dim
        self.q_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, width, bias=False)
        self.o_proj = nn.Linear(width, config.hidden_size, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """`x` (1, time, hidden); `cos`, `sin` (time, head_dim)."""
        q, k, v = (
            projection(x).view(1, x.shape[1], -1, self._head_dim).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        y = F.scaled_dot_product_attention(_rotate(q, cos, sin), _rotate(k, cos, sin), v, is_causal=True)
        return cast(Tensor, self.o_proj(y.transpose(1, 2).flatten(2)))


class EncoderMlp(nn.Module):
    def __init__(self, config: CodecEncoderConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.fc2(F.gelu(self.fc1(x))))


class EncoderTransformerLayer(nn.Module):
    def __init__(self, config: CodecEncoderConfig) -> None:
        super().__init__()
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.self_attn = EncoderAttention(config)
        self.self_attn_layer_scale = LayerScale(config.hidden_size)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.mlp = EncoderMlp(config)
        self.mlp_layer_scale = LayerScale(config.hidden_size)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn_layer_scale.scale * self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp_layer_scale.scale * cast(Tensor, self.mlp(self.post_attention_layernorm(x)))


class EncoderTransformer(nn.Module):
    """(1, time, hidden) -> (1, time, hidden), without a final norm."""

    frequency: Tensor

    def __init__(self, config: CodecEncoderConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderTransformerLayer(config) for _ in range(config.num_layers))
        exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
        self.register_buffer("frequency", 1.0 / config.rope_theta**exponents, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        angles = torch.arange(x.shape[1], device=x.device)[:, None] * self.frequency
        cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return x


class Codebook(nn.Module):
    """Entries are stored as sums and usage counts; `encode` finds the nearest one."""

    embed_sum: Tensor  # (codebook_size, codebook_dim)
    cluster_usage: Tensor  # (codebook_size,)

    def __init__(self, config: CodecEncoderConfig) -> None:
        super().__init__()
        self.register_buffer("embed_sum", torch.empty(config.codebook_size, config.codebook_dim))
        self.register_buffer("cluster_usage", torch.empty(config.codebook_size))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`x` (time, codebook_dim) -> the nearest entries: ids (time,) and values (time, codebook_dim)."""
        entries = self.embed_sum / self.cluster_usage.clamp(min=_USAGE_FLOOR)[:, None]
        ids = torch.cdist(x[None], entries[None])[0].argmin(dim=1)
        return ids, entries[ids]


class Quantizer(nn.Module):
    """Residual vector quantizer: each codebook encodes the residual of the previous ones."""

    def __init__(self, config: CodecEncoderConfig, num_codebooks: int) -> None:
        super().__init__()
        self.input_proj = nn.Conv1d(config.hidden_size, config.codebook_dim, 1, bias=False)
        self.layers = nn.ModuleList(nn.ModuleDict({"codebook": Codebook(config)}) for _ in range(num_codebooks))

    def encode(self, latent: Tensor) -> list[Tensor]:
        """`latent` (1, hidden, time) -> ids (time,) of each codebook."""
        residual = self.input_proj(latent)[0].T
        codes = []
        for layer in self.layers:
            ids, values = cast(Codebook, cast(nn.ModuleDict, layer)["codebook"]).encode(residual)
            codes.append(ids)
            residual = residual - values
        return codes


class SplitQuantizer(nn.Module):
    """The semantic codebook and the acoustic chain; both read the same latent."""

    def __init__(self, config: CodecEncoderConfig) -> None:
        super().__init__()
        self.semantic_residual_vector_quantizer = Quantizer(config, 1)
        self.acoustic_residual_vector_quantizer = Quantizer(config, NUM_CODEBOOKS - 1)

    def encode(self, latent: Tensor) -> Tensor:
        """(1, hidden, time) -> (time, 16)."""
        semantic = self.semantic_residual_vector_quantizer.encode(latent)
        return torch.stack([*semantic, *self.acoustic_residual_vector_quantizer.encode(latent)], dim=1)


class CodecEncoder(nn.Module):
    """24 kHz audio -> codes. One recording at a time."""

    def __init__(self, config: CodecEncoderConfig) -> None:
        super().__init__()
        self.encoder = ConvolutionStages(config)
        self.encoder_transformer = EncoderTransformer(config)
        stride = config.downsample
        self.downsample = StridedConv(config.hidden_size, config.hidden_size, 2 * stride, stride, downsample=True)
        self.quantizer = SplitQuantizer(config)

    def latent(self, pcm: Tensor) -> Tensor:
        """`pcm` (samples,) -> (1, hidden, frames)."""
        x = self.encoder_transformer(self.encoder(pcm[None, None]).transpose(1, 2))
        return cast(Tensor, self.downsample(x.transpose(1, 2)))

    @torch.inference_mode()
    def encode(self, pcm: Pcm) -> Codes:
        """Codes (frames, 16) of `pcm` (samples,): one frame per 1920 samples, rounded up."""
        device = self.encoder_transformer.frequency.device
        codes: Codes = (
            self.quantizer.encode(self.latent(torch.from_numpy(pcm).to(device))).cpu().numpy().astype(np.int16)
        )
        return codes


def load_codec_encoder(folder: Path, config: CodecEncoderConfig, device: torch.device) -> CodecEncoder:
    """Load the encoder from the `speech_tokenizer` folder of a checkpoint, float32. Raises CheckpointError."""
    return load_weights(
        lambda: CodecEncoder(config),
        folder,
        device=device,
        dtype=torch.float32,
        key_of=lambda name: f"encoder.{name}",
        unused=_unused_keys(config),
    )


def _unused_keys(config: CodecEncoderConfig) -> tuple[str, ...]:
    """Keys not needed for encoding to 16 codebooks: decoder, output projections, more codebooks, flags."""
    semantic, acoustic = (f"encoder.quantizer.{kind}_residual_vector_quantizer." for kind in ("semantic", "acoustic"))
    used, stored = NUM_CODEBOOKS - 1, config.num_quantizers - 1
    return (
        "decoder.",
        f"{semantic}output_proj.",
        f"{acoustic}output_proj.",
        f"{semantic}layers.0.codebook.initialized",
        *(f"{acoustic}layers.{layer}.codebook.initialized" for layer in range(used)),
        *(f"{acoustic}layers.{layer}." for layer in range(used, stored)),
    )


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """RoPE on (1, heads, time, head_dim); the first half of a head is paired with the second."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin
