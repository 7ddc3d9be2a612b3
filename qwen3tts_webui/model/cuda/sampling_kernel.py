"""Triton kernel that samples one code per row: temperature, top-k, top-p and Gumbel noise in one launch."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _mix(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D
    x = (x ^ (x >> 15)) * 0x846CA68B
    return x ^ (x >> 16)


@triton.jit(do_not_specialize=["group"])
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
    stride,
    group,
    num_codes,
    BLOCK: tl.constexpr,
):
    """Sample a code of codebook `group` as `sampling.sample` does; one program per row of `logits`."""
    row = tl.program_id(0)
    code = tl.arange(0, BLOCK)
    mask = code < num_codes
    logit = tl.load(logits + row * stride + code, mask, float("-inf")).to(tl.float32)
    invalid = tl.max(((logit != logit) | (logit == float("inf"))).to(tl.int32))
    logit = logit / tl.load(temperature + row)
    logit = tl.where(logit == 0.0, 0.0, logit)  # -0.0 is less than 0.0 as an integer

    # the k-th largest, bit by bit: floats in the order of unsigned integers
    bits = logit.to(tl.uint32, bitcast=True)
    order = tl.where(bits >= 0x80000000, bits ^ 0xFFFFFFFF, bits | 0x80000000)
    num_kept = tl.load(top_k + row)
    threshold = tl.zeros((), tl.uint32)
    bit = tl.full((), 0x80000000, tl.uint32)
    for _ in range(32):
        threshold = tl.where(tl.sum((order >= (threshold | bit)).to(tl.int32)) >= num_kept, threshold | bit, threshold)
        bit = bit >> 1
    logit = tl.where(order >= threshold, logit, float("-inf"))

    kept_mass = tl.load(top_p + row)
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

    seed = tl.load(seeds + row)
    key = _mix(seed.to(tl.uint32) ^ _mix((seed >> 32).to(tl.uint32) ^ 0x9E3779B9))
    key = _mix(key ^ _mix(tl.load(frames + row).to(tl.uint32) ^ 0x85EBCA6B))
    key = _mix(key ^ _mix(tl.full((), group, tl.uint32) ^ 0xC2B2AE35))
    random = _mix(_mix(key ^ _mix(code.to(tl.uint32) ^ 0x27D4EB2F)) ^ key)
    uniform = ((random >> 9).to(tl.float32) + 0.5) * 1.1920928955078125e-07  # 2 ** -23
    logit += -tl.log(-tl.log(uniform)) * tl.load(noise_scale + row)

    logit = tl.where(mask, logit, float("-inf"))
    best = tl.max(logit)
    tl.store(codes + row, tl.argmax(logit, 0).to(tl.int64))
    tl.store(is_finite + row, ((invalid == 0) & (best > float("-inf"))).to(tl.int8))
