"""Integer linears equal the exact product of what was rounded, whatever instructions compute them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from qwen3tts_webui.model.cpu import integer_linear, kernel_memory
from qwen3tts_webui.model.cpu.integer_linear import (
    KernelChoice,
    TiledLinear,
    choose_kernels,
    known_instructions,
    multiply_tiled,
)
from qwen3tts_webui.model.cpu.integer_weights import MAX_INPUTS, IntegerKind, tile_weight
from qwen3tts_webui.model.cpu.jit import numba_available

pytestmark = pytest.mark.skipif(not numba_available(), reason="numba is not installed")

OUTPUTS, INPUTS = 40, 200  # neither fills its last tile or group
# without the instruction, plain arithmetic computes the same; its code is long, so it takes long to compile
INSTRUCTIONS = [
    "madd",
    pytest.param("vnni_256", marks=pytest.mark.slow),
    pytest.param("vnni_512", marks=pytest.mark.slow),
]


def some_weight() -> Tensor:
    return torch.randn(OUTPUTS, INPUTS, generator=torch.Generator().manual_seed(0))


def some_rows(count: int) -> Tensor:
    return torch.randn(count, INPUTS, generator=torch.Generator().manual_seed(1))


def exact(rows: Tensor, weight: Tensor, levels: int) -> Tensor:
    """The product in float64 of rows that are rounded to `levels` steps on either side."""
    step = rows.abs().amax(1, keepdim=True) / levels
    return (rows / step).round().double() * step.double() @ weight.double().T


@pytest.mark.parametrize("kind", ["int8", "int4"])
@pytest.mark.parametrize("instructions", INSTRUCTIONS)
def test_a_product_is_exact_for_quantized_rows(kind: IntegerKind, instructions: str) -> None:
    tiled, rows = tile_weight(some_weight(), kind), some_rows(15)
    for high in (True, False):
        got = multiply_tiled(tiled, rows, instructions, high=high)  # type: ignore[arg-type]
        levels = 4095 if high or instructions == "madd" else 127
        expected = exact(rows, tiled.unpack(), levels)
        # a value on the edge between two steps may be rounded either way
        assert (got - expected).abs().max() < 1.5 * rows.abs().max() / levels * tiled.unpack().abs().max()
        assert (got - expected).abs().median() < 1e-4


@pytest.mark.parametrize("kind", ["int8", "int4"])
@pytest.mark.parametrize("instructions", INSTRUCTIONS)
def test_extreme_values_do_not_saturate(kind: IntegerKind, instructions: str) -> None:
    weight = torch.tensor([1.0, -1.0]).repeat_interleave(16)[:, None].expand(32, MAX_INPUTS).contiguous()
    tiled, rows = tile_weight(weight, kind), torch.tensor([[1.0], [-1.0], [1.0]]).expand(3, MAX_INPUTS)
    expected = rows.double() @ tiled.unpack().double().T
    for high in (True, False):
        got = multiply_tiled(tiled, rows, instructions, high=high)  # type: ignore[arg-type]
        assert ((got - expected).abs() < 1e-5 * expected.abs()).all()


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_row_does_not_depend_on_the_batch(kind: IntegerKind) -> None:
    tiled, rows = tile_weight(some_weight(), kind), some_rows(15) * torch.logspace(-3, 3, 15)[:, None]
    together = multiply_tiled(tiled, rows, "madd", high=True)
    assert torch.equal(together, torch.cat([multiply_tiled(tiled, row[None], "madd", high=True) for row in rows]))


@pytest.mark.parametrize(("kind", "error"), [("int8", 0.008), ("int4", 0.09)])
def test_quantized_weights_are_close(kind: IntegerKind, error: float) -> None:
    weight = some_weight()
    got = tile_weight(weight, kind).unpack()
    assert got.shape == weight.shape
    assert 0 < (got - weight).square().mean().sqrt() < error * weight.square().mean().sqrt()


def test_tiles_unpack_in_parts() -> None:
    for kind in ("int8", "int4"):
        tiled = tile_weight(some_weight(), kind)
        assert torch.equal(torch.cat([tiled.unpack(0, 1), tiled.unpack(1, 3)]), tiled.unpack())


def test_too_many_inputs_are_rejected() -> None:
    with pytest.raises(ValueError, match="8192"):
        tile_weight(torch.ones(1, MAX_INPUTS + 1), "int8")


@pytest.mark.parametrize("prompt", ["madd", "float32"])
@pytest.mark.parametrize("rows", [1, 8, 9, 70])
def test_a_linear_is_close_to_the_float_linear(rows: int, prompt: str) -> None:
    weight, bias, x = some_weight(), torch.arange(float(OUTPUTS)), some_rows(2 * rows).view(2, rows, INPUTS)
    linear = TiledLinear(tile_weight(weight, "int8"), bias, KernelChoice("madd", prompt))  # type: ignore[arg-type]
    y = linear(x.bfloat16())
    assert y.dtype == torch.bfloat16
    expected = torch.nn.functional.linear(x, weight, bias)
    assert (linear(x) - expected).square().mean().sqrt() < 0.01 * expected.std()
    assert (linear.in_features, linear.out_features) == (INPUTS, OUTPUTS)


def test_the_choice_names_supported_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kernel_memory, "cache_folder", lambda name: tmp_path / name)
    choose_kernels.cache_clear()
    choice = choose_kernels("int8", 64, 64)
    assert choice.step in known_instructions()
    assert choice.prompt in (*known_instructions(), "onednn", "float32")
    assert {name for name, _ in choice.milliseconds} >= {f"step {choice.step}", "step plain float32"}
    assert str(choice).startswith(f"step {choice.step}, prompt {choice.prompt} (step ")
    monkeypatch.setattr(integer_linear, "time_candidates", None)  # not timed again
    choose_kernels.cache_clear()
    again = choose_kernels("int8", 64, 64)
    assert again == replace(choice, remembered=True)
    assert str(again).startswith(f"step {choice.step}, prompt {choice.prompt} (remembered: step ")
    choose_kernels.cache_clear()
