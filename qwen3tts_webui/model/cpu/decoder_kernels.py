"""Compiled CPU kernels of a decoder stack: a few rows through all layers, with float32, bfloat16 or 8-bit weights.

A step of few rows is bound by memory bandwidth, so weights are read once, in their stored dtype, 64 at a time and with
prefetching; everything is computed in float32. The result of a row does not depend on the rest of the batch: every sum
has a fixed order. numba compiles the kernels for this processor at the first call and caches them on disk. No torch:
weights are passed as addresses, and the caller keeps them alive.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir as ir
import numpy as np
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from qwen3tts_webui.model.cpu.jit import compile_kernel
from qwen3tts_webui.model.cpu.layer_functions import (
    MATH,
    add,
    attend_with_head,
    rms_norm,
    rotary_angles,
    silu_mul,
    to_float32,
)

_LANES = 16  # float32 values in the widest register; LLVM splits it for narrower processors
_SUMS = 4  # independent sums per row, so that products do not wait for each other
_UNROLLED = _LANES * _SUMS
_PREFETCH_BYTES = 12_288  # prefetch distance; the fastest of 2 to 32 KB

_F32, _I8, _I32, _I64 = ir.FloatType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_F32, _LANES)


def _dots(rows: int) -> Any:
    """Build an intrinsic: dot products of one row of weights with `rows` rows of x.

    (kind, address of the weights, x (any, n) float32, first row, n) -> `rows` float32; `kind` is any value of the
    weights' dtype. Sums over the first n - n % 64 values.
    """

    @intrinsic
    def dots(_context: Any, kind: Any, address: Any, x: Any, first: Any, n: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            _, address, x, first, n = args
            number = signature.args[0]
            size = {types.int8: 1, types.uint16: 2, types.float32: 4}[number]
            array = context.make_array(signature.args[2])(context, builder, x)
            width = builder.extract_value(array.strides, 0)
            x_rows = [
                builder.gep(
                    builder.bitcast(array.data, _I8.as_pointer()),
                    [builder.mul(builder.add(first, _I64(row)), width)],
                )
                for row in range(rows)
            ]
            weights = builder.inttoptr(address, _I8.as_pointer())
            zero = ir.Constant(_VECTOR, [0.0] * _LANES)
            sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(_SUMS)] for _ in range(rows)]
            byte_vector = ir.VectorType(_I8, _LANES)
            short_vector, int_vector = ir.VectorType(ir.IntType(16), _LANES), ir.VectorType(_I32, _LANES)
            with cgutils.for_range_slice(builder, _I64(0), n, _I64(_UNROLLED), _I64) as (start, _):
                here = builder.gep(weights, [builder.mul(start, _I64(size))])
                for line in range(size):
                    _prefetch(builder, builder.gep(here, [_I64(_PREFETCH_BYTES + 64 * line)]))
                for part in range(_SUMS):
                    place = builder.gep(here, [_I64(part * _LANES * size)])
                    if size == 1:
                        small = builder.load(builder.bitcast(place, byte_vector.as_pointer()), align=1)
                        weight = builder.sitofp(small, _VECTOR)
                    elif size == 2:
                        half = builder.load(builder.bitcast(place, short_vector.as_pointer()), align=2)
                        high = builder.shl(builder.zext(half, int_vector), ir.Constant(int_vector, [16] * _LANES))
                        weight = builder.bitcast(high, _VECTOR)
                    else:
                        weight = builder.load(builder.bitcast(place, _VECTOR.as_pointer()), align=4)
                    offset = builder.mul(builder.add(start, _I64(part * _LANES)), _I64(4))
                    for row in range(rows):
                        source = builder.bitcast(builder.gep(x_rows[row], [offset]), _VECTOR.as_pointer())
                        _add_product(builder, sums[row][part], weight, builder.load(source, align=4))
            totals = [_total(builder, [builder.load(part) for part in row]) for row in sums]
            return context.make_tuple(builder, signature.return_type, totals)

        return types.UniTuple(types.float32, rows)(kind, types.int64, x, types.int64, types.int64), generate

    return dots


def _prefetch(builder: Any, pointer: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(prefetch, [pointer, _I32(0), _I32(2), _I32(1)])  # read, second-level cache, data


def _add_product(builder: Any, total: Any, a: Any, b: Any) -> None:
    kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, _VECTOR])
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{_LANES}f32")
    builder.store(builder.call(fma, [a, b, builder.load(total)]), total)


def _total(builder: Any, parts: list[Any]) -> Any:
    together = builder.fadd(builder.fadd(parts[0], parts[1]), builder.fadd(parts[2], parts[3]))
    kind = ir.FunctionType(_F32, [_F32, _VECTOR])
    reduce = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{_LANES}f32")
    return builder.call(reduce, [_F32(0.0), together], fastmath=["reassoc"])


_dots_1, _dots_2, _dots_4 = _dots(1), _dots(2), _dots(4)


@intrinsic
def _value_at(_context: Any, kind: Any, address: Any) -> Any:
    """Load a value of the type of `kind` from an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = context.get_value_type(signature.args[0]).as_pointer()
        return builder.load(builder.inttoptr(args[1], pointer))

    return kind(kind, types.int64), generate


@register_jitable(fastmath=MATH)
def _multiply(kind: Any, size: Any, weights: Any, n: Any, scales: Any, x: Any, out: Any, begin: Any, end: Any) -> None:
    """out[:, begin..end] = x · weights[begin..end]; `weights` is an address, with n values of `size` bytes per row."""
    rows, whole = len(x), n - n % _UNROLLED
    for o in range(begin, end):
        address = weights + o * n * size
        row = 0
        while row + 4 <= rows:
            a, b, c, d = _dots_4(kind, address, x, row, whole)
            out[row, o], out[row + 1, o], out[row + 2, o], out[row + 3, o] = a, b, c, d
            row += 4
        if row + 2 <= rows:
            a, b = _dots_2(kind, address, x, row, whole)
            out[row, o], out[row + 1, o] = a, b
            row += 2
        if row < rows:
            out[row, o] = _dots_1(kind, address, x, row, whole)[0]
        for row in range(rows):
            total = out[row, o]
            for i in range(whole, n):
                total += to_float32(_value_at(kind, address + i * size)) * x[row, i]
            out[row, o] = total * scales[o]


@compile_kernel(MATH)
def run_stack(
    kind: Any,
    size: Any,
    addresses: Any,
    scales: Any,
    norms: Any,
    qk_norms: Any,
    last_norm: Any,
    eps: Any,
    frequencies: Any,
    intermediate: Any,
    x: Any,
    slots: Any,
    positions: Any,
    kv: Any,
    out: Any,
    blocks: Any,
) -> None:
    """All layers and the last norm: x (rows, hidden) float32, which is overwritten -> `out`, of the same shape.

    Each row is at its `slots` and `positions` (rows,) int64; rows of one slot are in the order of their positions.
    `kind` is a value of the weights' dtype, `size` its bytes; `addresses` (layers, 4) int64: of each layer's qkv, o,
    gate with up, and down; `scales`: four arrays (layers, out) float32. `norms` (layers, 2, hidden),
    `qk_norms` (layers, 2, head_dim), `last_norm` (hidden,), `frequencies` (head_dim / 2,) float32. `kv` (layers, 2,
    slots, kv_heads, length, head_dim) float32, or bfloat16 as uint16. `blocks`: number of blocks
    for the threads.
    """
    layers, _, _, kv_heads, length, head_dim = kv.shape
    rows, hidden = x.shape
    width = scales[0].shape[1] - 2 * kv_heads * head_dim
    group = width // kv_heads
    normalized = np.empty((max(blocks, kv_heads), rows, hidden), np.float32)
    qkv = np.empty((rows, width + 2 * kv_heads * head_dim), np.float32)
    attended = np.empty((rows, width), np.float32)
    gate_up = np.empty((rows, 2 * intermediate), np.float32)
    active = np.empty((rows, intermediate), np.float32)
    summand = np.empty((rows, hidden), np.float32)
    scores = np.empty((kv_heads, length), np.float32)
    cosine, sine = np.empty((rows, head_dim // 2), np.float32), np.empty((rows, head_dim // 2), np.float32)
    rotary_angles(positions, frequencies, cosine, sine)
    for layer in range(layers):
        for head in prange(kv_heads):
            rms_norm(x, norms[layer, 0], eps, normalized[head])
            key = width + head * head_dim
            value = key + kv_heads * head_dim
            for begin, end in ((head * group, (head + 1) * group), (key, key + head_dim), (value, value + head_dim)):
                _multiply(kind, size, addresses[layer, 0], hidden, scales[0][layer], normalized[head], qkv, begin, end)
            attend_with_head(
                head, qkv, qk_norms[layer], eps, cosine, sine, slots, positions, kv[layer], scores[head], attended
            )
        for block in prange(blocks):
            begin, end = block * hidden // blocks, (block + 1) * hidden // blocks
            _multiply(kind, size, addresses[layer, 1], width, scales[1][layer], attended, summand, begin, end)
            add(x, summand, begin, end)
        for block in prange(blocks):
            begin, end = block * intermediate // blocks, (block + 1) * intermediate // blocks
            rms_norm(x, norms[layer, 1], eps, normalized[block])
            for skip in (0, intermediate):
                _multiply(
                    kind,
                    size,
                    addresses[layer, 2],
                    hidden,
                    scales[2][layer],
                    normalized[block],
                    gate_up,
                    skip + begin,
                    skip + end,
                )
            silu_mul(gate_up, active, begin, end)
        for block in prange(blocks):
            begin, end = block * hidden // blocks, (block + 1) * hidden // blocks
            _multiply(kind, size, addresses[layer, 3], intermediate, scales[3][layer], active, summand, begin, end)
            add(x, summand, begin, end)
    rms_norm(x, last_norm, eps, out)


@compile_kernel(MATH)
def run_linear(kind: Any, size: Any, address: Any, scales: Any, x: Any, out: Any, blocks: Any) -> None:
    """out (rows, features) = x (rows, n) · Wᵀ, float32; the weights as in `run_stack`, `scales` (features,)."""
    features = out.shape[1]
    for block in prange(blocks):
        begin, end = block * features // blocks, (block + 1) * features // blocks
        _multiply(kind, size, address, x.shape[1], scales, x, out, begin, end)
