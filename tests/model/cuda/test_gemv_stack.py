"""Our own products equal the layers', row by row and bit by bit in any batch, and are used where they are faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from qwen3tts_webui.model import load_model
from qwen3tts_webui.model.cuda import gemv_choice, split_choice, startup_check
from qwen3tts_webui.model.cuda.frame_check import check_frames
from qwen3tts_webui.model.cuda.fused_frames import FusedFrames
from qwen3tts_webui.model.cuda.fused_stack import MOST_SPLIT, FusedStack, linear
from qwen3tts_webui.model.cuda.gemv_choice import choose
from qwen3tts_webui.model.cuda.gemv_stack import MAX_BATCH, GemvStack, norm_linear
from qwen3tts_webui.model.cuda.startup_check import check_steps, fuse_steps
from qwen3tts_webui.model.talker.layers import Stack
from tests.support.decoder_stack import CONFIG, make_stack
from tests.support.golden_cases import GOLDEN

pytest.importorskip("triton")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
TOLERANCE = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 4e-2}
SMALL = replace(CONFIG, hidden_size=40, intermediate_size=48, num_layers=1, num_heads=4, head_dim=10)
LENGTH = 9


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def small_stack(dtype: torch.dtype = torch.float32) -> Stack:
    return make_stack(SMALL, dtype).to(DEVICE)


def call(steps: FusedStack, slots: list[int], time: int) -> tuple[Tensor, Tensor]:
    """Rows and cache of these slots, which depend on nothing else, after a step of `time` rows."""
    rows = random(2, 8, time, SMALL.hidden_size)[slots].to(steps._number)
    kv = random(3, 1, 2, 8, SMALL.num_kv_heads, LENGTH, SMALL.head_dim)[:, :, slots].to(steps._number)
    starts = (torch.tensor([0, 5, 7, 3, 1, 6, 2, 4], device=DEVICE))[slots]
    return steps(rows, starts, kv), kv


@torch.inference_mode()
@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
def test_products_equal_torch_and_do_not_depend_on_other_rows(dtype: torch.dtype) -> None:
    size_in, size_out = 300, 20  # of odd tiles
    weight, norm = (random(3, size_out, size_in) / 18).to(dtype), 0.5 + random(4, size_in).abs()
    x = random(5, 8, 2 * size_in)[:, size_in:].to(torch.float32 if dtype == torch.float16 else dtype)
    residual = random(6, 8, 2 * size_out)[:, size_out:].to(dtype)
    normal = torch.nn.functional.rms_norm(x.float(), (size_in,), norm, 1e-6)
    first, second = (normal @ weight.float().T).chunk(2, dim=1)
    dense = normal.to(dtype)
    cases: list[tuple[Callable[[int], Tensor], Tensor]] = [
        (lambda rows: norm_linear(x[-rows:], norm, weight, 1e-6), torch.cat((first, second), dim=1)),
        (
            lambda rows: norm_linear(x[-rows:], norm, weight, 1e-6, gate=True),
            torch.nn.functional.silu(first) * second,
        ),
        (
            lambda rows: linear(dense[-rows:], weight, residual[-rows:]),
            residual.float() + dense.float() @ weight.float().T,
        ),
    ]
    for product, exact in cases:
        got = product(8)
        torch.testing.assert_close(got.float(), exact, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
        for rows in (1, 2, 3):
            assert torch.equal(product(rows), got[-rows:])


@torch.inference_mode()
def test_float16_norms_of_large_rows_do_not_overflow() -> None:
    x, norm, weight = 1e6 * random(1, 2, 40), torch.ones(40, device=DEVICE), random(2, 16, 40).half()
    exact = torch.nn.functional.rms_norm(x, (40,), norm, 1e-6) @ weight.float().T
    torch.testing.assert_close(norm_linear(x, norm, weight, 1e-6).float(), exact, atol=5e-2, rtol=5e-3)


@torch.inference_mode()
@pytest.mark.parametrize(
    ("dtype", "joined"), [(torch.float32, True), (torch.bfloat16, True), (torch.bfloat16, False), (torch.float16, True)]
)
def test_a_slot_is_the_same_alone_and_in_a_batch(dtype: torch.dtype, joined: bool) -> None:
    """And as the stack with torch's products has it, cache included."""
    stack = small_stack(dtype)
    gemv, fused = GemvStack(stack, LENGTH, tiles=False, joined=joined), FusedStack(stack, LENGTH, tiles=False)
    time = 1 if dtype == torch.float16 else 2
    together, kv = call(gemv, [0, 1, 2], time)
    alone, kv_alone = call(gemv, [1], time)
    assert torch.equal(alone, together[1:2]) and torch.equal(kv_alone, kv[:, :, 1:2])
    exact, exact_kv = call(fused, [0, 1, 2], time)
    torch.testing.assert_close(together.float(), exact.float(), atol=2 * TOLERANCE[dtype], rtol=TOLERANCE[dtype])
    torch.testing.assert_close(kv.float(), exact_kv.float(), atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
    assert not gemv._arrived.any()  # ready for the next launch


@torch.inference_mode()
def test_larger_batches_and_heads() -> None:
    stack, head = small_stack(), random(7, 20, SMALL.hidden_size)
    gemv, fused = GemvStack(stack, LENGTH, tiles=False), FusedStack(stack, LENGTH, tiles=False)
    rows, kv = fused.example(2, LENGTH)
    starts = torch.zeros(2, dtype=torch.int64, device=DEVICE)
    exact = fused.logits(rows, starts, kv, head)
    torch.testing.assert_close(gemv.logits(rows, starts, kv, head), exact, atol=1e-5, rtol=1e-5)
    bias, x = random(8, 20), random(9, 2, SMALL.hidden_size)
    for each in (None, bias):
        torch.testing.assert_close(gemv.product(x, head, each), fused.product(x, head, each), atol=1e-5, rtol=1e-5)
    gemv.max_batch = 1
    assert torch.equal(gemv.product(x, head, bias), fused.product(x, head, bias))
    assert torch.equal(gemv.logits(rows, starts, kv, head), exact)
    assert torch.equal(gemv(rows, starts, kv), fused(rows, starts, kv))


def test_the_startup_check_covers_our_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_check, "_CHECKED_POSITIONS", 3)
    stack = small_stack()
    gemv = GemvStack(stack, LENGTH, joined=True)
    check_steps(stack, gemv, pairs=True)
    gemv._eps = 1.0
    with pytest.raises(ArithmeticError, match="% off where"):
        check_steps(stack, gemv, pairs=True)


@pytest.mark.parametrize(
    ("num_positions", "times", "expected"),
    [
        (64, [2.0, 1.0, 2.0, 1.1, 2.0, 1.3, 2.1, 1.9], (8, False)),
        (64, [2.0, 1.0, 2.0, 1.1, 2.0, 2.5], (2, False)),
        (64, [2.0, 1.97], None),
        (16, [2.0, 1.0, 2.0, 2.1, 2.0, 1.2, 2.0, 1.3, 2.0, 1.4, 2.0, 1.5], (1, True)),  # joined is best for one slot
        (16, [2.0, 1.2, 2.0, 2.1, 2.0, 1.0, 2.0, 1.3, 2.0, 2.4], (2, False)),
        (16, [2.0, 2.2, 2.0, 2.1], None),
    ],
)
def test_the_faster_products_are_used(
    num_positions: int, times: list[float], expected: tuple[int, bool] | None
) -> None:
    """`times`: recorded milliseconds of cuBLAS and of our products in turn, for 1, 2, 4 and 8 slots."""
    stack, clock = small_stack(), iter(times)
    fused = FusedStack(stack, num_positions)
    chosen = choose("talker", stack, fused, num_positions, lambda steps: None, lambda work: next(clock))
    if expected is None:
        assert chosen is fused
    else:
        assert isinstance(chosen, GemvStack) and (chosen.max_batch, chosen.joined) == expected
    assert not list(clock)  # no slots after the first number that was slower


def test_wrong_products_are_not_timed(caplog: pytest.LogCaptureFixture) -> None:
    stack = small_stack()
    fused = FusedStack(stack, LENGTH)

    def check(steps: FusedStack) -> None:
        assert isinstance(steps, GemvStack)
        if steps.joined:
            raise ArithmeticError("a step is 7.00% off where 1.00% is allowed")

    caplog.set_level("INFO")
    chosen = choose("predictor", stack, fused, LENGTH, check, lambda work: 1.0)
    assert chosen is fused
    assert "attention joined: not used: a step is 7.00% off" in caplog.text
    assert "products: not used (slower from there on): 1 x 1.000 ms (cuBLAS 1.000)" in caplog.text


def test_fuse_steps_asks_the_clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """And advances slots by torch if the frame kernels are wrong."""
    talker = load_model(GOLDEN / "design", device=str(DEVICE), dtype="float32").talker
    monkeypatch.setattr(startup_check, "_checked", lambda stack, length, pairs: FusedStack(stack, length))
    monkeypatch.setattr(startup_check, "check_steps", lambda *args, **options: None)
    monkeypatch.setattr(startup_check, "check_sampler", lambda *args: None)
    monkeypatch.setattr(gemv_choice, "step_work", lambda stack, *_: lambda: stack)
    monkeypatch.setattr(split_choice, "step_work", lambda stack, *_: lambda: stack)
    monkeypatch.setattr(FusedFrames, "finish", lambda *args: None)
    caplog.set_level("INFO")

    def clock(work: Callable[[], Any]) -> float:
        return 2.0 - isinstance(work(), GemvStack) - 0.5 * bool(work().max_split)

    assert fuse_steps(talker, clock)
    for steps, max_split in ((talker.model.steps, MOST_SPLIT), (talker.code_predictor.model.steps, 0)):
        assert isinstance(steps, GemvStack) and steps.max_batch == MAX_BATCH
        assert steps.max_split == max_split
    assert talker.fused_frames is None
    assert "advanced by torch: the status of a frame is not the one of the layers" in caplog.text


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_frame_kernels_equal_the_decode_step(dtype: str) -> None:
    talker = load_model(GOLDEN / "design", device=str(DEVICE), dtype=dtype).talker
    check_frames(talker, FusedFrames(talker))
