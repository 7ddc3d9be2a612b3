"""Packed linear layers: the float kinds are exact, int8 is close, row by row, and never hides an invalid number."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qwen3tts_webui.model.cpu.packed_linear import (
    Int8Linear,
    PackedLinear,
    compare_logits,
    quantize_rows,
    replace_linears,
    supports_linear,
)

needs_int8 = pytest.mark.skipif(not supports_linear("int8"), reason="this processor or torch has no int8 linear")


@pytest.fixture
def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(96, 40).requires_grad_(False)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(3, 5, 96, generator=torch.Generator().manual_seed(1))


def test_packed_float32_equals_the_linear(linear: nn.Linear, x: torch.Tensor) -> None:
    assert (PackedLinear(linear)(x) - linear(x)).abs().max() < 1e-5


@pytest.mark.skipif(not supports_linear("bfloat16"), reason="this processor has no bfloat16 products")
def test_packed_bfloat16_equals_the_linear(linear: nn.Linear, x: torch.Tensor) -> None:
    linear, x = linear.bfloat16(), x.bfloat16()
    packed = PackedLinear(linear)(x)
    assert packed.dtype == torch.bfloat16
    assert (packed - linear(x)).abs().max() <= 0.02  # one unit in the last place of values near 2


@needs_int8
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_int8_is_close_to_the_linear(linear: nn.Linear, x: torch.Tensor, dtype: torch.dtype) -> None:
    y = Int8Linear(linear.to(dtype))(x.to(dtype))
    assert y.dtype == dtype
    assert y.shape == (3, 5, 40)
    assert (y - linear(x.to(dtype))).float().square().mean().sqrt() < 0.01


@needs_int8
def test_int8_equals_the_quantized_product(linear: nn.Linear, x: torch.Tensor) -> None:
    rows, row_scale = quantize_rows(x.view(-1, 96))
    weight, weight_scale = quantize_rows(linear.weight)
    expected = (rows.double() @ weight.double().T) * row_scale * weight_scale.T + linear.bias
    assert (Int8Linear(linear)(x).view(-1, 40) - expected).abs().max() < 1e-5


@needs_int8
def test_int8_row_does_not_depend_on_the_batch(linear: nn.Linear, x: torch.Tensor) -> None:
    rows = x.view(-1, 96) * torch.logspace(-3, 3, 15)[:, None]
    fast = Int8Linear(linear)
    alone = torch.cat([fast(row[None]) for row in rows])
    assert torch.equal(fast(rows), alone)


@needs_int8
def test_int8_row_of_zeros_gives_the_bias(linear: nn.Linear) -> None:
    assert torch.equal(Int8Linear(linear)(torch.zeros(1, 96))[0], linear.bias)


@needs_int8
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_int8_propagates_nan_and_inf(linear: nn.Linear, x: torch.Tensor, bad: float) -> None:
    rows = x[0].clone()
    rows[2, 7] = bad
    broken = Int8Linear(linear)(rows).isnan()
    assert broken[2].all()
    assert not broken[[0, 1, 3, 4]].any()


def test_quantization_is_within_half_a_step(x: torch.Tensor) -> None:
    rows, scale = quantize_rows(x[0])
    assert rows.dtype == torch.int8
    assert rows.abs().amax(1).tolist() == [127] * 5
    assert ((rows * scale - x[0]).abs() <= scale / 2 * 1.0001).all()


def test_replaces_all_linears_inside_and_frees_their_weights() -> None:
    module = nn.Sequential(nn.Linear(32, 32), nn.ModuleList([nn.Linear(32, 16)]), nn.LayerNorm(32))
    assert replace_linears(module, "float32") == 2
    assert [type(child).__name__ for child in module] == ["PackedLinear", "ModuleList", "LayerNorm"]
    assert {name for name, _ in module.named_parameters()} == {"2.weight", "2.bias"}


def test_replaces_only_wanted_linears() -> None:
    module = nn.ModuleDict({"head": nn.Linear(32, 32), "body": nn.Linear(32, 32)})
    assert replace_linears(module, "float32", wanted=lambda name, _linear: name == "body") == 1
    assert isinstance(module["head"], nn.Linear)


def test_ignores_linears_on_other_devices() -> None:
    module = nn.Sequential(nn.Linear(8, 8, device="meta"))
    assert replace_linears(module, "float32") == 0


def test_warns_about_an_unsupported_kind(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def absent(*_: object) -> None:
        raise NotImplementedError("no such operator")

    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_linear_weight", absent)
    module = nn.Sequential(nn.Linear(8, 8))
    assert replace_linears(module, "float32") == 0
    assert isinstance(module[0], nn.Linear)
    assert "plain ones are used" in caplog.text


def test_argmax_agreement() -> None:
    reference = torch.tensor([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]])
    agreement = compare_logits(torch.tensor([[0.0, 2.5, 2.0], [3.0, 0.0, 0.0]]), reference)
    assert (agreement.argmax_agreement, agreement.rows) == (0.5, 2)


def test_the_error_ignores_an_offset_per_row() -> None:
    reference = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    agreement = compare_logits(reference + torch.arange(4.0)[:, None], reference)
    assert agreement.argmax_agreement == 1.0
    assert agreement.error < 1e-6
