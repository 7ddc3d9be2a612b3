"""Triton kernels of products of few rows with large matrices, with what precedes and follows them.

A program computes OUTS outputs of all rows, so weights are read once. The order of the sums of a row depends neither on
the number of rows nor on the other rows: a row has the same result, bit for bit, alone and in a batch. With WIDE,
products are of float32 numbers: Triton's interpreter has none of bfloat16. `fused_stack` and `gemv_stack` have the
shapes.
"""

from __future__ import annotations

import triton
import triton.language as tl

from qwen3tts_webui.model.cuda.step_kernels import attended


@triton.jit(do_not_specialize=["rows"])
def linear(
    x,
    weight,
    residual,
    out,
    residual_stride,
    rows,
    size_in,
    size_out,
    HAS_RESIDUAL: tl.constexpr,
    BATCH: tl.constexpr,
    OUTS: tl.constexpr,
    INS: tl.constexpr,
    WIDE: tl.constexpr,
):
    """out = residual + W x; the second axis of the grid is blocks of BATCH rows.

    `x` (rows, size_in), `weight` (size_out, size_in), `residual` and `out` (rows, size_out).
    """
    output = tl.program_id(0) * OUTS + tl.arange(0, OUTS)
    row = tl.program_id(1) * BATCH + tl.arange(0, BATCH)
    row_mask, output_mask = row < rows, output < size_out
    total = tl.zeros((OUTS, BATCH), tl.float32)
    for start in range(0, size_in, INS):
        column = start + tl.arange(0, INS)
        column_mask = column < size_in
        value = tl.load(x + row[None, :] * size_in + column[:, None], row_mask[None, :] & column_mask[:, None], 0.0)
        matrix = tl.load(
            weight + output[:, None] * size_in + column[None, :], output_mask[:, None] & column_mask[None, :], 0.0
        )
        if WIDE:
            matrix, value = matrix.to(tl.float32), value.to(tl.float32)
        total = tl.dot(matrix, value, total, input_precision="ieee")
    tile_mask = row_mask[None, :] & output_mask[:, None]
    if HAS_RESIDUAL:
        addend = tl.load(residual + row[None, :] * residual_stride + output[:, None], tile_mask, 0.0)
        total = total.to(weight.dtype.element_ty).to(tl.float32) + addend.to(tl.float32)
    tl.store(out + row[None, :] * size_out + output[:, None], total.to(out.dtype.element_ty), tile_mask)


@triton.jit(do_not_specialize=["rows"])
def norm_linear(
    x,
    norm,
    weight,
    out,
    x_stride,
    rows,
    size_in,
    size_out,
    eps,
    GATE: tl.constexpr,
    SCALES_FIRST: tl.constexpr,
    BATCH: tl.constexpr,
    OUTS: tl.constexpr,
    INS: tl.constexpr,
    WIDE: tl.constexpr,
):
    """out = W rms_norm(x), or with GATE silu(W1 rms_norm(x)) * (W2 rms_norm(x)), for at most BATCH rows.

    `x` (rows, size_in), `norm` (size_in,), `weight` (size_out, size_in), with GATE (2 * size_out, size_in), `out`
    (rows, size_out). Rows are divided by their root mean square after the product, so that `x` is read once, or with
    SCALES_FIRST before it: float16 would overflow.
    """
    output = tl.program_id(0) * OUTS + tl.arange(0, OUTS)
    row = tl.arange(0, BATCH)
    row_mask, output_mask = row < rows, output < size_out
    total = tl.zeros((OUTS, BATCH), tl.float32)
    other = tl.zeros((OUTS, BATCH), tl.float32)
    squares = tl.zeros((BATCH,), tl.float32)
    if SCALES_FIRST:
        for start in range(0, size_in, INS):
            column = start + tl.arange(0, INS)
            mask = row_mask[None, :] & (column < size_in)[:, None]
            value = tl.load(x + row[None, :] * x_stride + column[:, None], mask, 0.0).to(tl.float32)
            squares += tl.sum(value * value, 0)
        first_scale = tl.rsqrt(squares / size_in + eps)
    for start in range(0, size_in, INS):
        column = start + tl.arange(0, INS)
        column_mask = column < size_in
        mask = row_mask[None, :] & column_mask[:, None]
        value = tl.load(x + row[None, :] * x_stride + column[:, None], mask, 0.0).to(tl.float32)
        if SCALES_FIRST:
            value *= first_scale[None, :]
        else:
            squares += tl.sum(value * value, 0)
        value = (value * tl.load(norm + column, column_mask, 0.0)[:, None]).to(weight.dtype.element_ty)
        offset = output[:, None] * size_in + column[None, :]
        mask = output_mask[:, None] & column_mask[None, :]
        matrix = tl.load(weight + offset, mask, 0.0)
        if WIDE:
            matrix, value = matrix.to(tl.float32), value.to(tl.float32)
        total = tl.dot(matrix, value, total, input_precision="ieee")
        if GATE:
            matrix = tl.load(weight + size_out * size_in + offset, mask, 0.0)
            if WIDE:
                matrix = matrix.to(tl.float32)
            other = tl.dot(matrix, value, other, input_precision="ieee")
    if not SCALES_FIRST:
        scale = tl.rsqrt(squares / size_in + eps)[None, :]
        total *= scale
        other *= scale
    dtype = weight.dtype.element_ty
    if GATE:  # rounded where the layers round
        total = total.to(dtype).to(tl.float32)
        total = (total / (1.0 + tl.exp(-total))).to(dtype).to(tl.float32) * other.to(dtype).to(tl.float32)
    target = out + row[None, :] * size_out + output[:, None]
    tl.store(target, total.to(out.dtype.element_ty), row_mask[None, :] & output_mask[:, None])


@triton.jit(do_not_specialize=["starts", "start_stride"])
def attend_project(
    qkv,
    scale,
    cosines,
    sines,
    starts,
    keys,
    values,
    weight,
    residual,
    partial,
    arrived,
    out,
    start_stride,
    slot_stride,
    head_stride,
    residual_stride,
    size_out,
    eps,
    softmax_scale,
    TIME: tl.constexpr,
    TIMES: tl.constexpr,
    GROUP: tl.constexpr,
    QUERIES: tl.constexpr,
    HALF: tl.constexpr,
    LANES: tl.constexpr,
    BLOCK: tl.constexpr,
    OUTS: tl.constexpr,
):
    """out = residual + W attention, for a short cache. A program is OUTS outputs, one head of keys and one slot.

    Each program repeats the attention of its head, `step_kernels.attend`, and multiplies it by its part of `weight`
    (size_out, heads * 2 * HALF). The sums of the heads go to `partial` (rows, kv_heads, size_out); the last program to
    arrive adds them in order. `arrived` (slots, tiles) is zero before and after. `residual`, `out` (rows, size_out).
    """
    tile, head, slot = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    kv_heads = tl.num_programs(1)
    dtype = qkv.dtype.element_ty
    output = tile * OUTS + tl.arange(0, OUTS)
    output_mask = output < size_out
    low, query = tl.arange(0, LANES), tl.arange(0, QUERIES)
    column = (head * GROUP + query % GROUP)[:, None] * (2 * HALF) + low[None, :]  # (queries, lanes)
    mask = output_mask[:, None, None] & ((query < TIME * GROUP)[:, None] & (low < HALF)[None, :])[None, :, :]
    source = weight + output[:, None, None].to(tl.int64) * (kv_heads * GROUP * 2 * HALF) + column[None, :, :]
    matrix_low, matrix_high = tl.load(source, mask, 0.0), tl.load(source + HALF, mask, 0.0)
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
        tile == 0,
        TIME,
        TIMES,
        GROUP,
        QUERIES,
        HALF,
        LANES,
        BLOCK,
        False,
    )
    product = matrix_low.to(tl.float32) * (seen_low / weight_sum[:, None]).to(dtype).to(tl.float32)[None, :, :]
    product += matrix_high.to(tl.float32) * (seen_high / weight_sum[:, None]).to(dtype).to(tl.float32)[None, :, :]
    sums = tl.sum(product, 2)  # (outputs, queries)
    for time in tl.static_range(TIME):
        mine = tl.sum(tl.where((query // GROUP == time)[None, :], sums, 0.0), 1)
        tl.store(partial + ((slot * TIME + time) * kv_heads + head) * size_out + output, mine, output_mask)
    tl.debug_barrier()  # all threads have stored before one of them counts the program
    counter = arrived + slot * tl.num_programs(0) + tile
    last = tl.atomic_add(counter, 1, sem="acq_rel") == kv_heads - 1
    tl.debug_barrier()
    if last:
        for time in tl.static_range(TIME):
            row = slot * TIME + time
            total = tl.zeros((OUTS,), tl.float32)
            for part in range(kv_heads):
                total += tl.load(
                    partial + (row * kv_heads + part) * size_out + output, output_mask, 0.0, cache_modifier=".cg"
                )
            addend = tl.load(residual + row * residual_stride + output, output_mask, 0.0).to(tl.float32)
            total = total.to(dtype).to(tl.float32) + addend
            tl.store(out + row * size_out + output, total.to(out.dtype.element_ty), output_mask)
        tl.store(counter, 0)
