"""Triton kernels of a decode step: one launch for everything between two matrix products.

A step of few rows is bound by launches, not by arithmetic: torch launches four to ten kernels where one of these is
enough. Everything is computed in float32 and rounded where torch's layers round, so that results are equal up to the
order of sums. The result of a row does not depend on the rest of the batch. `fused_stack` has the shapes. Triton
compiles a kernel at its first call and caches it on disk; with TRITON_INTERPRET=1 it runs on a CPU, for tests.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add_rmsnorm(
    x, delta, weight, total, out, x_stride, delta_stride, size, eps, HAS_DELTA: tl.constexpr, BLOCK: tl.constexpr
):
    """total = x + delta, out = total / rms(total) * weight; a program is one row of `size` values."""
    row = tl.program_id(0)
    column = tl.arange(0, BLOCK)
    mask = column < size
    value = tl.load(x + row * x_stride + column, mask, 0.0)
    if HAS_DELTA:
        increment = tl.load(delta + row * delta_stride + column, mask, 0.0)
        value = (value.to(tl.float32) + increment.to(tl.float32)).to(x.dtype.element_ty)
        tl.store(total + row * size + column, value, mask)
    wide = value.to(tl.float32)
    scale = tl.rsqrt(tl.sum(wide * wide) / size + eps)
    y = wide * scale * tl.load(weight + column, mask, 0.0)
    tl.store(out + row * size + column, y.to(out.dtype.element_ty), mask)


@triton.jit
def silu_mul(gate_up, out, size, BLOCK: tl.constexpr):
    """out = silu(gate) * up; a row of `gate_up` holds `size` values of each."""
    row = tl.program_id(0)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = column < size
    gate = tl.load(gate_up + row * 2 * size + column, mask, 0.0).to(tl.float32)
    up = tl.load(gate_up + row * 2 * size + size + column, mask, 0.0).to(tl.float32)
    gate = (gate / (1.0 + tl.exp(-gate))).to(out.dtype.element_ty).to(tl.float32)
    tl.store(out + row * size + column, (gate * up).to(out.dtype.element_ty), mask)


@triton.jit
def normalized_halves(start, mask, low, eps, HALF: tl.constexpr):
    """Heads at `start` (rows, 1), as two halves (rows, lanes) float32, divided by their root mean square."""
    first = tl.load(start + low, mask, 0.0).to(tl.float32)
    second = tl.load(start + HALF + low, mask, 0.0).to(tl.float32)
    scale = tl.rsqrt((tl.sum(first * first, 1) + tl.sum(second * second, 1)) / (2 * HALF) + eps)[:, None]
    return first * scale, second * scale


@triton.jit
def _attend_to_block(
    q_low,
    q_high,
    k_low,
    k_high,
    v_low,
    v_high,
    visible,
    softmax_scale,
    sum_low,
    sum_high,
    maximum,
    total,
    TILES: tl.constexpr,
):
    """One block of keys (block, lanes) for queries (queries, lanes), both in halves: sums, maxima and totals so far.

    TILES: products use tensor cores.
    """
    dtype = k_low.dtype
    if TILES:
        scores = tl.dot(q_low.to(dtype), tl.trans(k_low), input_precision="ieee")
        scores = tl.dot(q_high.to(dtype), tl.trans(k_high), scores, input_precision="ieee")
    else:
        scores = tl.sum(q_low[:, None, :] * k_low.to(tl.float32)[None, :, :], 2)
        scores += tl.sum(q_high[:, None, :] * k_high.to(tl.float32)[None, :, :], 2)
    scores = tl.where(visible, scores * softmax_scale, float("-inf"))
    new_maximum = tl.maximum(maximum, tl.max(scores, 1))
    rescale = tl.exp(maximum - new_maximum)
    weights = tl.exp(scores - new_maximum[:, None])
    total = total * rescale + tl.sum(weights, 1)
    if TILES:
        sum_low = tl.dot(weights.to(dtype), v_low, sum_low * rescale[:, None], input_precision="ieee")
        sum_high = tl.dot(weights.to(dtype), v_high, sum_high * rescale[:, None], input_precision="ieee")
    else:
        sum_low = sum_low * rescale[:, None] + tl.sum(weights[:, :, None] * v_low.to(tl.float32)[None, :, :], 1)
        sum_high = sum_high * rescale[:, None] + tl.sum(weights[:, :, None] * v_high.to(tl.float32)[None, :, :], 1)
    return sum_low, sum_high, new_maximum, total


@triton.jit
def attended(
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
    cache,
    eps,
    softmax_scale,
    begin,
    end,
    has_new,
    stores,
    TIME: tl.constexpr,
    TIMES: tl.constexpr,
    GROUP: tl.constexpr,
    QUERIES: tl.constexpr,
    HALF: tl.constexpr,
    LANES: tl.constexpr,
    BLOCK: tl.constexpr,
    TILES: tl.constexpr,
):
    """Attention of the query heads that share `head` of `slot`, before the division by the sum of weights.

    Normalizes and rotates queries and keys, attends to rows `begin` to `end` of the cache and with `has_new` to the
    TIME new ones at `start`, which it adds to the cache with `stores`. `attend` has the shapes; `cache` is the offset
    of slot and head. Returns float32: weighted values (QUERIES, LANES) for each half of a head, maxima of the scores
    and sums of the weights (QUERIES,).
    """
    heads = kv_heads * GROUP
    dtype = qkv.dtype.element_ty

    low = tl.arange(0, LANES)[None, :]
    lanes = low < HALF
    query = tl.arange(0, QUERIES)
    query_time = query // GROUP
    query_head = head * GROUP + query % GROUP
    query_mask = (query < TIME * GROUP)[:, None] & lanes
    query_row = ((slot * TIME + query_time) * (heads + 2 * kv_heads) + query_head) * (2 * HALF)
    q_low, q_high = normalized_halves(qkv + query_row[:, None], query_mask, low, eps, HALF)
    q_low *= tl.load(scale + low, lanes, 0.0)
    q_high *= tl.load(scale + HALF + low, lanes, 0.0)
    cosine = tl.load(cosines + (start + query_time)[:, None] * HALF + low, query_mask, 0.0)
    sine = tl.load(sines + (start + query_time)[:, None] * HALF + low, query_mask, 0.0)
    rotated_q_low = (q_low * cosine - q_high * sine).to(dtype).to(tl.float32)
    rotated_q_high = (q_high * cosine + q_low * sine).to(dtype).to(tl.float32)

    time = tl.arange(0, TIMES)
    key_mask = (time < TIME)[:, None] & lanes & has_new
    key_row = ((slot * TIME + time) * (heads + 2 * kv_heads) + heads + head) * (2 * HALF)
    k_low, k_high = normalized_halves(qkv + key_row[:, None], key_mask, low, eps, HALF)
    k_low *= tl.load(scale + 2 * HALF + low, lanes, 0.0)
    k_high *= tl.load(scale + 3 * HALF + low, lanes, 0.0)
    cosine = tl.load(cosines + (start + time)[:, None] * HALF + low, key_mask, 0.0)
    sine = tl.load(sines + (start + time)[:, None] * HALF + low, key_mask, 0.0)
    rotated_k_low = (k_low * cosine - k_high * sine).to(dtype)
    rotated_k_high = (k_high * cosine + k_low * sine).to(dtype)
    value_row = (key_row + kv_heads * (2 * HALF))[:, None]
    v_low = tl.load(qkv + value_row + low, key_mask, 0.0)
    v_high = tl.load(qkv + value_row + HALF + low, key_mask, 0.0)

    cache_offset = cache + (start + time)[:, None] * (2 * HALF) + low
    tl.store(keys + cache_offset, rotated_k_low, key_mask & stores)
    tl.store(keys + cache_offset + HALF, rotated_k_high, key_mask & stores)
    tl.store(values + cache_offset, v_low, key_mask & stores)
    tl.store(values + cache_offset + HALF, v_high, key_mask & stores)

    # the maximum is always finite, so that no weight is NaN before the first visible row
    visible = (time[None, :] <= query_time[:, None]) & (time[None, :] < TIME) & has_new
    maximum = tl.full((QUERIES,), -1e30, tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    sum_low = tl.zeros((QUERIES, LANES), tl.float32)
    sum_high = tl.zeros((QUERIES, LANES), tl.float32)
    sum_low, sum_high, maximum, total = _attend_to_block(
        rotated_q_low,
        rotated_q_high,
        rotated_k_low,
        rotated_k_high,
        v_low,
        v_high,
        visible,
        softmax_scale,
        sum_low,
        sum_high,
        maximum,
        total,
        TILES,
    )
    for first in range(begin, end, BLOCK):
        past = first + tl.arange(0, BLOCK)
        past_mask = (past < end)[:, None] & lanes
        past_offset = cache + past[:, None] * (2 * HALF) + low
        past_k_low, past_k_high = (
            tl.load(keys + past_offset, past_mask, 0.0),
            tl.load(keys + past_offset + HALF, past_mask, 0.0),
        )
        past_v_low, past_v_high = (
            tl.load(values + past_offset, past_mask, 0.0),
            tl.load(values + past_offset + HALF, past_mask, 0.0),
        )
        past_visible = (past[None, :] < end) & (query[:, None] >= 0)
        sum_low, sum_high, maximum, total = _attend_to_block(
            rotated_q_low,
            rotated_q_high,
            past_k_low,
            past_k_high,
            past_v_low,
            past_v_high,
            past_visible,
            softmax_scale,
            sum_low,
            sum_high,
            maximum,
            total,
            TILES,
        )

    return sum_low, sum_high, maximum, total


@triton.jit(do_not_specialize=["starts", "start_stride"])
def attend(
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
    TIME: tl.constexpr,
    TIMES: tl.constexpr,
    GROUP: tl.constexpr,
    QUERIES: tl.constexpr,
    HALF: tl.constexpr,
    LANES: tl.constexpr,
    BLOCK: tl.constexpr,
    TILES: tl.constexpr,
):
    """Normalize and rotate queries and keys, store keys and values, attend to the cache and the new rows.

    A program is one slot and one head of keys, with the GROUP heads of queries that share it. `qkv` (slots * TIME,
    heads, 2 * HALF) has the queries of all heads, then keys, then values; `starts` (slots,) is the position of the
    first of the TIME rows, which see each other causally without going through memory; `cosines` and `sines`
    (positions, HALF). TIMES, QUERIES and LANES are TIME, TIME * GROUP and HALF, each rounded up to a power of two, and
    with TILES to at least 16.
    """
    slot, head, kv_heads = tl.program_id(0).to(tl.int64), tl.program_id(1), tl.num_programs(1)
    start = tl.load(starts + slot * start_stride).to(tl.int32)
    cache = slot * slot_stride + head * head_stride
    seen_low, seen_high, _, weight_sum = attended(
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
        cache,
        eps,
        softmax_scale,
        0,
        start,
        True,
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
    dtype = qkv.dtype.element_ty
    low, query = tl.arange(0, LANES)[None, :], tl.arange(0, QUERIES)
    query_mask = (query < TIME * GROUP)[:, None] & (low < HALF)
    row, query_head = slot * TIME + query // GROUP, head * GROUP + query % GROUP
    out_offset = out + ((row * kv_heads * GROUP + query_head) * (2 * HALF))[:, None] + low
    tl.store(out_offset, (seen_low / weight_sum[:, None]).to(dtype), query_mask)
    tl.store(out_offset + HALF, (seen_high / weight_sum[:, None]).to(dtype), query_mask)
