"""Triton kernels of the codec decoder: a packet takes one launch for each convolution, linear layer and attention.

Activations are (batch, time, channels) float32; rows are batch * time. A convolution reads what precedes a packet from
the slot's context, so nothing is concatenated or gathered. All kernels only read the state, apart from `attend`, which
owns the ring of one slot and head, and `advance`, which runs last and replaces every context. `codec.fused` has the
shapes and the launches. With TRITON_INTERPRET=1 the kernels run on a CPU, for tests.
"""

from __future__ import annotations

import triton
import triton.language as tl

UNSPECIALIZED = ["rows", "time", "taps", "dilation", "steps"]  # one compilation for all packet sizes


@triton.jit
def add_entries(
    codes,
    tables,
    out,
    batch_stride,
    book_stride,
    frame_stride,
    time,
    books,
    book_size,
    channels,
    BLOCK: tl.constexpr,
):
    """Sum the table rows of a frame's codes; a program is BLOCK channels of one frame.

    `codes` (batch, books, time) int64 with any strides, `tables` (books * book_size, channels), `out` (rows, channels).
    """
    row = tl.program_id(0)
    channel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = channel < channels
    source = codes + (row // time) * batch_stride + (row % time) * frame_stride
    total = tl.zeros((BLOCK,), tl.float32)
    for book in range(books):
        entry = tl.load(source + book * book_stride) + book * book_size
        total += tl.load(tables + entry * channels + channel, mask, 0.0)
    tl.store(out + row * channels + channel, total, mask)


@triton.jit
def _round(x, TF32: tl.constexpr):
    """Round float32 to the nearest TF32; tensor cores would truncate it."""
    if TF32:
        bits = x.to(tl.uint32, bitcast=True)
        x = ((bits + 0x1000) & 0xFFFFE000).to(tl.float32, bitcast=True)
    return x


@triton.jit
def _snake(x, frequency, gain, channel, mask):
    wave = tl.sin(x * tl.load(frequency + channel, mask, 0.0)[None, :])
    return x + wave * wave * tl.load(gain + channel, mask, 0.0)[None, :]


@triton.jit(do_not_specialize=UNSPECIALIZED)
def causal_conv(
    x,
    context,
    slots,
    norm,
    weight,
    bias,
    residual,
    frequency,
    gain,
    out,
    active,
    partial,
    arrived,
    slot_stride,
    rows,
    time,
    taps,
    dilation,
    steps,
    size_in,
    size_out,
    snake_channels,
    eps,
    HAS_CONTEXT: tl.constexpr,
    HAS_NORM: tl.constexpr,
    HAS_BIAS: tl.constexpr,
    HAS_RESIDUAL: tl.constexpr,
    HAS_OUT: tl.constexpr,
    HAS_SNAKE: tl.constexpr,
    ACTIVATION: tl.constexpr,
    TF32: tl.constexpr,
    SPLIT: tl.constexpr,
    ROWS: tl.constexpr,
    OUTS: tl.constexpr,
    INS: tl.constexpr,
):
    """out = activation(residual + bias + conv(norm(x))), active = snake(out); a program is ROWS rows, OUTS outputs.

    Tap k of row t reads row t + (k - taps + 1) * dilation of `x` (batch, time, size_in); rows before 0 are in `context`
    (slots, (taps - 1) * dilation, size_in). `weight` (size_out, taps, size_in); with ACTIVATION "gate" it has twice the
    outputs, and out = silu(first half) * second half. `out` and `active` (rows, size_out); Snake has `snake_channels`
    channels, which repeat themselves in an upsampling layer. With SPLIT the third axis of the grid shares the
    sums, `steps` blocks of INS inputs each: every program adds its own to `partial` (splits, rows, size_out), and the
    last to arrive (counted in `arrived`, zero at first) adds them up in order.
    """
    output = tl.program_id(0) * OUTS + tl.arange(0, OUTS)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    row_mask, output_mask = row < rows, output < size_out
    time_index = row % time
    frames = (taps - 1) * dilation
    if HAS_CONTEXT:
        slot = tl.load(slots + row // time, row_mask, 0).to(tl.int64)
        past = context + slot * slot_stride + (time_index + 0).to(tl.int64) * size_in
    blocks = tl.cdiv(size_in, INS)
    first = tl.program_id(2) * steps
    total = tl.zeros((ROWS, OUTS), tl.float32)
    other = tl.zeros((ROWS, OUTS), tl.float32)
    squares = tl.zeros((ROWS,), tl.float32)
    for step in range(first, tl.minimum(first + steps, blocks * taps)):
        tap = step // blocks
        channel = (step % blocks) * INS + tl.arange(0, INS)
        channel_mask = channel < size_in
        shift = tap * dilation - frames
        source = x + (row + shift).to(tl.int64) * size_in
        if HAS_CONTEXT:
            source = tl.where(time_index + shift >= 0, source, past + tap * dilation * size_in)
        value = tl.load(source[:, None] + channel[None, :], row_mask[:, None] & channel_mask[None, :], 0.0)
        if HAS_NORM:
            squares += tl.sum(value * value, 1)
            value *= tl.load(norm + channel, channel_mask, 0.0)[None, :]
        weight_offset = output[None, :] * (taps * size_in) + tap * size_in + channel[:, None]
        mask = output_mask[None, :] & channel_mask[:, None]
        value = _round(value, TF32)
        factor = _round(tl.load(weight + weight_offset, mask, 0.0), TF32)
        total = tl.dot(value, factor, total, input_precision="tf32" if TF32 else "ieee")
        if ACTIVATION == "gate":
            factor = _round(tl.load(weight + size_out * taps * size_in + weight_offset, mask, 0.0), TF32)
            other = tl.dot(value, factor, other, input_precision="tf32" if TF32 else "ieee")

    target = row.to(tl.int64)[:, None] * size_out + output[None, :]
    tile_mask = row_mask[:, None] & output_mask[None, :]
    last = True
    if SPLIT:
        splits = tl.num_programs(2)
        part = partial + tl.program_id(2).to(tl.int64) * rows * size_out
        tl.store(part + target, total, tile_mask)
        tl.debug_barrier()  # all threads have stored before one of them counts the program
        tile = tl.program_id(1) * tl.num_programs(0) + tl.program_id(0)
        last = tl.atomic_add(arrived + tile, 1, sem="acq_rel") == splits - 1
        tl.debug_barrier()
    if last:
        if SPLIT:
            total = tl.zeros((ROWS, OUTS), tl.float32)
            for split in range(splits):
                part = partial + tl.cast(split, tl.int64) * rows * size_out
                total += tl.load(part + target, tile_mask, 0.0, cache_modifier=".cg")
        if HAS_NORM:
            scale = tl.rsqrt(squares / size_in + eps)[:, None]
            total *= scale
            other *= scale
        if HAS_BIAS:
            total += tl.load(bias + output, output_mask, 0.0)[None, :]
        if HAS_RESIDUAL:
            total += tl.load(residual + target, tile_mask, 0.0)
        if ACTIVATION == "gate":
            total = total / (1.0 + tl.exp(-total)) * other
        if ACTIVATION == "gelu":
            total = 0.5 * total * (1.0 + tl.erf(total * 0.7071067811865476))
        if ACTIVATION == "clamp":
            total = tl.where(total > 1.0, 1.0, tl.where(total < -1.0, -1.0, total))  # NaN stays NaN
        if HAS_OUT:
            tl.store(out + target, total, tile_mask)
        if HAS_SNAKE:
            tl.store(active + target, _snake(total, frequency, gain, output % snake_channels, output_mask), tile_mask)


@triton.jit(do_not_specialize=["time"])
def convolve_channels(
    x, context, slots, weight, bias, scale, shift, out, slot_stride, time, channels, eps, TAPS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Layer norm of a depthwise causal convolution; a program is one row of all channels.

    `weight` (channels, TAPS); `scale` and `shift` are the norm's; `context` (slots, TAPS - 1, channels).
    """
    row = tl.program_id(0)
    time_index = row % time
    slot = tl.load(slots + row // time).to(tl.int64)
    channel = tl.arange(0, BLOCK)
    mask = channel < channels
    total = tl.load(bias + channel, mask, 0.0)
    for tap in tl.static_range(TAPS):
        offset = tap - (TAPS - 1)
        in_packet, in_context = time_index + offset >= 0, time_index + offset < 0
        value = tl.load(x + (row + offset).to(tl.int64) * channels + channel, mask & in_packet, 0.0)
        past = context + slot * slot_stride + (time_index + tap) * channels + channel
        value += tl.load(past, mask & in_context, 0.0)
        total += value * tl.load(weight + channel * TAPS + tap, mask, 0.0)
    total = tl.where(mask, total, 0.0)
    centered = tl.where(mask, total - tl.sum(total) / channels, 0.0)
    normal = centered * tl.rsqrt(tl.sum(centered * centered) / channels + eps)
    y = normal * tl.load(scale + channel, mask, 0.0) + tl.load(shift + channel, mask, 0.0)
    tl.store(out + row * channels + channel, y, mask)


@triton.jit
def _rotated(source, cosine, sine, mask, low, HALF: tl.constexpr):
    """Heads at `source` (rows, 1), rotated, as two halves (rows, lanes)."""
    first, second = tl.load(source + low, mask, 0.0), tl.load(source + HALF + low, mask, 0.0)
    return first * cosine - second * sine, second * cosine + first * sine


@triton.jit(do_not_specialize=["time"])
def attend(
    qkv,
    frequencies,
    slots,
    positions,
    keys,
    values,
    out,
    slot_stride,
    time,
    past,
    softmax_scale,
    TF32: tl.constexpr,
    TIMES: tl.constexpr,
    PAST: tl.constexpr,
    HALF: tl.constexpr,
    LANES: tl.constexpr,
):
    """Rotate a packet's queries and keys, attend to the ring and the packet, write the packet into the ring.

    A program is one stream and one head. `qkv` (batch, time, 3, heads, 2 * HALF); `keys` and `values` (slots, past,
    heads, 2 * HALF) hold position p at p modulo `past`; `positions` (slots,) is where the packet starts. `time` is at
    most TIMES and `past`; TIMES, PAST and LANES are powers of two that tensor cores take.
    """
    stream, head, heads = tl.program_id(0), tl.program_id(1), tl.num_programs(1)
    slot = tl.load(slots + stream)
    start = tl.load(positions + slot).to(tl.int32)
    low = tl.arange(0, LANES)[None, :]
    lanes = low < HALF
    time_index = tl.arange(0, TIMES)
    packet_mask = (time_index < time)[:, None] & lanes
    angle = (start + time_index)[:, None].to(tl.float32) * tl.load(frequencies + low, lanes, 0.0)
    cosine, sine = tl.cos(angle), tl.sin(angle)
    width = heads * 2 * HALF
    source = qkv + ((stream * time + time_index) * 3 * width + head * 2 * HALF)[:, None]
    q_low, q_high = _rotated(source, cosine, sine, packet_mask, low, HALF)
    k_low, k_high = _rotated(source + width, cosine, sine, packet_mask, low, HALF)
    v_low = tl.load(source + 2 * width + low, packet_mask, 0.0)
    v_high = tl.load(source + 2 * width + HALF + low, packet_mask, 0.0)

    index = tl.arange(0, PAST)
    ring_position = (
        start - 1 - (start - 1 - index + 2 * PAST * past) % past
    )  # the position that an index of the ring holds
    written = (index < past) & (ring_position >= 0)
    ring_mask = written[:, None] & lanes
    ring = slot * slot_stride + head * 2 * HALF
    ring_offset = ring + index[:, None] * width + low
    past_k_low, past_k_high = (
        tl.load(keys + ring_offset, ring_mask, 0.0),
        tl.load(keys + ring_offset + HALF, ring_mask, 0.0),
    )
    past_v_low, past_v_high = (
        tl.load(values + ring_offset, ring_mask, 0.0),
        tl.load(values + ring_offset + HALF, ring_mask, 0.0),
    )

    scores = _product(q_low, tl.trans(past_k_low), TF32) + _product(q_high, tl.trans(past_k_high), TF32)
    visible = written[None, :] & (ring_position[None, :] >= (start + time_index)[:, None] - past)
    scores = tl.where(visible, scores * softmax_scale, float("-inf"))
    own_scores = _product(q_low, tl.trans(k_low), TF32) + _product(q_high, tl.trans(k_high), TF32)
    causal = (time_index[None, :] <= time_index[:, None]) & (time_index[None, :] < time)
    own_scores = tl.where(causal, own_scores * softmax_scale, float("-inf"))
    maximum = tl.maximum(tl.max(scores, 1), tl.max(own_scores, 1))[:, None]
    weights, own_weights = tl.exp(scores - maximum), tl.exp(own_scores - maximum)
    total = (tl.sum(weights, 1) + tl.sum(own_weights, 1))[:, None]
    y_low = (_product(weights, past_v_low, TF32) + _product(own_weights, v_low, TF32)) / total
    y_high = (_product(weights, past_v_high, TF32) + _product(own_weights, v_high, TF32)) / total
    target = out + ((stream * time + time_index) * width + head * 2 * HALF)[:, None] + low
    tl.store(target, y_low, packet_mask)
    tl.store(target + HALF, y_high, packet_mask)

    tl.debug_barrier()  # every thread has read the ring
    new = ring + ((start + time_index) % past)[:, None] * width + low
    tl.store(keys + new, k_low, packet_mask)
    tl.store(keys + new + HALF, k_high, packet_mask)
    tl.store(values + new, v_low, packet_mask)
    tl.store(values + new + HALF, v_high, packet_mask)


@triton.jit
def _product(a, b, TF32: tl.constexpr):
    return tl.dot(_round(a, TF32), _round(b, TF32), input_precision="tf32" if TF32 else "ieee")


@triton.jit(do_not_specialize=["rows", "frames"])
def advance(
    inputs, flat, positions, slots, table, slot_stride, rows, frames, FRAMES: tl.constexpr, BLOCK: tl.constexpr
):
    """Replace every context by the end of [context; input], and advance the positions.

    A program is one stream, one layer and BLOCK channels; it reads everything before it overwrites anything. A row of
    `table` (layers, 5) int64 holds where the inputs of the layer start in `inputs` (times `rows`, the number of frames
    of all streams), its rows per frame, its channels, where its context starts in a slot of `flat`, and the rows of
    that context.
    """
    stream, layer, block = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    slot = tl.load(slots + stream)
    entry = table + layer * 5
    source, per_frame, channels = tl.load(entry) * rows, tl.load(entry + 1), tl.load(entry + 2)
    context = flat + slot * slot_stride + tl.load(entry + 3)
    kept, time = tl.load(entry + 4), tl.load(entry + 1) * frames
    channel = (block * BLOCK + tl.arange(0, BLOCK))[None, :]
    index = tl.arange(0, FRAMES)[:, None]
    mask = (index < kept) & (channel < channels)
    input_row = index + time - kept  # row of the input; negative ones are still in the context
    source_offset = inputs + source + (stream * per_frame * frames + input_row) * channels + channel
    value = tl.load(source_offset, mask & (input_row >= 0), 0.0)
    value += tl.load(context + (index + time) * channels + channel, mask & (input_row < 0), 0.0)
    tl.debug_barrier()
    tl.store(context + index * channels + channel, value, mask)
    if (layer == 0) & (block == 0):
        tl.store(positions + slot, tl.load(positions + slot) + frames)
