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
    inside = channel < channels
    source = codes + (row // time) * batch_stride + (row % time) * frame_stride
    total = tl.zeros((BLOCK,), tl.float32)
    for book in range(books):
        entry = tl.load(source + book * book_stride) + book * book_size
        total += tl.load(tables + entry * channels + channel, inside, 0.0)
    tl.store(out + row * channels + channel, total, inside)


@triton.jit
def _round(x, TF32: tl.constexpr):
    """Round float32 to the nearest TF32; tensor cores would truncate it."""
    if TF32:
        bits = x.to(tl.uint32, bitcast=True)
        x = ((bits + 0x1000) & 0xFFFFE000).to(tl.float32, bitcast=True)
    return x


@triton.jit
def _snake(x, frequency, gain, channel, inside):
    wave = tl.sin(x * tl.load(frequency + channel, inside, 0.0)[None, :])
    return x + wave * wave * tl.load(gain + channel, inside, 0.0)[None, :]


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
    here, made = row < rows, output < size_out
    moment = row % time
    frames = (taps - 1) * dilation
    if HAS_CONTEXT:
        slot = tl.load(slots + row // time, here, 0).to(tl.int64)
        past = context + slot * slot_stride + (moment + 0).to(tl.int64) * size_in
    blocks = tl.cdiv(size_in, INS)
    first = tl.program_id(2) * steps
    total = tl.zeros((ROWS, OUTS), tl.float32)
    other = tl.zeros((ROWS, OUTS), tl.float32)
    squares = tl.zeros((ROWS,), tl.float32)
    for step in range(first, tl.minimum(first + steps, blocks * taps)):
        tap = step // blocks
        place = (step % blocks) * INS + tl.arange(0, INS)
        inside = place < size_in
        back = tap * dilation - frames
        source = x + (row + back).to(tl.int64) * size_in
        if HAS_CONTEXT:
            source = tl.where(moment + back >= 0, source, past + tap * dilation * size_in)
        value = tl.load(source[:, None] + place[None, :], here[:, None] & inside[None, :], 0.0)
        if HAS_NORM:
            squares += tl.sum(value * value, 1)
            value *= tl.load(norm + place, inside, 0.0)[None, :]
        where = output[None, :] * (taps * size_in) + tap * size_in + place[:, None]
        mask = made[None, :] & inside[:, None]
        value = _round(value, TF32)
        factor = _round(tl.load(weight + where, mask, 0.0), TF32)
        total = tl.dot(value, factor, total, input_precision="tf32" if TF32 else "ieee")
        if ACTIVATION == "gate":
            factor = _round(tl.load(weight + size_out * taps * size_in + where, mask, 0.0), TF32)
            other = tl.dot(value, factor, other, input_precision="tf32" if TF32 else "ieee")

    target = row.to(tl.int64)[:, None] * size_out + output[None, :]
    there = here[:, None] & made[None, :]
    last = True
    if SPLIT:
        splits = tl.num_programs(2)
        part = partial + tl.program_id(2).to(tl.int64) * rows * size_out
        tl.store(part + target, total, there)
        tl.debug_barrier()  # all threads have stored before one of them counts the program
        tile = tl.program_id(1) * tl.num_programs(0) + tl.program_id(0)
        last = tl.atomic_add(arrived + tile, 1, sem="acq_rel") == splits - 1
        tl.debug_barrier()
    if last:
        if SPLIT:
            total = tl.zeros((ROWS, OUTS), tl.float32)
            for split in range(splits):
                part = partial + tl.cast(split, tl.int64) * rows * size_out
                total += tl.load(part + target, there, 0.0, cache_modifier=".cg")
        if HAS_NORM:
            scale = tl.rsqrt(squares / size_in + eps)[:, None]
            total *= scale
            other *= scale
        if HAS_BIAS:
            total += tl.load(bias + output, made, 0.0)[None, :]
        if HAS_RESIDUAL:
            total += tl.load(residual + target, there, 0.0)
        if ACTIVATION == "gate":
            total = total / (1.0 + tl.exp(-total)) * other
        if ACTIVATION == "gelu":
            total = 0.5 * total * (1.0 + tl.erf(total * 0.7071067811865476))
        if ACTIVATION == "clamp":
            total = tl.where(total > 1.0, 1.0, tl.where(total < -1.0, -1.0, total))  # NaN stays NaN
        if HAS_OUT:
            tl.store(out + target, total, there)
        if HAS_SNAKE:
            tl.store(active + target, _snake(total, frequency, gain, output % snake_channels, made), there)


@triton.jit(do_not_specialize=["time"])
def convolve_channels(
    x, context, slots, weight, bias, scale, shift, out, slot_stride, time, channels, eps, TAPS: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Layer norm of a depthwise causal convolution; a program is one row of all channels.

    `weight` (channels, TAPS); `scale` and `shift` are the norm's; `context` (slots, TAPS - 1, channels).
    """
    row = tl.program_id(0)
    moment = row % time
    slot = tl.load(slots + row // time).to(tl.int64)
    channel = tl.arange(0, BLOCK)
    inside = channel < channels
    total = tl.load(bias + channel, inside, 0.0)
    for tap in tl.static_range(TAPS):
        back = tap - (TAPS - 1)
        near, far = moment + back >= 0, moment + back < 0
        value = tl.load(x + (row + back).to(tl.int64) * channels + channel, inside & near, 0.0)
        past = context + slot * slot_stride + (moment + tap) * channels + channel
        value += tl.load(past, inside & far, 0.0)
        total += value * tl.load(weight + channel * TAPS + tap, inside, 0.0)
    total = tl.where(inside, total, 0.0)
    centered = tl.where(inside, total - tl.sum(total) / channels, 0.0)
    normal = centered * tl.rsqrt(tl.sum(centered * centered) / channels + eps)
    y = normal * tl.load(scale + channel, inside, 0.0) + tl.load(shift + channel, inside, 0.0)
    tl.store(out + row * channels + channel, y, inside)


@triton.jit
def _rotated(source, cosine, sine, inside, low, HALF: tl.constexpr):
    """Heads at `source` (rows, 1), rotated, as two halves (rows, lanes)."""
    first, second = tl.load(source + low, inside, 0.0), tl.load(source + HALF + low, inside, 0.0)
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
    moment = tl.arange(0, TIMES)
    own = (moment < time)[:, None] & lanes
    angle = (start + moment)[:, None].to(tl.float32) * tl.load(frequencies + low, lanes, 0.0)
    cosine, sine = tl.cos(angle), tl.sin(angle)
    width = heads * 2 * HALF
    source = qkv + ((stream * time + moment) * 3 * width + head * 2 * HALF)[:, None]
    q_low, q_high = _rotated(source, cosine, sine, own, low, HALF)
    own_low, own_high = _rotated(source + width, cosine, sine, own, low, HALF)
    v_low = tl.load(source + 2 * width + low, own, 0.0)
    v_high = tl.load(source + 2 * width + HALF + low, own, 0.0)

    index = tl.arange(0, PAST)
    before = start - 1 - (start - 1 - index + 2 * PAST * past) % past  # the position that an index of the ring holds
    written = (index < past) & (before >= 0)
    held = written[:, None] & lanes
    ring = slot * slot_stride + head * 2 * HALF
    place = ring + index[:, None] * width + low
    old_low, old_high = tl.load(keys + place, held, 0.0), tl.load(keys + place + HALF, held, 0.0)
    past_low, past_high = tl.load(values + place, held, 0.0), tl.load(values + place + HALF, held, 0.0)

    scores = _product(q_low, tl.trans(old_low), TF32) + _product(q_high, tl.trans(old_high), TF32)
    seen = written[None, :] & (before[None, :] >= (start + moment)[:, None] - past)
    scores = tl.where(seen, scores * softmax_scale, float("-inf"))
    near = _product(q_low, tl.trans(own_low), TF32) + _product(q_high, tl.trans(own_high), TF32)
    causal = (moment[None, :] <= moment[:, None]) & (moment[None, :] < time)
    near = tl.where(causal, near * softmax_scale, float("-inf"))
    most = tl.maximum(tl.max(scores, 1), tl.max(near, 1))[:, None]
    shares, own_shares = tl.exp(scores - most), tl.exp(near - most)
    total = (tl.sum(shares, 1) + tl.sum(own_shares, 1))[:, None]
    y_low = (_product(shares, past_low, TF32) + _product(own_shares, v_low, TF32)) / total
    y_high = (_product(shares, past_high, TF32) + _product(own_shares, v_high, TF32)) / total
    target = out + ((stream * time + moment) * width + head * 2 * HALF)[:, None] + low
    tl.store(target, y_low, own)
    tl.store(target + HALF, y_high, own)

    tl.debug_barrier()  # every thread has read the ring
    new = ring + ((start + moment) % past)[:, None] * width + low
    tl.store(keys + new, own_low, own)
    tl.store(keys + new + HALF, own_high, own)
    tl.store(values + new, v_low, own)
    tl.store(values + new + HALF, v_high, own)


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
    line = table + layer * 5
    source, per_frame, channels = tl.load(line) * rows, tl.load(line + 1), tl.load(line + 2)
    context = flat + slot * slot_stride + tl.load(line + 3)
    kept, time = tl.load(line + 4), tl.load(line + 1) * frames
    channel = (block * BLOCK + tl.arange(0, BLOCK))[None, :]
    index = tl.arange(0, FRAMES)[:, None]
    inside = (index < kept) & (channel < channels)
    fresh = index + time - kept  # row of the input; negative ones are still in the context
    new = inputs + source + (stream * per_frame * frames + fresh) * channels + channel
    value = tl.load(new, inside & (fresh >= 0), 0.0)
    value += tl.load(context + (index + time) * channels + channel, inside & (fresh < 0), 0.0)
    tl.debug_barrier()
    tl.store(context + index * channels + channel, value, inside)
    if (layer == 0) & (block == 0):
        tl.store(positions + slot, tl.load(positions + slot) + frames)
