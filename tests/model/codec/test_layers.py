"""What the codec computes in its own way equals what torch computes: Snake in one pass, convolutions as products."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from qwen3tts_webui.model.codec.layers import Snake
from qwen3tts_webui.model.cpu.convolution import make_convolution


def snake(channels: int) -> Snake:
    torch.manual_seed(0)
    made = Snake(channels).requires_grad_(False)
    made.alpha.normal_(0, 0.5)
    made.beta.normal_(0, 0.5)
    made.fold()
    return made


def exact(x: torch.Tensor, made: Snake) -> torch.Tensor:
    angle = x.double() * made.frequency.double()
    return x.double() + angle.sin().square() * made.gain.double()


@pytest.mark.parametrize("size", [0.01, 1.0, 30.0, 1000.0])
def test_snake_is_accurate_to_float32_rounding(size: float) -> None:
    made = snake(40)
    x = torch.randn(2, 17, 40, generator=torch.Generator().manual_seed(1)) * size
    rounding = 3e-7 * (1 + made.gain.max()) * (1 + x.abs().max() * made.frequency.max())
    assert (made(x) - exact(x, made)).abs().max() < rounding


@pytest.mark.parametrize("batch", [1, 3])
def test_snake_output_follows_its_context(batch: int) -> None:
    made = snake(8)
    x, past = torch.randn(batch, 5, 8), torch.randn(batch, 4, 8)
    y = made(x, past)
    assert torch.equal(y[:, :4], past)
    assert torch.equal(y[:, 4:], made(x))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_snake_propagates_nan_and_inf(bad: float) -> None:
    x = torch.ones(1, 2, 8)
    x[0, 1, 3] = bad
    y = snake(8)(x)
    assert not y[0, 1, 3].isfinite()
    assert y.isfinite().sum() == 15


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize(("taps", "dilation"), [(1, 1), (2, 1), (2, 3), (7, 1), (7, 9)])
def test_a_convolution_equals_torchs(taps: int, dilation: int, batch: int) -> None:
    torch.manual_seed(0)
    weight, bias, x = torch.randn(24, 16, taps), torch.randn(24), torch.randn(batch, 80, 16)
    expected = F.conv1d(x.transpose(1, 2), weight, bias, dilation=dilation).transpose(1, 2)
    made = make_convolution(weight, bias, dilation=dilation, groups=1)
    assert (made(x) - expected).abs().max() < 1e-4
