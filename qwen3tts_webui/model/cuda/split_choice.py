"""Divide long caches among programs where that is right, faster for long caches and not slower for short ones.

In goes a stack with the kernels chosen so far; its `max_split` comes out set. The clock is passed in.
"""

from __future__ import annotations

import copy
import logging

from qwen3tts_webui.model.cuda.fused_stack import MOST_SPLIT, FusedStack
from qwen3tts_webui.model.cuda.gemv_choice import EARLY_POSITION, Check, Clock, step_work
from qwen3tts_webui.model.cuda.gemv_stack import MAX_BATCH

log = logging.getLogger(__name__)

_CASES = ((1, True), (1, False), (MAX_BATCH, False), (64, False))
"""Slots, and whether their caches are full. A slot has the same result in any batch of at most `MAX_BATCH`."""
_FULL, _EARLY = 0.97, 1.03
"""Largest share of the time without parts, for full caches and for the first rows of a cache."""
_LENGTH = 2048
_CHECKED_ROWS = 8  # several parts within the few positions of the check


def choose_split(name: str, steps: FusedStack, num_positions: int, check: Check, clock: Clock) -> None:
    """Set `steps.max_split` to the number of slots up to which parts save time, or to 0; the choice is logged."""
    length = min(_LENGTH, num_positions)
    if length <= steps.part_rows:
        return
    split, checked = copy.copy(steps), copy.copy(steps)
    split.max_split = checked.max_split = MOST_SPLIT
    checked.part_rows = _CHECKED_ROWS
    figures, passed = [], 0
    try:
        check(checked)
        for batch, is_full in _CASES:
            position = length - 1 if is_full else EARLY_POSITION
            whole_ms, split_ms = (clock(step_work(stack, batch, position, length)) for stack in (steps, split))
            figures.append(f"{batch} x {position + 1} rows {split_ms:.3f} ms (whole {whole_ms:.3f})")
            if split_ms > whole_ms * (_FULL if is_full else _EARLY):
                break
            passed += 1
    except Exception as error:  # of Triton or CUDA: this kernel is not used
        log.info("%s with caches in parts: not used: %s", name, str(error).partition("\n")[0])
        return
    steps.max_split = MOST_SPLIT if passed == len(_CASES) else MAX_BATCH if passed == len(_CASES) - 1 else 0
    limit = f"up to {steps.max_split} slots" if steps.max_split else "not used"
    log.info("%s with caches in parts: %s: %s", name, limit, ", ".join(figures))
