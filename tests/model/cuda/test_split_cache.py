"""Attention with a cache in parts equals the layers', row by row and bit by bit, whichever part ends last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from qwen3tts_webui.model.cuda import split_kernels, startup_check
from qwen3tts_webui.model.cuda.fused_stack import MOST_SPLIT, PART_ROWS, FusedStack
from qwen3tts_webui.model.cuda.gemv_choice import step_work
from qwen3tts_webui.model.cuda.gemv_stack import MAX_BATCH
from qwen3tts_webui.model.cuda.split_choice import choose_split
from qwen3tts_webui.model.cuda.startup_check import check_steps
from qwen3tts_webui.model.talker.layers import Stack
from tests.support.decoder_stack import CONFIG, by_torch, make_stack

pytest.importorskip("triton")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SMALL = replace(CONFIG, hidden_size=40, intermediate_size=48, num_layers=1, num_heads=6, head_dim=10)
PART, LENGTH = 40, 104  # a block of keys has 32
STARTS = [0, PART - 1, PART, PART + 1, LENGTH - 2]


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def in_parts(stack: Stack) -> FusedStack:
    steps = FusedStack(stack, LENGTH)
    steps.part_rows, steps.max_split = PART, len(STARTS)
    return steps


def reverse_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the interpreter, which runs one program after another, begin with the last part."""
    from triton.runtime.interpreter import interpreter_builder

    set_index = interpreter_builder.set_grid_idx

    def set_reversed(x: int, y: int, z: int) -> None:
        set_index(x, y, interpreter_builder.grid_dim[2] - 1 - z)

    monkeypatch.setattr(interpreter_builder, "set_grid_idx", set_reversed)


@torch.inference_mode()
@pytest.mark.parametrize("time", [1, 2])
def test_a_step_with_a_cache_in_parts_equals_the_layers(time: int) -> None:
    stack = make_stack(SMALL)
    rows = random(1, len(STARTS) * time, SMALL.hidden_size).cpu()
    exact_kv = random(2, 1, 2, len(STARTS), SMALL.num_kv_heads, LENGTH, SMALL.head_dim).cpu()
    kv = exact_kv.clone()
    for slot, start in enumerate(STARTS):
        kv[:, :, slot, :, start:] = float("nan")  # from other speech: not read
    slots = torch.arange(len(STARTS)).repeat_interleave(time)
    positions = (torch.tensor(STARTS)[:, None] + torch.arange(time)).flatten()
    exact = by_torch(stack, rows, slots, positions, exact_kv)[time - 1 :: time]
    steps, kv = in_parts(stack.to(DEVICE)), kv.to(DEVICE)
    got = steps(rows.view(len(STARTS), time, -1).to(DEVICE), torch.tensor(STARTS, device=DEVICE), kv)
    torch.testing.assert_close(got.cpu(), exact, atol=1e-5, rtol=1e-5)
    for slot, start in enumerate(STARTS):
        end = start + time
        torch.testing.assert_close(kv[:, :, slot, :, :end].cpu(), exact_kv[:, :, slot, :, :end], atol=1e-5, rtol=1e-5)
    assert not steps._parts_arrived.any()  # ready for the next launch


@torch.inference_mode()
def test_a_slot_is_the_same_alone_in_a_batch_and_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make_stack(SMALL).to(DEVICE)
    steps, scale = in_parts(stack), stack.layers[0].self_attn.qk_scale[[0, -1]]
    qkv = random(3, len(STARTS), (SMALL.num_heads + 2 * SMALL.num_kv_heads) * SMALL.head_dim)
    cache = random(4, 2, len(STARTS), SMALL.num_kv_heads, LENGTH, SMALL.head_dim)
    starts = torch.tensor(STARTS, device=DEVICE)
    together = cache.clone()
    seen = steps._attend(qkv, scale, starts, together, 1)
    if DEVICE.type == "cpu":
        reverse_parts(monkeypatch)
    for slots in (slice(4, 5), slice(2, 5)):
        alone = cache[:, slots].clone()
        assert torch.equal(steps._attend(qkv[slots], scale, starts[slots], alone, 1), seen[slots])
        assert torch.equal(alone, together[:, slots])
    assert not steps._parts_arrived.any()


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([2.0, 1.5, 1.0, 1.02, 1.0, 1.0, 2.0, 2.02], MOST_SPLIT),
        ([2.0, 1.5, 1.0, 1.02, 1.0, 1.0, 2.0, 2.1], MAX_BATCH),
        ([2.0, 1.5, 1.0, 1.02, 1.0, 1.1], 0),
        ([2.0, 1.5, 1.0, 1.1], 0),
        ([2.0, 1.96], 0),
    ],
)
def test_parts_are_used_where_they_are_not_slower(
    times: list[float], expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    """`times`: recorded milliseconds without and with parts: of a full cache, and of 1, 8 and 64 new slots."""
    steps, clock = FusedStack(make_stack(SMALL), 2 * PART_ROWS), iter(times)
    checked: list[tuple[int, int]] = []
    caplog.set_level("INFO")
    choose_split(
        "talker",
        steps,
        2 * PART_ROWS,
        lambda stack: checked.append((stack.part_rows, stack.max_split)),
        lambda work: next(clock),
    )
    assert (steps.max_split, steps.part_rows) == (expected, PART_ROWS)
    assert not list(clock)
    assert checked == [(8, MOST_SPLIT)]
    assert "talker with caches in parts" in caplog.text and f"1 x {2 * PART_ROWS} rows" in caplog.text


def test_wrong_or_needless_parts_are_not_timed(caplog: pytest.LogCaptureFixture) -> None:
    def check(steps: FusedStack) -> None:
        raise ArithmeticError("a step is 7.00% off where 1.00% is allowed")

    caplog.set_level("INFO")
    for positions in (PART_ROWS, PART_ROWS + 1):
        steps = FusedStack(make_stack(SMALL), positions)
        choose_split("talker", steps, positions, check, lambda work: pytest.fail("timed"))
        assert steps.max_split == 0
    assert caplog.text.count("with caches in parts: not used: a step is 7.00% off") == 1


def test_the_startup_check_covers_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_check, "_CHECKED_POSITIONS", 4)
    stack = make_stack(SMALL).to(DEVICE)
    steps = in_parts(stack)
    steps.part_rows = 2
    check_steps(stack, steps, pairs=False)
    monkeypatch.setattr(split_kernels, "attend_parts", Negated(split_kernels.attend_parts))
    with pytest.raises(ArithmeticError, match="% off where"):
        check_steps(stack, steps, pairs=False)


class Negated:
    """A kernel with results of the wrong sign."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        def launch(*arguments: Any, **constants: Any) -> None:
            self.kernel[grid](*arguments, **constants)
            arguments[7].neg_()

        return launch


@torch.inference_mode()
def test_timed_steps_share_one_cache() -> None:
    steps = in_parts(make_stack(SMALL).to(DEVICE))
    assert step_work(steps, 2, LENGTH - 1, LENGTH)().shape == (2, SMALL.hidden_size)
