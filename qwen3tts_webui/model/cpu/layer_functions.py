"""What decoder layers compute between products, for the compiled stacks: norms, rotation, attention, activation.

All in float32; keys and values may be stored as bfloat16. These are parts of kernels, compiled into them by numba.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir as ir
import numpy as np
from numba import types
from numba.extending import intrinsic, overload, register_jitable

MATH = {"reassoc", "contract", "nsz", "arcp"}  # not "fast": NaN and Inf must propagate


@intrinsic
def _bits_to_float(_context: Any, bits: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.uint32), generate


@intrinsic
def _float_to_bits(_context: Any, number: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(32))

    return types.uint32(types.float32), generate


def to_float32(number: Any) -> Any:
    """Convert a stored value to float32; bfloat16 is stored as uint16."""
    raise TypeError(number)


@overload(to_float32, inline="always")
def _to_float32_of(number: Any) -> Any:
    def from_bfloat16(number: Any) -> Any:
        return _bits_to_float(np.uint32(number) << np.uint32(16))

    def plain(number: Any) -> Any:
        return np.float32(number)

    return from_bfloat16 if number == types.uint16 else plain


def cast_like(number: Any, like: Any) -> Any:
    """Convert a float32 to the type of `like`; bfloat16 rounds to nearest, ties to even."""
    raise TypeError(number, like)


@overload(cast_like, inline="always")
def _cast_like_of(number: Any, like: Any) -> Any:
    def to_bfloat16(number: Any, like: Any) -> Any:
        bits = _float_to_bits(number)
        if number != number:
            return np.uint16(0x7FC0)
        return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))

    def plain(number: Any, like: Any) -> Any:
        return number

    return to_bfloat16 if like == types.uint16 else plain


@register_jitable(fastmath=MATH)
def rms_norm(x: Any, weight: Any, eps: Any, out: Any) -> None:
    """RMS norm of each row of x (rows, hidden)."""
    for row in range(len(x)):
        total = np.float32(0)
        for i in range(len(weight)):
            total += x[row, i] * x[row, i]
        factor = np.float32(1) / np.sqrt(total / np.float32(len(weight)) + eps)
        for i in range(len(weight)):
            out[row, i] = x[row, i] * factor * weight[i]


@register_jitable(fastmath=MATH)
def _rms_norm_and_rotate(x: Any, weight: Any, eps: Any, cosine: Any, sine: Any) -> None:
    """RMS norm and rotary embedding of one head (head_dim,), in place."""
    half = len(x) // 2
    total = np.float32(0)
    for i in range(len(x)):
        total += x[i] * x[i]
    factor = np.float32(1) / np.sqrt(total / np.float32(len(x)) + eps)
    for i in range(half):
        low, high = x[i] * factor * weight[i], x[i + half] * factor * weight[i + half]
        x[i] = low * cosine[i] - high * sine[i]
        x[i + half] = high * cosine[i] + low * sine[i]


@register_jitable(fastmath=MATH)
def _attend(query: Any, keys: Any, values: Any, scores: Any, out: Any) -> None:
    """out = softmax(query · keys / sqrt(head_dim)) · values, for one head; `scores` (positions,) is scratch space."""
    scale = np.float32(1) / np.sqrt(np.float32(len(query)))
    largest = np.float32(-np.inf)
    for p in range(len(scores)):
        total = np.float32(0)
        for i in range(len(query)):
            total += query[i] * to_float32(keys[p, i])
        scores[p] = total * scale
        largest = max(largest, scores[p])
    total = np.float32(0)
    for p in range(len(scores)):
        scores[p] = np.exp(scores[p] - largest)
        total += scores[p]
    out[:] = np.float32(0)
    for p in range(len(scores)):
        weight = scores[p] / total
        for i in range(len(query)):
            out[i] += weight * to_float32(values[p, i])


@register_jitable(fastmath=MATH)
def rotary_angles(positions: Any, frequencies: Any, cosine: Any, sine: Any) -> None:
    """Fill `cosine` and `sine` (rows, head_dim / 2)."""
    for row in range(len(positions)):
        for i in range(len(frequencies)):
            angle = np.float32(positions[row]) * frequencies[i]
            cosine[row, i], sine[row, i] = np.cos(angle), np.sin(angle)


@register_jitable(fastmath=MATH)
def attend_with_head(
    head: Any,
    qkv: Any,
    qk_norms: Any,
    eps: Any,
    cosine: Any,
    sine: Any,
    slots: Any,
    positions: Any,
    kv: Any,
    scores: Any,
    out: Any,
) -> None:
    """Store the keys and values of kv head `head`, and attend with all of its query heads: qkv (rows, ...) -> `out`.

    `qk_norms` (2, head_dim), `kv` (2, slots, kv_heads, length, head_dim): those of one layer. `scores` (length,) is
    scratch space; `out` (rows, width).
    """
    _, _, kv_heads, _, head_dim = kv.shape
    width = out.shape[1]
    group = width // kv_heads
    key = width + head * head_dim
    value = key + kv_heads * head_dim
    for row in range(len(slots)):
        slot, position = slots[row], positions[row]
        one = qkv[row, key : key + head_dim]
        _rms_norm_and_rotate(one, qk_norms[1], eps, cosine[row], sine[row])
        for i in range(head_dim):
            kv[0, slot, head, position, i] = cast_like(one[i], kv[0, 0, 0, 0, 0])
            kv[1, slot, head, position, i] = cast_like(qkv[row, value + i], kv[0, 0, 0, 0, 0])
    for row in range(len(slots)):
        # integer indices before the slice, so that numba knows the rows to be contiguous
        keys, values = kv[0, slots[row], head], kv[1, slots[row], head]
        for start in range(head * group, (head + 1) * group, head_dim):
            query = qkv[row, start : start + head_dim]
            _rms_norm_and_rotate(query, qk_norms[0], eps, cosine[row], sine[row])
            _attend(query, keys, values, scores[: positions[row] + 1], out[row, start : start + head_dim])


@register_jitable(fastmath=MATH)
def silu_mul(gate_up: Any, out: Any, begin: Any, end: Any) -> None:
    """out (rows, intermediate) = silu(gate) · up in columns begin..end; `gate_up` (rows, 2 · intermediate or more)."""
    intermediate = out.shape[1]
    for row in range(len(out)):
        for i in range(begin, end):
            gate = gate_up[row, i]
            out[row, i] = gate / (np.float32(1) + np.exp(-gate)) * gate_up[row, intermediate + i]


@register_jitable(fastmath=MATH)
def add(x: Any, summand: Any, begin: Any, end: Any) -> None:
    """x += summand in columns begin..end, of every row."""
    for row in range(len(x)):
        for i in range(begin, end):
            x[row, i] += summand[row, i]
