"""Triton kernels of prompts: queries, keys and values of many rows, and causal attention over the cache."""

from __future__ import annotations

import triton
import triton.language as tl

from qwen3tts_webui.model.cuda.step_kernels import normalized_halves


@triton.jit
def place_rows(
    qkv,
    scale,
    cosines,
    sines,
    starts,
    slots,
    queries,
    keys,
    values,
    slot_stride,
    head_stride,
    time,
    limit,
    eps,
    HEADS: tl.constexpr,
    KV_HEADS: tl.constexpr,
    ALL: tl.constexpr,
    HALF: tl.constexpr,
    LANES: tl.constexpr,
):
    """Normalize and rotate queries and keys of prompts, store keys and values. One program per row, with all heads.

    `qkv` (batch * time, HEADS + 2 * KV_HEADS, 2 * HALF); `starts`, `slots` (batch,): position of the first row and
    slot. Rows at `limit` and later are not stored. ALL is the number of heads, rounded up to a power of two.
    """
    row = tl.program_id(0)
    prompt = row // time
    position = tl.load(starts + prompt).to(tl.int32) + row % time
    slot = tl.load(slots + prompt).to(tl.int64)
    head = tl.arange(0, ALL)[:, None]
    low = tl.arange(0, LANES)[None, :]
    heads = HEADS + 2 * KV_HEADS
    mask = (head < heads) & (low < HALF)
    source = qkv + row.to(tl.int64) * heads * (2 * HALF) + head * (2 * HALF)
    raw_low, raw_high = tl.load(source + low, mask, 0.0), tl.load(source + HALF + low, mask, 0.0)
    first, second = normalized_halves(source, mask, low, eps, HALF)
    is_query, is_value = head < HEADS, head >= HEADS + KV_HEADS
    weight = scale + tl.where(is_query, 0, 2 * HALF)
    first *= tl.load(weight + low, mask, 0.0)
    second *= tl.load(weight + HALF + low, mask, 0.0)
    angle_mask = (low < HALF) & (position < limit)
    cosine = tl.load(cosines + position * HALF + low, angle_mask, 0.0)
    sine = tl.load(sines + position * HALF + low, angle_mask, 0.0)
    rotated_low = (first * cosine - second * sine).to(qkv.dtype.element_ty)
    rotated_high = (second * cosine + first * sine).to(qkv.dtype.element_ty)
    query = queries + row.to(tl.int64) * HEADS * (2 * HALF) + head * (2 * HALF) + low
    tl.store(query, rotated_low, mask & is_query)
    tl.store(query + HALF, rotated_high, mask & is_query)
    cache_offset = slot * slot_stride + position * (2 * HALF) + low
    key = keys + cache_offset + (head - HEADS) * head_stride
    is_key = mask & (head >= HEADS) & (head < HEADS + KV_HEADS) & (position < limit)
    tl.store(key, rotated_low, is_key)
    tl.store(key + HALF, rotated_high, is_key)
    value = values + cache_offset + (head - HEADS - KV_HEADS) * head_stride
    tl.store(value, raw_low, mask & is_value & (position < limit))
    tl.store(value + HALF, raw_high, mask & is_value & (position < limit))


@triton.jit
def attend_rows(
    queries,
    starts,
    slots,
    keys,
    values,
    out,
    slot_stride,
    head_stride,
    time,
    limit,
    softmax_scale,
    HEADS: tl.constexpr,
    GROUP: tl.constexpr,
    DIM: tl.constexpr,
    LANES: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Causal attention of prompts: ROWS rows of one head attend to the cache.

    `place_rows` has stored these rows in it. `queries` and `out` (batch * time, HEADS, DIM).
    """
    first, head, prompt = tl.program_id(0) * ROWS, tl.program_id(1), tl.program_id(2)
    start = tl.load(starts + prompt).to(tl.int32)
    slot = tl.load(slots + prompt).to(tl.int64)
    dtype = queries.dtype.element_ty
    lane = tl.arange(0, LANES)[None, :]
    time_index = first + tl.arange(0, ROWS)
    query_mask = (time_index < time)[:, None] & (lane < DIM)
    offset = (prompt.to(tl.int64) * time + time_index)[:, None] * (HEADS * DIM) + head * DIM + lane
    query = tl.load(queries + offset, query_mask, 0.0)
    cache = slot * slot_stride + (head // GROUP) * head_stride
    maximum = tl.full((ROWS,), -1e30, tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    sums = tl.zeros((ROWS, LANES), tl.float32)
    end = tl.minimum(start + tl.minimum(first + ROWS, time), limit)
    for begin in range(0, end, BLOCK):
        past = begin + tl.arange(0, BLOCK)
        past_mask = (past < end)[:, None] & (lane < DIM)
        past_offset = cache + past[:, None] * DIM + lane
        scores = (
            tl.dot(query, tl.trans(tl.load(keys + past_offset, past_mask, 0.0)), input_precision="ieee") * softmax_scale
        )
        visible = (past[None, :] <= start + time_index[:, None]) & (past < end)[None, :]
        scores = tl.where(visible, scores, float("-inf"))
        new_maximum = tl.maximum(maximum, tl.max(scores, 1))
        rescale = tl.exp(maximum - new_maximum)
        weights = tl.exp(scores - new_maximum[:, None])
        total = total * rescale + tl.sum(weights, 1)
        past_values = tl.load(values + past_offset, past_mask, 0.0)
        sums = tl.dot(weights.to(dtype), past_values, sums * rescale[:, None], input_precision="ieee")
        maximum = new_maximum
    tl.store(out + offset, (sums / tl.maximum(total, 1e-30)[:, None]).to(dtype), query_mask)
