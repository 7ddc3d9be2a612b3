"""Compiled steps equal torch's, row by row, whatever type the weights are kept in, and hide no invalid number."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from qwen3tts_webui.model.cpu.compiled_stack import CompiledStack, RowMajorLinear, use_row_major_linears
from qwen3tts_webui.model.cpu.integer_linear import KernelChoice, TiledLinear
from qwen3tts_webui.model.cpu.integer_weights import IntegerKind, tile_weight
from qwen3tts_webui.model.cpu.jit import numba_available
from qwen3tts_webui.model.talker.layers import Stack
from tests.support.decoder_stack import CONFIG, LENGTH, SLOTS, by_torch, make_stack, some_kv, some_rows

pytestmark = pytest.mark.skipif(not numba_available(), reason="numba is not installed")


@pytest.fixture
def stack() -> Stack:
    return make_stack()


def step(compiled: CompiledStack, rows: Tensor, slots: Tensor, positions: Tensor, kv: Tensor) -> Tensor:
    return compiled.run(rows, slots.numpy(), positions.numpy(), kv)


def keep(stack: Stack) -> CompiledStack:
    use_row_major_linears(stack)
    return CompiledStack(stack)


def tile(stack: Stack, kind: IntegerKind) -> CompiledStack:
    for name, child in list(stack.named_modules()):
        if isinstance(child, nn.Linear):
            path, _, leaf = name.rpartition(".")
            linear = TiledLinear(tile_weight(child.weight, kind), None, KernelChoice("madd", "madd"))
            setattr(stack.get_submodule(path), leaf, linear)
    return CompiledStack(stack)


PLACES = [
    ([0], [0]),
    ([2], [8]),
    ([0, 1], [3, 5]),
    ([0, 0, 1, 1], [0, 1, 0, 1]),  # the predictor's first rows
    ([3, 1, 0], [7, 0, 2]),
    ([0, 0, 0, 1, 1, 2, 3], [4, 5, 6, 0, 1, 8, 3]),
]


@pytest.mark.parametrize(("slots", "positions"), PLACES)
def test_a_step_equals_torch(stack: Stack, slots: list[int], positions: list[int]) -> None:
    rows, where, at = some_rows(len(slots)), torch.tensor(slots), torch.tensor(positions)
    ours, theirs = some_kv(), some_kv()
    expected = by_torch(stack, rows, where, at, theirs)
    got = step(keep(stack), rows, where, at, ours)
    assert (got - expected).abs().max() < 1e-5
    assert (ours - theirs).abs().max() < 1e-5


def test_bfloat16_weights_are_not_converted(stack: Stack) -> None:
    rows, slots, positions = some_rows(3), torch.tensor([0, 1, 2]), torch.tensor([4, 0, 8])
    stack.layers.bfloat16()
    wide = Stack(CONFIG).requires_grad_(False)
    wide.fuse()
    wide.load_state_dict(stack.state_dict())
    for mine, other in zip(wide.layers, stack.layers, strict=True):
        mine.self_attn.qk_scale.copy_(other.self_attn.qk_scale)
    got = step(keep(stack), rows, slots, positions, some_kv())
    assert (got - by_torch(wide, rows, slots, positions, some_kv())).abs().max() < 1e-5


def test_a_bfloat16_cache_equals_torch(stack: Stack) -> None:
    rows, slots, positions = some_rows(2), torch.tensor([0, 3]), torch.tensor([5, 8])
    ours, exact = some_kv(torch.bfloat16), some_kv(torch.bfloat16).float()
    got = step(keep(stack), rows, slots, positions, ours)
    expected = step(CompiledStack(stack), rows, slots, positions, exact)
    assert torch.equal(ours[0].float(), exact[0].bfloat16().float())  # the first layer sees the same rows
    assert (got - expected).abs().max() < 0.05


@pytest.mark.parametrize("kind", ["float32", "int8", "int4"])
def test_a_row_does_not_depend_on_the_batch(stack: Stack, kind: str) -> None:
    compiled = keep(stack) if kind == "float32" else tile(stack, kind)  # type: ignore[arg-type]
    rows, slots, positions = some_rows(7), torch.tensor([0, 0, 0, 1, 1, 2, 3]), torch.tensor([0, 1, 2, 0, 1, 8, 3])
    kv, alone = some_kv(), some_kv()
    together = step(compiled, rows, slots, positions, kv)
    one_by_one = [step(compiled, rows[i : i + 1], slots[i : i + 1], positions[i : i + 1], alone) for i in range(7)]
    assert torch.equal(together, torch.cat(one_by_one))
    assert torch.equal(kv, alone)


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_integer_steps_equal_their_quantized_weights(stack: Stack, kind: IntegerKind) -> None:
    rows, slots, positions = some_rows(3), torch.tensor([1, 2, 0]), torch.tensor([3, 0, 5])
    for linear in (part for part in stack.modules() if isinstance(part, nn.Linear)):
        linear.weight.copy_(tile_weight(linear.weight, kind).unpack())
    expected = by_torch(stack, rows, slots, positions, some_kv())
    # quantizing again changes nothing in int8, and almost nothing in int4, where scales are fitted
    got = step(tile(stack, kind), rows, slots, positions, some_kv())
    assert (got - expected).square().mean().sqrt() < (0.002 if kind == "int8" else 0.1)


@pytest.mark.parametrize(("slot", "position"), [(SLOTS, 0), (-1, 0), (0, LENGTH), (0, -1)])
def test_a_position_outside_the_cache_is_rejected(stack: Stack, slot: int, position: int) -> None:
    compiled, kv = keep(stack), some_kv()
    with pytest.raises(IndexError):
        step(compiled, some_rows(2), torch.tensor([1, slot]), torch.tensor([0, position]), kv)
    assert torch.equal(kv, some_kv())


@pytest.mark.parametrize("kind", ["float32", "int8", "int4"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_and_inf_stay_in_their_row(stack: Stack, bad: float, kind: str) -> None:
    compiled = keep(stack) if kind == "float32" else tile(stack, kind)  # type: ignore[arg-type]
    rows = some_rows(3)
    rows[1, 7] = bad
    got = step(compiled, rows, torch.arange(3), torch.tensor([2, 2, 2]), some_kv())
    assert got[1].isnan().all()
    assert got[[0, 2]].isfinite().all()


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 9, 70])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_major_linear_equals_the_linear(rows: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(96, 40).requires_grad_(False)
    linear.weight.copy_(linear.weight.bfloat16())
    x = torch.randn(2, rows, 96)[:, :rows]
    expected = linear(x)
    linear.weight = nn.Parameter(linear.weight.to(dtype), requires_grad=False)
    kept = RowMajorLinear(linear)
    assert (kept.in_features, kept.out_features) == (96, 40)
    assert (kept(x) - expected).abs().max() < 1e-5


def test_the_dtype_of_the_rows_is_kept() -> None:
    linear = nn.Linear(64, 8).requires_grad_(False).bfloat16()
    kept = RowMajorLinear(linear)
    for rows in (1, 20):
        assert kept(torch.ones(rows, 64, dtype=torch.bfloat16)).dtype == torch.bfloat16
        assert kept(torch.ones(rows, 64)).dtype == torch.float32
