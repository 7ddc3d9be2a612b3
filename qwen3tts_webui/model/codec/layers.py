"""The layers of the codec decoder (docs/model.md, section 7); their context is in a `CodecState`.

(batch, time, channels) float32 in and out. Parameters have the released names; after loading, `fold` converts them to
faster forms: a transposed convolution becomes a causal one with several phases, Snake's exponentials are precomputed,
layer scales move into the preceding linear layer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from qwen3tts_webui.model.codec.state import CodecState, SlotIndex
from qwen3tts_webui.model.cpu.convolution import make_convolution
from qwen3tts_webui.model.cpu.jit import call_kernel, numba_available


class StatefulLayer(nn.Module):
    """A layer that also reads its last `context_frames` inputs, which are `CodecState.contexts[context_index]`."""

    def __init__(self, context_frames: int, channels: int) -> None:
        super().__init__()
        self.context_frames = context_frames
        self.channels = channels
        self.context_index = -1

    def prepend_context(
        self, x: torch.Tensor, state: CodecState, rows: SlotIndex, snake: Snake | None = None
    ) -> torch.Tensor:
        """Return `x` (batch, time, channels), after `snake` if given, with its context prepended (zeros at first).

        The end of both becomes the next context.
        """
        if self.context_frames == 0:
            return x if snake is None else snake(x)
        context = state.contexts[self.context_index]
        past = context[rows]
        x = torch.cat([past, x], dim=1) if snake is None else snake(x, past)
        context[rows] = x[:, -self.context_frames :]
        return x


class CausalConv(StatefulLayer):
    """Causal convolution of stride 1; a new stream is padded with zeros on the left."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1, groups: int = 1) -> None:
        super().__init__((kernel - 1) * dilation, inputs)
        self.conv: nn.Module = nn.Conv1d(inputs, outputs, kernel, dilation=dilation, groups=groups)

    def fold(self) -> None:
        loaded = self.conv
        assert isinstance(loaded, nn.Conv1d)
        self.conv = make_convolution(
            loaded.weight.detach(),
            None if loaded.bias is None else loaded.bias.detach(),
            dilation=loaded.dilation[0],
            groups=loaded.groups,
        )

    def forward(self, x: torch.Tensor, state: CodecState, rows: SlotIndex, snake: Snake | None = None) -> torch.Tensor:
        y: torch.Tensor = self.conv(self.prepend_context(x, state, rows, snake))
        return y


class CausalUpsample(StatefulLayer):
    """Transposed convolution of stride r and kernel r or 2r, trimmed on the right: `time` becomes `time * r`.

    Each input frame gives r output frames and reads at most one earlier input frame, so this is a causal convolution of
    kernel 1 or 2 with r*out channels.
    """

    def __init__(self, inputs: int, outputs: int, rate: int, taps: int) -> None:
        super().__init__(taps - 1, inputs)
        self.rate = rate
        self.taps = taps
        self.conv: nn.Module = nn.ConvTranspose1d(inputs, outputs, rate * taps, stride=rate)

    def fold(self) -> None:
        loaded = self.conv
        assert isinstance(loaded, nn.ConvTranspose1d) and loaded.bias is not None
        inputs, outputs, _ = loaded.weight.shape
        phases = loaded.weight.detach().view(inputs, outputs, self.taps, self.rate).flip(2)  # oldest input first
        weight = phases.permute(3, 1, 0, 2).reshape(self.rate * outputs, inputs, self.taps)
        self.conv = make_convolution(weight, loaded.bias.detach().repeat(self.rate), dilation=1, groups=1)

    def forward(self, x: torch.Tensor, state: CodecState, rows: SlotIndex, snake: Snake | None = None) -> torch.Tensor:
        y: torch.Tensor = self.conv(self.prepend_context(x, state, rows, snake))
        return y.view(x.shape[0], x.shape[1] * self.rate, -1)


class Snake(nn.Module):
    """SnakeBeta: x + sin²(e^alpha * x) / (e^beta + 1e-9), with alpha and beta per channel."""

    frequency: torch.Tensor
    gain: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(channels))
        self.beta = nn.Parameter(torch.empty(channels))

    def fold(self) -> None:
        self.register_buffer("frequency", self.alpha.detach().exp())
        self.register_buffer("gain", 1.0 / (self.beta.detach().exp() + 1e-9))
        self._compiled = self.gain.device.type == "cpu" and numba_available()
        del self.alpha, self.beta

    def forward(self, x: torch.Tensor, past: torch.Tensor | None = None) -> torch.Tensor:
        """`x` (batch, time, channels) -> the same shape, after `past` (batch, frames, channels) if given."""
        if self._compiled:
            return self._in_one_pass(x, past)
        wave = (x * self.frequency).sin_().square_()
        y = torch.addcmul(x, wave, self.gain)
        return y if past is None else torch.cat([past, y], dim=1)

    def _in_one_pass(self, x: torch.Tensor, past: torch.Tensor | None) -> torch.Tensor:
        from qwen3tts_webui.model.cpu.snake_kernel import run_snake

        skip = 0 if past is None else past.shape[1]
        y = torch.empty(x.shape[0], skip + x.shape[1], x.shape[2])
        if past is not None:
            y[:, :skip] = past
        call_kernel(run_snake, x.contiguous().numpy(), self.frequency.numpy(), self.gain.numpy(), y.numpy(), skip)
        return y


class ConvNeXt(nn.Module):
    """x + gamma * W2 gelu(W1 norm(depthwise(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = CausalConv(channels, channels, 7, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.empty(channels))

    def fold(self) -> None:
        scale_outputs(self.pwconv2, self.gamma)
        del self.gamma

    def forward(self, x: torch.Tensor, state: CodecState, rows: SlotIndex) -> torch.Tensor:
        y: torch.Tensor = self.norm(self.dwconv(x, state, rows))
        y = self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y


class ResidualUnit(nn.Module):
    """x + conv1(snake(dilated conv7(snake(x))))."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.act1 = Snake(channels)
        self.conv1 = CausalConv(channels, channels, 7, dilation)
        self.act2 = Snake(channels)
        self.conv2 = CausalConv(channels, channels, 1)

    def forward(self, x: torch.Tensor, state: CodecState, rows: SlotIndex) -> torch.Tensor:
        y: torch.Tensor = self.conv1(x, state, rows, self.act1)
        y = self.conv2(y, state, rows, self.act2)
        return y.add_(x)


class DecoderBlock(nn.Module):
    """Snake, upsampling by `rate`, three residual units."""

    def __init__(self, inputs: int, outputs: int, rate: int) -> None:
        super().__init__()
        self.block = nn.ModuleList(
            [
                Snake(inputs),
                CausalUpsample(inputs, outputs, rate, taps=2),
                *(ResidualUnit(outputs, dilation) for dilation in (1, 3, 9)),
            ]
        )

    def forward(self, x: torch.Tensor, state: CodecState, rows: SlotIndex) -> torch.Tensor:
        snake, upsample, *units = self.block
        x = upsample(x, state, rows, snake)
        for unit in units:
            x = unit(x, state, rows)
        return x


def scale_outputs(linear: nn.Linear, scale: torch.Tensor) -> None:
    """Multiply the weights of `linear` so that its outputs are scaled by `scale` (outputs,)."""
    with torch.no_grad():
        linear.weight.mul_(scale[:, None])
        if linear.bias is not None:
            linear.bias.mul_(scale)
