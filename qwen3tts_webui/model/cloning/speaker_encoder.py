"""The speaker encoder of a Base checkpoint (docs/model.md, section 8): log-mel and ECAPA-TDNN, audio to x-vector.

Float32 throughout. Module names are the released keys below `speaker_encoder.`.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qwen3tts_webui.model.cloning.mel import log_mel, mel_filters
from qwen3tts_webui.model.config.encoder_config import SpeakerEncoderConfig
from qwen3tts_webui.model.weights.module_loader import load_weights
from qwen3tts_webui.types import Pcm, XVector

_STD_FLOOR = 1e-12


class ReflectConv(nn.Module):
    """1-D convolution that keeps the length, padded by reflection. (batch, channels, time) in and out."""

    def __init__(self, channels_in: int, channels_out: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            channels_in, channels_out, kernel_size, dilation=dilation, padding="same", padding_mode="reflect"
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x))


class Res2Net(nn.Module):
    """Channel groups in a chain: each convolution also reads the previous output; the first group passes through."""

    def __init__(self, channels: int, scale: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        width = channels // scale
        self.blocks = nn.ModuleList(ReflectConv(width, width, kernel_size, dilation) for _ in range(scale - 1))

    def forward(self, x: Tensor) -> Tensor:
        first, *groups = x.chunk(len(self.blocks) + 1, dim=1)
        outputs = [first]
        for block, group in zip(self.blocks, groups, strict=True):
            outputs.append(block(group if len(outputs) == 1 else group + outputs[-1]))
        return torch.cat(outputs, dim=1)


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate computed from the mean over time."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(channels, hidden, 1)
        self.conv2 = nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.conv2(F.relu(self.conv1(x.mean(dim=2, keepdim=True))))
        return x * torch.sigmoid(gate)


class SeRes2Net(nn.Module):
    def __init__(self, channels_in: int, channels: int, config: SpeakerEncoderConfig, stage: int) -> None:
        super().__init__()
        kernel_size, dilation = config.kernel_sizes[stage], config.dilations[stage]
        self.tdnn1 = ReflectConv(channels_in, channels, 1, 1)
        self.res2net_block = Res2Net(channels, config.res2net_scale, kernel_size, dilation)
        self.tdnn2 = ReflectConv(channels, channels, 1, 1)
        self.se_block = SqueezeExcitation(channels, config.se_channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + cast(Tensor, self.se_block(self.tdnn2(self.res2net_block(self.tdnn1(x)))))


class AttentiveStatistics(nn.Module):
    """Mean and standard deviation over time, weighted by attention: (1, channels, time) -> (1, 2 * channels, 1)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.tdnn = ReflectConv(3 * channels, hidden, 1, 1)
        self.conv = nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        uniform = torch.full_like(x[:, :1], 1 / x.shape[2])
        context = [part.expand_as(x) for part in _statistics(x, uniform)]
        weights = self.conv(torch.tanh(self.tdnn(torch.cat([x, *context], dim=1)))).softmax(dim=2)
        return torch.cat(_statistics(x, weights), dim=1)


def _statistics(x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and standard deviation over time, each (batch, channels, 1)."""
    mean = (weights * x).sum(dim=2, keepdim=True)
    variance = (weights * (x - mean).square()).sum(dim=2, keepdim=True)
    return mean, variance.clamp(min=_STD_FLOOR).sqrt()


class SpeakerEncoder(nn.Module):
    """24 kHz audio -> x-vector. One recording at a time."""

    filters: Tensor  # (mel bins, FFT bins)

    def __init__(self, config: SpeakerEncoderConfig) -> None:
        super().__init__()
        first, *middle, last = config.channels
        inputs = [first, *middle]
        blocks: list[nn.Module] = [ReflectConv(config.mel_bins, first, config.kernel_sizes[0], config.dilations[0])]
        blocks += [SeRes2Net(inputs[i], channels, config, i + 1) for i, channels in enumerate(middle)]
        self.blocks = nn.ModuleList(blocks)
        self.mfa = ReflectConv(sum(middle), last, config.kernel_sizes[-1], config.dilations[-1])
        self.asp = AttentiveStatistics(last, config.attention_channels)
        self.fc = nn.Conv1d(2 * last, config.dim, 1)
        self.register_buffer("filters", mel_filters(config.mel_bins), persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """`mel` (time, bins) -> (dim,)."""
        x = mel.T[None]
        outputs = []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        pooled = self.asp(self.mfa(torch.cat(outputs[1:], dim=1)))
        return cast(Tensor, self.fc(pooled))[0, :, 0]

    @torch.inference_mode()
    def encode(self, pcm: Pcm) -> XVector:
        """The x-vector (dim,) of `pcm` (samples,) at 24 kHz; at least 0.1 s."""
        mel = log_mel(torch.from_numpy(pcm).to(self.filters.device), self.filters)
        vector: XVector = self(mel).cpu().numpy()
        return vector


def load_speaker_encoder(folder: Path, config: SpeakerEncoderConfig, device: torch.device) -> SpeakerEncoder:
    """Load the speaker encoder of the checkpoint in `folder`, float32, on `device`. Raises CheckpointError."""
    return load_weights(
        lambda: SpeakerEncoder(config),
        folder,
        device=device,
        dtype=torch.float32,
        key_of=lambda name: f"speaker_encoder.{name}",
        unused=("talker.",),
    )


def speaker_similarity(first: XVector, second: XVector) -> float:
    """Cosine similarity of two x-vectors, -1 to 1; 0 if one of them is zero."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / norms, -1.0, 1.0)) if norms > 0 else 0.0
