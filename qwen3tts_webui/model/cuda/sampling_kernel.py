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
