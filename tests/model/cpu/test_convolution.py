"""Convolutions on a CPU: both forms compute the same, and the clearly faster one is taken."""

from __future__ import annotations

import pytest
import torch

from qwen3tts_webui.model.cpu import convolution
from qwen3tts_webui.model.cpu.convolution import PlainConvolution, least_ms, make_convolution


@pytest.mark.parametrize(("product_ms", "onednn_ms", "taken"), [(1.0, 1.4, "onednn"), (1.0, 9.0, "product")])
def test_the_clearly_faster_form_is_taken_and_both_are_exact(
    product_ms: float, onednn_ms: float, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([product_ms, onednn_ms])
    monkeypatch.setattr(convolution, "least_ms", lambda work, **_: next(times))
    draw = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(24, 16, 7, generator=draw), torch.randn(24, generator=draw)
    chosen = make_convolution(weight, bias, dilation=3, groups=1)
    assert ("Product" if taken == "product" else "Convolution") in type(chosen).__name__
    x = torch.randn(2, 40, 16, generator=draw)
    expected = PlainConvolution(weight, bias, 3, 1)(x)
    assert (chosen(x) - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_few_taps_are_never_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "least_ms", None)
    make_convolution(torch.zeros(4, 4, 2), None, dilation=1, groups=1)


@pytest.mark.parametrize(("enough_ms", "runs"), [(0.0, 4), (1e6, 1), (1e-9, 1)])
def test_timing_ends_as_soon_as_the_result_is_certain(enough_ms: float, runs: int) -> None:
    calls: list[int] = []
    assert least_ms(lambda: calls.append(1), enough_ms=enough_ms) > 0
    assert len(calls) == runs
