"""A Triton kernel: attention of a decode step with a long cache divided among several programs, in one launch.

One program per slot and head walks a cache of 2,000 rows in a loop while most of a GPU is idle. Parts have a fixed
number of rows, and their results are added in their order, so that the result of a row depends neither on the rest of
the batch nor on which program ends last. `fused_stack` has the shapes.
"""

from __future__ import annotations

import triton
import triton.language as tl

from qwen3tts_webui.model.cuda.step_kernels import attended


@triton.jit
def _store_quotient(target, low, high, total, mask, HALF: tl.constexpr):
    """Divide both halves of weighted values by the sums of their weights, and store them."""
    tl.store(target, (low / total[:, None]).to(target.dtype.element_ty), mask)
    tl.store(target + HALF, (high / total[:, None]).to(target.dtype.element_ty), mask)


@triton.jit(do_not_specialize=["starts", "start_stride", "part_rows"])
def attend_parts(
    qkv,
    scale,
    cosines,
    sines,
    starts,
    keys,
    values,
    out,
    start_stride,
    slot_stride,
    head_stride,
    eps,
    softmax_scale,
    part_rows,
    sums,
    statistics,
    arrived,
    TIME: tl.constexpr,
    TIMES: tl.constexpr,
    GROUP: tl.constexpr,
    QUERIES: tl.constexpr,
    HALF: tl.constexpr,
    LANES: tl.constexpr,
    BLOCK: tl.constexpr,
    TILES: tl.constexpr,
):
    """`step_kernels.attend` with a program for each slot, head of keys and `part_rows` rows of the cache.

    The first part also has the new rows. Parts beyond the position of a slot leave at once. The others store weighted
    values in `sums` (slots, kv_heads, parts, TIME * GROUP, 2 * HALF) and maximum and sum of the weights in `statistics`
    (slots, kv_heads, parts, TIME * GROUP, 2), both float32; the last one to arrive combines them. `arrived` (slots,
    kv_heads) is zero before and after.
    """
    slot, head, part = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.program_id(2)
    kv_heads = tl.num_programs(1)
    start = tl.load(starts + slot * start_stride).to(tl.int32)
    num_parts = tl.maximum(tl.cdiv(start, part_rows), 1)
    if part >= num_parts:
        return
    begin = part * part_rows
    seen_low, seen_high, maximum, total = attended(
        qkv,
        scale,
        cosines,
        sines,
        start,
        keys,
        values,
        slot,
        head,
        kv_heads,
        slot * slot_stride + head * head_stride,
        eps,
        softmax_scale,
        begin,
        tl.minimum(begin + part_rows, start),
        part == 0,
        True,
        TIME,
        TIMES,
        GROUP,
        QUERIES,
        HALF,
        LANES,
        BLOCK,
        TILES,
    )
    low, query = tl.arange(0, LANES)[None, :], tl.arange(0, QUERIES)
    is_query = query < TIME * GROUP
    mask = is_query[:, None] & (low < HALF)
    row, query_head = slot * TIME + query // GROUP, head * GROUP + query % GROUP
    target = out + ((row * kv_heads * GROUP + query_head) * (2 * HALF))[:, None] + low
    if num_parts == 1:
        _store_quotient(target, seen_low, seen_high, total, mask, HALF)
    else:
        first_row = ((slot * kv_heads + head) * tl.num_programs(2)) * (TIME * GROUP) + query
        part_row = first_row + part * (TIME * GROUP)
        tl.store(sums + part_row[:, None] * (2 * HALF) + low, seen_low, mask)
        tl.store(sums + part_row[:, None] * (2 * HALF) + HALF + low, seen_high, mask)
        tl.store(statistics + part_row * 2, maximum, is_query)
        tl.store(statistics + part_row * 2 + 1, total, is_query)
        tl.debug_barrier()  # all threads have stored before one of them counts the program
        counter = arrived + slot * kv_heads + head
        last = tl.atomic_add(counter, 1, sem="acq_rel") == num_parts - 1
        tl.debug_barrier()
        if last:
            tl.store(counter, 0)
            all_maximum = tl.full((QUERIES,), -1e30, tl.float32)
            all_total = tl.zeros((QUERIES,), tl.float32)
            all_low = tl.zeros((QUERIES, LANES), tl.float32)
            all_high = tl.zeros((QUERIES, LANES), tl.float32)
            for number in range(num_parts):
                each = first_row + number * (TIME * GROUP)
                part_low = tl.load(sums + each[:, None] * (2 * HALF) + low, mask, 0.0, cache_modifier=".cg")
                part_high = tl.load(sums + each[:, None] * (2 * HALF) + HALF + low, mask, 0.0, cache_modifier=".cg")
                part_maximum = tl.load(statistics + each * 2, is_query, 0.0, cache_modifier=".cg")
                part_total = tl.load(statistics + each * 2 + 1, is_query, 1.0, cache_modifier=".cg")
                new_maximum = tl.maximum(all_maximum, part_maximum)
                rescale, weight = tl.exp(all_maximum - new_maximum), tl.exp(part_maximum - new_maximum)
                all_total = all_total * rescale + part_total * weight
                all_low = all_low * rescale[:, None] + part_low * weight[:, None]
                all_high = all_high * rescale[:, None] + part_high * weight[:, None]
                all_maximum = new_maximum
            _store_quotient(target, all_low, all_high, all_total, mask, HALF)
