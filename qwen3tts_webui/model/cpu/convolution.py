"""Convolution over time, (batch, time, channels) in and out, in the fastest way for the device.

Channels are last in memory, so that no layer transposes. On a CPU the weights are packed once for oneDNN; torch's own
convolution packs them on every call, which costs more than the convolution of one frame. There is no padding: the
caller prepends the context.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from qwen3tts_webui.model.cpu.kernel_memory import recall, remember
from qwen3tts_webui.model.cpu.timing import time_candidates

logger = logging.getLogger(__name__)

_FEW_TAPS = 3
_TIMED_VALUES = 1 << 18  # of the timed input, all taps together: about a frame's
_CLEARLY = 1.5  # times faster is the product taken: small differences would change from one start to the next


def make_convolution(weight: torch.Tensor, bias: torch.Tensor | None, *, dilation: int, groups: int) -> nn.Module:
    """A module that convolves (batch, time, in) to (batch, time - (kernel-1)*dilation, out) with these float32 weights.

    `weight`: (out, in/groups, kernel). Falls back to torch's convolution, with a warning, if oneDNN cannot pack it.
    """
    if weight.device.type == "cpu" and groups == 1 and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        try:
            return _fastest(weight, bias, dilation)
        except (RuntimeError, AttributeError, NotImplementedError) as error:
            logger.warning("this torch cannot pack convolutions for the CPU, the codec is slower (%s)", error)
    return PlainConvolution(weight, bias, dilation, groups)


def _fastest(weight: torch.Tensor, bias: torch.Tensor | None, dilation: int) -> nn.Module:
    """The form that computes this convolution fastest on this processor; oneDNN's own unless the product clearly wins.

    Without AVX-512, oneDNN takes up to thirty times as long as the product for some shapes of the codec: 768 channels,
    64 steps and one tap; or seven taps with dilation 9 (198 ms, and 8 as a product).
    """
    outputs, channels, taps = weight.shape
    name = f"convolution {channels} to {outputs}, {taps} taps, dilation {dilation}"
    taken = "product" if taps <= _FEW_TAPS else recall(name)
    if taken in _FORMS:
        return _FORMS[taken](weight, bias, dilation)
    product, convolution = _PackedProduct(weight, bias, dilation), _PackedConvolution(weight, bias, dilation)
    x = weight.new_zeros(1, (taps - 1) * dilation + max(1, _TIMED_VALUES // (channels * taps)), channels)
    times = time_candidates({"product": lambda: product(x), "onednn": lambda: convolution(x)}, runs=4)
    taken = "product" if times["onednn"] > _CLEARLY * times["product"] else "onednn"
    remember(name, taken)
    return product if taken == "product" else convolution


def _as_image(x: torch.Tensor) -> torch.Tensor:
    """(batch, time, channels) seen as a channels-last image of height 1: (batch, channels, 1, time)."""
    return x.transpose(1, 2).unsqueeze(2)


def _as_sequence(image: torch.Tensor) -> torch.Tensor:
    """The inverse of `_as_image`."""
    return image.squeeze(2).transpose(1, 2).contiguous()


class PlainConvolution(nn.Module):
    """Torch's convolution, weights in channels-last order."""

    weight: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, dilation: int, groups: int) -> None:
        super().__init__()
        self.register_buffer("weight", weight.unsqueeze(2).contiguous(memory_format=torch.channels_last))
        self.register_buffer("bias", bias)
        self.dilation = dilation
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        image = F.conv2d(_as_image(x), self.weight, self.bias, dilation=(1, self.dilation), groups=self.groups)
        return _as_sequence(image)


class _PackedProduct(nn.Module):
    """A convolution as a matrix product of all taps."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, dilation: int) -> None:
        super().__init__()
        self.taps = weight.shape[2]
        self.dilation = dilation
        self.bias = bias
        self.weight = torch.ops.mkldnn._reorder_linear_weight(weight.transpose(1, 2).flatten(1).contiguous())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.taps > 1:
            time = x.shape[1] - (self.taps - 1) * self.dilation
            starts = range(0, self.taps * self.dilation, self.dilation)
            x = torch.cat([x[:, start : start + time] for start in starts], dim=2)
        y: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return y


class _PackedConvolution(nn.Module):
    """oneDNN's convolution with packed weights (an opaque tensor)."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.bias = bias
        plain = weight.unsqueeze(2).contiguous().to_mkldnn()
        self.weight = torch._C._nn.mkldnn_reorder_conv2d_weight(plain, [0, 0], [1, 1], [1, dilation], 1, None)  # type: ignore[call-arg]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        image = torch.ops.mkldnn._convolution_pointwise(
            _as_image(x), self.weight, self.bias, (0, 0), (1, 1), (1, self.dilation), 1, "none", [], None
        )
        return _as_sequence(image)


_FORMS: dict[str, Callable[[torch.Tensor, torch.Tensor | None, int], nn.Module]] = {
    "product": _PackedProduct,
    "onednn": _PackedConvolution,
}
