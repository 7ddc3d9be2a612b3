"""Compiled sampling of one code on a CPU: noise is computed only for the few codes that may be drawn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import prange
from numba.extending import register_jitable

from qwen3tts_webui.model.cpu.jit import compile_kernel

_MASK = np.uint64(0xFFFFFFFF)


@register_jitable
def _mix(x: Any) -> Any:
    """`sampling._mix` of an unsigned integer below 2 ** 32."""
    x = (x ^ (x >> np.uint64(16))) * np.uint64(0x7FEB352D) & _MASK
    x = (x ^ (x >> np.uint64(15))) * np.uint64(0x846CA68B) & _MASK
    return x ^ (x >> np.uint64(16))


@register_jitable
def _gumbel(key: Any, code: Any) -> Any:
    bits = _mix(key ^ _mix(np.uint64(code) ^ np.uint64(0x27D4EB2F)))
    uniform = (np.float32(_mix(bits ^ key) >> np.uint64(9)) + np.float32(0.5)) * np.float32(2.0**-23)
    return np.float32(-math.log(np.float32(-math.log(uniform))))


@compile_kernel(set())
def run_sample(
    logits: Any,
    temperature: Any,
    top_k: Any,
    noise_scale: Any,
    seeds: Any,
    frames: Any,
    group: Any,
    codes: Any,
    is_finite: Any,
    parts: Any,
) -> None:
    """`sampling.sample` without top-p, with the noise of `gumbel` for codebook `group`.

    `logits` (rows, codes) float32; `temperature`, `noise_scale` (rows, 1) float32; `top_k` (rows, 1), `seeds` and
    `frames` (rows,) int64. Writes `codes` (rows,) int64 and `is_finite` (rows,) bool. `parts` is unused.
    """
    rows, num_codes = logits.shape
    for row in prange(rows):
        seed, frame = np.uint64(seeds[row]), np.uint64(frames[row])
        key = _mix((seed & _MASK) ^ _mix((seed >> np.uint64(32)) ^ np.uint64(0x9E3779B9)))
        key = _mix(key ^ _mix((frame & _MASK) ^ np.uint64(0x85EBCA6B)))
        key = _mix(key ^ _mix(np.uint64(group) ^ np.uint64(0xC2B2AE35)))
        scaled = logits[row] / temperature[row, 0]
        place = num_codes - min(top_k[row, 0], num_codes)
        least = np.partition(scaled, place)[place]
        best, choice, finite = np.float32(-np.inf), 0, True
        for code in range(num_codes):
            logit = scaled[code]
            finite = finite and logit < np.inf  # neither inf nor NaN
            if logit >= least:
                if noise_scale[row, 0] != 0:
                    logit += _gumbel(key, code) * noise_scale[row, 0]
                if logit > best:
                    best, choice = logit, code
        codes[row] = choice
        is_finite[row] = finite and best > -np.inf
