"""Triton kernel that samples one code per row: temperature, top-k, top-p and Gumbel noise in one launch."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _mix(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D
    x = (x ^ (x >> 15)) * 0x846CA68B
    return x ^ (x >> 16)


@triton.jit(do_not_specialize=["group", "first_entry"])
def sample(
    logits,
    temperature,
    top_k,
    top_p,
    noise_scale,
    seeds,
    frames,
    codes,
    is_finite,
    slots,
    table,
    embedded,
    stride,
    codes_stride,
    finite_stride,
    embedded_stride,
    group,
    num_codes,
    first_entry,
    hidden,
    HAS_SLOTS: tl.constexpr,
    HAS_TABLE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Sample a code of codebook `group` as `sampling.sample` does; one program per row of `logits`.

    Parameters, seeds and frames are those of row `slots[row]` with HAS_SLOTS, else of `row`. With HAS_TABLE, the row of
    the code in `table` (entries, hidden), counted from `first_entry`, is copied to `embedded`.
    """
    row = tl.program_id(0)
    slot = row
    if HAS_SLOTS:
        slot = tl.load(slots + row)
    code = tl.arange(0, BLOCK)
    mask = code < num_codes
    logit = tl.load(logits + row * stride + code, mask, float("-inf")).to(tl.float32)
    invalid = tl.max(((logit != logit) | (logit == float("inf"))).to(tl.int32))
    logit = logit / tl.load(temperature + slot)
    logit = tl.where(logit == 0.0, 0.0, logit)  # -0.0 is less than 0.0 as an integer

    # the k-th largest, bit by bit: floats in the order of unsigned integers
    bits = logit.to(tl.uint32, bitcast=True)
    order = tl.where(bits >= 0x80000000, bits ^ 0xFFFFFFFF, bits | 0x80000000)
    num_kept = tl.load(top_k + slot)
    threshold = tl.zeros((), tl.uint32)
    bit = tl.full((), 0x80000000, tl.uint32)
    for _ in range(32):
        threshold = tl.where(tl.sum((order >= (threshold | bit)).to(tl.int32)) >= num_kept, threshold | bit, threshold)
        bit = bit >> 1
    logit = tl.where(order >= threshold, logit, float("-inf"))

    kept_mass = tl.load(top_p + slot)
    if kept_mass < 1.0:  # the largest threshold with enough mass at or above it; smaller logits are removed
        probability = tl.exp(logit - tl.max(logit))
        probability = tl.where(mask, probability / tl.sum(tl.where(mask, probability, 0.0)), 0.0)
        threshold = tl.zeros((), tl.uint32)
        bit = tl.full((), 0x80000000, tl.uint32)
        for _ in range(32):
            threshold = tl.where(
                tl.sum(tl.where(order >= (threshold | bit), probability, 0.0)) >= kept_mass, threshold | bit, threshold
            )
            bit = bit >> 1
        logit = tl.where(order >= threshold, logit, float("-inf"))

    seed = tl.load(seeds + slot)
    key = _mix(seed.to(tl.uint32) ^ _mix((seed >> 32).to(tl.uint32) ^ 0x9E3779B9))
    key = _mix(key ^ _mix(tl.load(frames + slot).to(tl.uint32) ^ 0x85EBCA6B))
    key = _mix(key ^ _mix(tl.full((), group, tl.uint32) ^ 0xC2B2AE35))
    random = _mix(_mix(key ^ _mix(code.to(tl.uint32) ^ 0x27D4EB2F)) ^ key)
    uniform = ((random >> 9).to(tl.float32) + 0.5) * 1.1920928955078125e-07  # 2 ** -23
    logit += -tl.log(-tl.log(uniform)) * tl.load(noise_scale + slot)

    logit = tl.where(mask, logit, float("-inf"))
    best = tl.max(logit)
    choice = tl.minimum(tl.argmax(logit, 0), num_codes - 1).to(tl.int64)  # of NaN: any code
    tl.store(codes + row * codes_stride, choice)
    tl.store(is_finite + row * finite_stride, ((invalid == 0) & (best > float("-inf"))).to(tl.int8))
    if HAS_TABLE:
        for begin in range(0, hidden, BLOCK):
            column = begin + code
            entry = tl.load(table + (first_entry + choice) * hidden + column, column < hidden, 0.0)
            tl.store(embedded + row * embedded_stride + column, entry.to(embedded.dtype.element_ty), column < hidden)
