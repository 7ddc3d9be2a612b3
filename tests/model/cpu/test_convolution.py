"""Convolutions on a CPU: both forms compute the same, and the clearly faster one is taken."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from qwen3tts_webui.model.cpu import convolution, kernel_memory, timing
from qwen3tts_webui.model.cpu.convolution import PlainConvolution, make_convolution


@pytest.mark.parametrize(("product_ms", "onednn_ms", "taken"), [(1.0, 1.4, "onednn"), (1.0, 9.0, "product")])
def test_the_clearly_faster_form_is_taken_and_both_are_exact(
    product_ms: float, onednn_ms: float, taken: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kernel_memory, "cache_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(
        convolution, "time_candidates", lambda _, **options: {"product": product_ms, "onednn": onednn_ms}
    )
    draw = torch.Generator().manual_seed(0)
    weight, bias = torch.randn(24, 16, 7, generator=draw), torch.randn(24, generator=draw)
    chosen = make_convolution(weight, bias, dilation=3, groups=1)
    assert ("Product" if taken == "product" else "Convolution") in type(chosen).__name__
    x = torch.randn(2, 40, 16, generator=draw)
    expected = PlainConvolution(weight, bias, 3, 1)(x)
    assert (chosen(x) - expected).abs().max() <= 1e-5 * expected.abs().max()
    monkeypatch.setattr(convolution, "time_candidates", None)  # not timed again
    assert type(make_convolution(weight, bias, dilation=3, groups=1)) is type(chosen)


def test_few_taps_are_never_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "time_candidates", None)
    make_convolution(torch.zeros(4, 4, 2), None, dilation=1, groups=1)


@pytest.mark.parametrize("evict", [False, True])
def test_timing_ends_as_soon_as_a_candidate_is_far_behind(evict: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    now = [0.0]
    monkeypatch.setattr(timing, "_clock", lambda: now[0])

    def work(name: str, seconds: float) -> None:
        calls[name] += 1
        now[0] += seconds if calls[name] > 1 else 9.0  # the first run, in which things are prepared, does not count

    candidates = {"fast": lambda: work("fast", 0.001), "slow": lambda: work("slow", 0.05)}
    found = timing.time_candidates(candidates, runs=4, evict=evict)
    assert found == pytest.approx({"fast": 1.0, "slow": 50.0})
    assert calls == {"fast": 5, "slow": 2}
