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
    number_of = row // time
    position = tl.load(starts + number_of).to(tl.int32) + row % time
    slot = tl.load(slots + number_of).to(tl.int64)
    head = tl.arange(0, ALL)[:, None]
    low = tl.arange(0, LANES)[None, :]
    heads = HEADS + 2 * KV_HEADS
    inside = (head < heads) & (low < HALF)
    source = qkv + row.to(tl.int64) * heads * (2 * HALF) + head * (2 * HALF)
    raw_low, raw_high = tl.load(source + low, inside, 0.0), tl.load(source + HALF + low, inside, 0.0)
    first, second = normalized_halves(source, inside, low, eps, HALF)
    is_query, is_value = head < HEADS, head >= HEADS + KV_HEADS
    weight = scale + tl.where(is_query, 0, 2 * HALF)
    first *= tl.load(weight + low, inside, 0.0)
    second *= tl.load(weight + HALF + low, inside, 0.0)
    known = (low < HALF) & (position < limit)
    cosine = tl.load(cosines + position * HALF + low, known, 0.0)
    sine = tl.load(sines + position * HALF + low, known, 0.0)
    turned_low = (first * cosine - second * sine).to(qkv.dtype.element_ty)
    turned_high = (second * cosine + first * sine).to(qkv.dtype.element_ty)
    query = queries + row.to(tl.int64) * HEADS * (2 * HALF) + head * (2 * HALF) + low
    tl.store(query, turned_low, inside & is_query)
    tl.store(query + HALF, turned_high, inside & is_query)
    kept = slot * slot_stride + position * (2 * HALF) + low
    key = keys + kept + (head - HEADS) * head_stride
    is_key = inside & (head >= HEADS) & (head < HEADS + KV_HEADS) & (position < limit)
    tl.store(key, turned_low, is_key)
    tl.store(key + HALF, turned_high, is_key)
    value = values + kept + (head - HEADS - KV_HEADS) * head_stride
    tl.store(value, raw_low, inside & is_value & (position < limit))
    tl.store(value + HALF, raw_high, inside & is_value & (position < limit))


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
    first, head, number_of = tl.program_id(0) * ROWS, tl.program_id(1), tl.program_id(2)
    start = tl.load(starts + number_of).to(tl.int32)
    slot = tl.load(slots + number_of).to(tl.int64)
    number = queries.dtype.element_ty
    lane = tl.arange(0, LANES)[None, :]
    moment = first + tl.arange(0, ROWS)
    asked = (moment < time)[:, None] & (lane < DIM)
    place = (number_of.to(tl.int64) * time + moment)[:, None] * (HEADS * DIM) + head * DIM + lane
    query = tl.load(queries + place, asked, 0.0)
    cache = slot * slot_stride + (head // GROUP) * head_stride
    most = tl.full((ROWS,), -1e30, tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    sums = tl.zeros((ROWS, LANES), tl.float32)
    end = tl.minimum(start + tl.minimum(first + ROWS, time), limit)
    for begin in range(0, end, BLOCK):
        past = begin + tl.arange(0, BLOCK)
        inside = (past < end)[:, None] & (lane < DIM)
        far = cache + past[:, None] * DIM + lane
        scores = tl.dot(query, tl.trans(tl.load(keys + far, inside, 0.0)), input_precision="ieee") * softmax_scale
        seen = (past[None, :] <= start + moment[:, None]) & (past < end)[None, :]
        scores = tl.where(seen, scores, float("-inf"))
        higher = tl.maximum(most, tl.max(scores, 1))
        shrink = tl.exp(most - higher)
        shares = tl.exp(scores - higher[:, None])
        total = total * shrink + tl.sum(shares, 1)
        held = tl.load(values + far, inside, 0.0)
        sums = tl.dot(shares.to(number), held, sums * shrink[:, None], input_precision="ieee")
        most = higher
    tl.store(out + place, (sums / tl.maximum(total, 1e-30)[:, None]).to(number), asked)
