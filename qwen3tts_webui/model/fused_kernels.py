"""What lies between the matrix products of a step, on a GPU: one Triton kernel where torch launches four to ten.

A step of few rows on a GPU waits for launches, not for arithmetic, so each kernel here takes all that happens between
two products. Everything is computed in float32 and rounded where the layers of torch round, so that both give the same
up to the order of sums. A row's result depends on that row alone. Pointers in, nothing out; `fused` has the shapes.
Triton compiles a kernel at its first call and keeps it on disk; with TRITON_INTERPRET=1 it runs on a CPU, for tests.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def add_and_normalise(
    x, delta, weight, total, out, x_stride, delta_stride, size, eps, HAS_DELTA: tl.constexpr, BLOCK: tl.constexpr
):
    """total = x + delta, out = total / rms(total) * weight; a program is a row of `size` values."""
    row = tl.program_id(0)
    place = tl.arange(0, BLOCK)
    inside = place < size
    value = tl.load(x + row * x_stride + place, inside, 0.0)
    if HAS_DELTA:
        more = tl.load(delta + row * delta_stride + place, inside, 0.0)
        value = (value.to(tl.float32) + more.to(tl.float32)).to(x.dtype.element_ty)
        tl.store(total + row * size + place, value, inside)
    exact = value.to(tl.float32)
    scale = tl.rsqrt(tl.sum(exact * exact) / size + eps)
    y = exact * scale * tl.load(weight + place, inside, 0.0)
    tl.store(out + row * size + place, y.to(out.dtype.element_ty), inside)


@triton.jit
def gate(gate_up, out, size, BLOCK: tl.constexpr):
    """out = silu(gate) * up; a row of `gate_up` is `size` values of each."""
    row = tl.program_id(0)
    place = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    opened = tl.load(gate_up + row * 2 * size + place, inside, 0.0).to(tl.float32)
    up = tl.load(gate_up + row * 2 * size + size + place, inside, 0.0).to(tl.float32)
    opened = (opened / (1.0 + tl.exp(-opened))).to(out.dtype.element_ty).to(tl.float32)
    tl.store(out + row * size + place, (opened * up).to(out.dtype.element_ty), inside)


@triton.jit
def _normal_halves(start, inside, low, eps, HALF: tl.constexpr):
    """Heads at `start` (rows, 1), as two halves (rows, lanes) float32, divided by their root mean square."""
    first = tl.load(start + low, inside, 0.0).to(tl.float32)
    second = tl.load(start + HALF + low, inside, 0.0).to(tl.float32)
    scale = tl.rsqrt((tl.sum(first * first, 1) + tl.sum(second * second, 1)) / (2 * HALF) + eps)[:, None]
    return first * scale, second * scale


@triton.jit
def _see(
    q_low,
    q_high,
    k_low,
    k_high,
    v_low,
    v_high,
    seen,
    softmax_scale,
    sum_low,
    sum_high,
    most,
    total,
    TILES: tl.constexpr,
):
    """One block of keys (block, lanes) for queries (queries, lanes), both in halves: sums, maxima and totals so far.

    With TILES the products go to tensor cores.
    """
    number = k_low.dtype
    if TILES:
        scores = tl.dot(q_low.to(number), tl.trans(k_low), input_precision="ieee")
        scores = tl.dot(q_high.to(number), tl.trans(k_high), scores, input_precision="ieee")
    else:
        scores = tl.sum(q_low[:, None, :] * k_low.to(tl.float32)[None, :, :], 2)
        scores += tl.sum(q_high[:, None, :] * k_high.to(tl.float32)[None, :, :], 2)
    scores = tl.where(seen, scores * softmax_scale, float("-inf"))
    higher = tl.maximum(most, tl.max(scores, 1))
    shrink = tl.exp(most - higher)
    shares = tl.exp(scores - higher[:, None])
    total = total * shrink + tl.sum(shares, 1)
    if TILES:
        sum_low = tl.dot(shares.to(number), v_low, sum_low * shrink[:, None], input_precision="ieee")
        sum_high = tl.dot(shares.to(number), v_high, sum_high * shrink[:, None], input_precision="ieee")
    else:
        sum_low = sum_low * shrink[:, None] + tl.sum(shares[:, :, None] * v_low.to(tl.float32)[None, :, :], 1)
        sum_high = sum_high * shrink[:, None] + tl.sum(shares[:, :, None] * v_high.to(tl.float32)[None, :, :], 1)
    return sum_low, sum_high, higher, total


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
    """Normalise and turn queries and keys, keep keys and values, and see what came before.

    A program is one slot and one head of keys, with the GROUP heads of queries that share it. `qkv` (slots * TIME,
    heads, 2 * HALF) has the queries of all heads, then keys, then values; `starts` (slots,) is the position of the
    first of the TIME rows, which see each other causally without going through memory; `cosines` and `sines`
    (positions, HALF). TIMES, QUERIES and LANES are TIME, TIME * GROUP and HALF, each rounded up to a power of two, and
    with TILES to at least 16.
    """
    slot = tl.program_id(0).to(tl.int64)
    head = tl.program_id(1)
    kv_heads = tl.num_programs(1)
    heads = kv_heads * GROUP
    start = tl.load(starts + slot * start_stride).to(tl.int32)
    number = qkv.dtype.element_ty

    low = tl.arange(0, LANES)[None, :]
    lanes = low < HALF
    query = tl.arange(0, QUERIES)
    query_time = query // GROUP
    query_head = head * GROUP + query % GROUP
    asked = (query < TIME * GROUP)[:, None] & lanes
    query_row = ((slot * TIME + query_time) * (heads + 2 * kv_heads) + query_head) * (2 * HALF)
    q_low, q_high = _normal_halves(qkv + query_row[:, None], asked, low, eps, HALF)
    q_low *= tl.load(scale + low, lanes, 0.0)
    q_high *= tl.load(scale + HALF + low, lanes, 0.0)
    cosine = tl.load(cosines + (start + query_time)[:, None] * HALF + low, asked, 0.0)
    sine = tl.load(sines + (start + query_time)[:, None] * HALF + low, asked, 0.0)
    turned_low = (q_low * cosine - q_high * sine).to(number).to(tl.float32)
    turned_high = (q_high * cosine + q_low * sine).to(number).to(tl.float32)

    time = tl.arange(0, TIMES)
    own = (time < TIME)[:, None] & lanes
    key_row = ((slot * TIME + time) * (heads + 2 * kv_heads) + heads + head) * (2 * HALF)
    k_low, k_high = _normal_halves(qkv + key_row[:, None], own, low, eps, HALF)
    k_low *= tl.load(scale + 2 * HALF + low, lanes, 0.0)
    k_high *= tl.load(scale + 3 * HALF + low, lanes, 0.0)
    cosine = tl.load(cosines + (start + time)[:, None] * HALF + low, own, 0.0)
    sine = tl.load(sines + (start + time)[:, None] * HALF + low, own, 0.0)
    own_low = (k_low * cosine - k_high * sine).to(number)
    own_high = (k_high * cosine + k_low * sine).to(number)
    value_row = (key_row + kv_heads * (2 * HALF))[:, None]
    v_low = tl.load(qkv + value_row + low, own, 0.0)
    v_high = tl.load(qkv + value_row + HALF + low, own, 0.0)

    cache = slot * slot_stride + head * head_stride
    kept = cache + (start + time)[:, None] * (2 * HALF) + low
    tl.store(keys + kept, own_low, own)
    tl.store(keys + kept + HALF, own_high, own)
    tl.store(values + kept, v_low, own)
    tl.store(values + kept + HALF, v_high, own)

    # the rows of this call see themselves first: there is always one, so that the maximum is finite
    seen = (time[None, :] <= query_time[:, None]) & (time[None, :] < TIME)
    most = tl.full((QUERIES,), -1e30, tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    sum_low = tl.zeros((QUERIES, LANES), tl.float32)
    sum_high = tl.zeros((QUERIES, LANES), tl.float32)
    sum_low, sum_high, most, total = _see(
        turned_low,
        turned_high,
        own_low,
        own_high,
        v_low,
        v_high,
        seen,
        softmax_scale,
        sum_low,
        sum_high,
        most,
        total,
        TILES,
    )
    for begin in range(0, start, BLOCK):
        past = begin + tl.arange(0, BLOCK)
        inside = (past < start)[:, None] & lanes
        far = cache + past[:, None] * (2 * HALF) + low
        far_low, far_high = tl.load(keys + far, inside, 0.0), tl.load(keys + far + HALF, inside, 0.0)
        held_low, held_high = tl.load(values + far, inside, 0.0), tl.load(values + far + HALF, inside, 0.0)
        before = (past[None, :] < start) & (query[:, None] >= 0)
        sum_low, sum_high, most, total = _see(
            turned_low,
            turned_high,
            far_low,
            far_high,
            held_low,
            held_high,
            before,
            softmax_scale,
            sum_low,
            sum_high,
            most,
            total,
            TILES,
        )

    answer_row = ((slot * TIME + query_time) * heads + query_head) * (2 * HALF)
    answer = out + answer_row[:, None] + low
    tl.store(answer, (sum_low / total[:, None]).to(number), asked)
    tl.store(answer + HALF, (sum_high / total[:, None]).to(number), asked)


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
    BATCH: tl.constexpr,
    OUTS: tl.constexpr,
    INS: tl.constexpr,
):
    """out = residual + W x, for few rows: a program is OUTS outputs of BATCH rows, and reads its weights once.

    `x` (rows, size_in), `weight` (size_out, size_in), `residual` and `out` (rows, size_out). Sums of one row are made
    in the same order whatever rows are beside it.
    """
    output = tl.program_id(0) * OUTS + tl.arange(0, OUTS)
    row = tl.program_id(1) * BATCH + tl.arange(0, BATCH)
    here, made = row < rows, output < size_out
    total = tl.zeros((OUTS, BATCH), tl.float32)
    for start in range(0, size_in, INS):
        place = start + tl.arange(0, INS)
        inside = place < size_in
        value = tl.load(x + row[None, :] * size_in + place[:, None], here[None, :] & inside[:, None], 0.0)
        matrix = tl.load(weight + output[:, None] * size_in + place[None, :], made[:, None] & inside[None, :], 0.0)
        total = tl.dot(matrix, value, total, input_precision="ieee")
    there = here[None, :] & made[:, None]
    before = tl.load(residual + row[None, :] * residual_stride + output[:, None], there, 0.0)
    total = total.to(weight.dtype.element_ty).to(tl.float32) + before.to(tl.float32)
    tl.store(out + row[None, :] * size_out + output[:, None], total.to(out.dtype.element_ty), there)


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
    """Of prompts: normalise and turn queries and keys; keep keys and values. A program is one row with all its heads.

    `qkv` (batch * time, HEADS + 2 * KV_HEADS, 2 * HALF); `starts`, `slots` (batch,): where the first row stands, and
    whose it is. Rows at `limit` or behind it are not kept. ALL is the number of heads, rounded up to a power of two.
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
    first, second = _normal_halves(source, inside, low, eps, HALF)
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
    """Of prompts: what ROWS rows of one head see, themselves and all before them, in the cache.

    `place_rows` has filled it. `queries` and `out` (batch * time, HEADS, DIM).
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


@triton.jit
def _mix(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D
    x = (x ^ (x >> 15)) * 0x846CA68B
    return x ^ (x >> 16)


@triton.jit(do_not_specialize=["group"])
def draw(
    scores,
    temperature,
    top_k,
    top_p,
    noise,
    seeds,
    frames,
    codes,
    sound,
    stride,
    group,
    num_codes,
    BLOCK: tl.constexpr,
):
    """Draw a code of codebook `group` as `sampling.draw` does; a program is a row of `scores`."""
    row = tl.program_id(0)
    code = tl.arange(0, BLOCK)
    inside = code < num_codes
    score = tl.load(scores + row * stride + code, inside, float("-inf")).to(tl.float32)
    broken = tl.max(((score != score) | (score == float("inf"))).to(tl.int32))
    score = score / tl.load(temperature + row)
    score = tl.where(score == 0.0, 0.0, score)  # -0.0 is less than 0.0 as an integer

    # the k-th largest, bit by bit: floats in the order of unsigned integers
    bits = score.to(tl.uint32, bitcast=True)
    order = tl.where(bits >= 0x80000000, bits ^ 0xFFFFFFFF, bits | 0x80000000)
    wanted = tl.load(top_k + row)
    least = tl.zeros((), tl.uint32)
    bit = tl.full((), 0x80000000, tl.uint32)
    for _ in range(32):
        least = tl.where(tl.sum((order >= (least | bit)).to(tl.int32)) >= wanted, least | bit, least)
        bit = bit >> 1
    score = tl.where(order >= least, score, float("-inf"))

    share = tl.load(top_p + row)
    if share < 1.0:  # the largest bound that what lies at it or above reaches the share: what lies below it is out
        mass = tl.exp(score - tl.max(score))
        mass = tl.where(inside, mass / tl.sum(tl.where(inside, mass, 0.0)), 0.0)
        least = tl.zeros((), tl.uint32)
        bit = tl.full((), 0x80000000, tl.uint32)
        for _ in range(32):
            least = tl.where(tl.sum(tl.where(order >= (least | bit), mass, 0.0)) >= share, least | bit, least)
            bit = bit >> 1
        score = tl.where(order >= least, score, float("-inf"))

    seed = tl.load(seeds + row)
    key = _mix(seed.to(tl.uint32) ^ _mix((seed >> 32).to(tl.uint32) ^ 0x9E3779B9))
    key = _mix(key ^ _mix(tl.load(frames + row).to(tl.uint32) ^ 0x85EBCA6B))
    key = _mix(key ^ _mix(tl.full((), group, tl.uint32) ^ 0xC2B2AE35))
    random = _mix(_mix(key ^ _mix(code.to(tl.uint32) ^ 0x27D4EB2F)) ^ key)
    uniform = ((random >> 9).to(tl.float32) + 0.5) * 1.1920928955078125e-07  # 2 ** -23
    score += -tl.log(-tl.log(uniform)) * tl.load(noise + row)

    score = tl.where(inside, score, float("-inf"))
    best = tl.max(score)
    tl.store(codes + row, tl.argmax(score, 0).to(tl.int64))
    tl.store(sound + row, ((broken == 0) & (best > float("-inf"))).to(tl.int8))
