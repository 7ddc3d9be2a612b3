"""Compiled CPU kernels of linear layers and decoder stacks with 8-bit or 4-bit weights.

Rows are quantized before each product, with one scale per row, and integer sums are exact, so the result of a row does
not depend on the rest of the batch. `integer_dots` defines the layout and the instruction sets. No torch: weights are
passed as addresses, and the caller keeps them alive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange
from numba.extending import overload, register_jitable

from qwen3tts_webui.model.cpu.integer_dots import HIGH, HIGH_LEVELS, LOW_LEVELS, MADD, VNNI_512, tile_dots
from qwen3tts_webui.model.cpu.integer_products import GROUP, TILE
from qwen3tts_webui.model.cpu.jit import compile_kernel
from qwen3tts_webui.model.cpu.layer_functions import MATH, add, attend_with_head, rms_norm, rotary_angles, silu_mul

_dots_1, _dots_2, _dots_4, _dots_8 = tile_dots(1), tile_dots(2), tile_dots(4), tile_dots(8)


@register_jitable(fastmath=MATH)
def _step_size(x: Any, levels: Any) -> Any:
    """The step size of a quantized row; NaN if the row has NaN or Inf."""
    peak, not_finite = np.float32(1e-30), np.float32(0)
    for i in range(len(x)):
        peak = max(peak, abs(x[i]))
        not_finite += x[i] * np.float32(0)
    if not_finite != 0:
        return np.float32(np.nan)
    return peak / np.float32(levels)


@register_jitable
def _padded(inputs: Any) -> Any:
    return -(-inputs // GROUP) * GROUP


def _quantize(instructions: Any, levels: Any, x: Any, q: Any, sums: Any) -> Any:
    """Quantize one row x (k,) into q (padded k,) int16; return its step size."""
    raise TypeError(instructions, levels)


@overload(_quantize)
def _quantize_as(instructions: Any, levels: Any, x: Any, q: Any, sums: Any) -> Any:
    high = levels == HIGH
    steps = HIGH_LEVELS if high or instructions == MADD else LOW_LEVELS

    def to_shorts(instructions: Any, levels: Any, x: Any, q: Any, sums: Any) -> Any:
        step = _step_size(x, steps)
        factor = np.float32(1) / step if step == step else np.float32(0)
        for i in range(len(x)):
            q[i] = np.int16(np.int32(np.rint(x[i] * factor)))
        q[len(x) :] = 0
        return step

    def to_bytes(instructions: Any, levels: Any, x: Any, q: Any, sums: Any) -> Any:
        step = _step_size(x, steps)
        factor = np.float32(1) / step if step == step else np.float32(0)
        k = len(q)
        planes = q.view(np.int8)
        q[:] = 0
        for i in range(len(x)):
            value = np.int32(np.rint(x[i] * factor))
            if high:
                planes[i] = np.int8(value >> 6)
                planes[k + i] = np.int8(value & 63)
            else:
                planes[i] = np.int8(value)
        for plane in range(2 if high else 1):
            for group in range(k // GROUP):
                total = np.int32(0)
                for i in range(GROUP):
                    total += planes[plane * k + group * GROUP + i]
                sums[plane * (k // GROUP) + group] = total
        return step

    return to_shorts if instructions == MADD else to_bytes


@register_jitable(fastmath=MATH)
def _quantize_rows(instructions: Any, levels: Any, x: Any, q: Any, sums: Any, steps: Any) -> None:
    for row in range(len(x)):
        steps[row] = _quantize(instructions, levels, x[row], q[row], sums[row])


def _tile(weights: Any, instructions: Any, levels: Any, address: Any, q: Any, sums: Any, out: Any, output: Any) -> None:
    """out[:, output..output+16] = the tile at `address` times all rows, without their scales."""
    raise TypeError(weights, instructions, levels)


@overload(_tile)
def _tile_as(
    weights: Any, instructions: Any, levels: Any, address: Any, q: Any, sums: Any, out: Any, output: Any
) -> Any:
    # as many rows at once as registers allow
    def up_to_eight(
        weights: Any, instructions: Any, levels: Any, address: Any, q: Any, sums: Any, out: Any, output: Any
    ) -> None:
        rows, k, row = q.shape[0], q.shape[1], 0
        while row + 8 <= rows:
            _dots_8(weights, instructions, levels, address, q, sums, out, row, output, k)
            row += 8
        if row + 4 <= rows:
            _dots_4(weights, instructions, levels, address, q, sums, out, row, output, k)
            row += 4
        if row + 2 <= rows:
            _dots_2(weights, instructions, levels, address, q, sums, out, row, output, k)
            row += 2
        if row < rows:
            _dots_1(weights, instructions, levels, address, q, sums, out, row, output, k)

    def up_to_two(
        weights: Any, instructions: Any, levels: Any, address: Any, q: Any, sums: Any, out: Any, output: Any
    ) -> None:
        rows, k, row = q.shape[0], q.shape[1], 0
        while row + 2 <= rows:
            _dots_2(weights, instructions, levels, address, q, sums, out, row, output, k)
            row += 2
        if row < rows:
            _dots_1(weights, instructions, levels, address, q, sums, out, row, output, k)

    return up_to_eight if instructions == VNNI_512 else up_to_two


@register_jitable(fastmath=MATH)
def _product(
    weights: Any,
    instructions: Any,
    levels: Any,
    address: Any,
    tile_bytes: Any,
    scales: Any,
    q: Any,
    sums: Any,
    steps: Any,
    out: Any,
    begin: Any,
    end: Any,
) -> None:
    """Tiles begin..end of the weights at `address`, `tile_bytes` each, times all rows; out (rows, padded outputs)."""
    for tile in range(begin, end):
        start = tile * TILE
        _tile(weights, instructions, levels, address + tile * tile_bytes, q, sums, out, start)
        for row in range(len(out)):
            for i in range(start, start + TILE):
                out[row, i] *= steps[row] * scales[i]


@compile_kernel(MATH)
def run_integer_linear(
    weights: Any,
    instructions: Any,
    levels: Any,
    address: Any,
    tile_bytes: Any,
    scales: Any,
    x: Any,
    k: Any,
    out: Any,
    blocks: Any,
) -> None:
    """out (rows, padded outputs) = x (rows, inputs) float32 times the weights; `scales` (padded outputs,) float32.

    `weights`, `instructions`, `levels` are tags; `k`: inputs, padded.
    """
    rows = len(x)
    q = np.empty((rows, k), np.int16)
    sums = np.empty((rows, 2 * k // GROUP), np.int32)
    steps = np.empty(rows, np.float32)
    for block in prange(blocks):
        begin, end = block * rows // blocks, (block + 1) * rows // blocks
        _quantize_rows(instructions, levels, x[begin:end], q[begin:end], sums[begin:end], steps[begin:end])
    tiles = len(scales) // TILE
    for block in prange(blocks):
        begin, end = block * tiles // blocks, (block + 1) * tiles // blocks
        _product(weights, instructions, levels, address, tile_bytes, scales, q, sums, steps, out, begin, end)


@register_jitable(fastmath=MATH)
def _linear_block(
    weights: Any,
    instructions: Any,
    levels: Any,
    address: Any,
    tile_bytes: Any,
    scales: Any,
    x: Any,
    quantized: Any,
    sums: Any,
    steps: Any,
    out: Any,
    block: Any,
    blocks: Any,
) -> Any:
    """Block `block` of `blocks` of `run_integer_linear`, which quantizes all rows of `x` for itself.

    `quantized`, `sums`, `steps` are scratch space. Returns which columns of `out` are done: the first, and one past
    the last.
    """
    rows, inputs = x.shape
    k = _padded(inputs)
    q = quantized[: rows * k].reshape(rows, k)
    _quantize_rows(instructions, levels, x, q, sums, steps)
    tiles = len(scales) // TILE
    begin, end = block * tiles // blocks, (block + 1) * tiles // blocks
    _product(weights, instructions, levels, address, tile_bytes, scales, q, sums, steps, out, begin, end)
    return begin * TILE, end * TILE


@compile_kernel(MATH)
def run_integer_stack(
    weights: Any,
    instructions: Any,
    levels: Any,
    addresses: Any,
    tile_bytes: Any,
    scales: Any,
    norms: Any,
    qk_norms: Any,
    last_norm: Any,
    eps: Any,
    frequencies: Any,
    width: Any,
    intermediate: Any,
    x: Any,
    slots: Any,
    positions: Any,
    kv: Any,
    out: Any,
    blocks: Any,
) -> None:
    """All layers and the last norm, as `decoder_kernels.run_stack`, with integer weights.

    `weights`, `instructions` and `levels` are tags. `addresses` (layers, 4) and `tile_bytes` (4,) int64, in the order
    qkv, o, gate with up, down; `scales`: four arrays (layers, padded outputs) float32. `width`: of all query heads.
    """
    layers, _, _, kv_heads, length, head_dim = kv.shape
    rows, hidden = x.shape
    most = _padded(max(hidden, width, intermediate))
    normalized = np.empty((blocks, rows, hidden), np.float32)
    quantized = np.empty((blocks, rows * most), np.int16)
    sums = np.empty((blocks, rows, 2 * most // GROUP), np.int32)
    steps = np.empty((blocks, rows), np.float32)
    qkv = np.empty((rows, scales[0].shape[1]), np.float32)
    attended = np.empty((rows, width), np.float32)
    gate_up = np.empty((rows, scales[2].shape[1]), np.float32)
    active = np.empty((rows, intermediate), np.float32)
    summand = np.empty((rows, scales[1].shape[1]), np.float32)
    scores = np.empty((kv_heads, length), np.float32)
    cosine, sine = np.empty((rows, head_dim // 2), np.float32), np.empty((rows, head_dim // 2), np.float32)
    rotary_angles(positions, frequencies, cosine, sine)
    for layer in range(layers):
        for block in prange(blocks):
            rms_norm(x, norms[layer, 0], eps, normalized[block])
            _linear_block(
                weights, instructions, levels, addresses[layer, 0], tile_bytes[0], scales[0][layer],
                normalized[block], quantized[block], sums[block], steps[block], qkv, block, blocks,
            )  # fmt: skip
        for head in prange(kv_heads):
            attend_with_head(
                head, qkv, qk_norms[layer], eps, cosine, sine, slots, positions, kv[layer], scores[head], attended
            )
        for block in prange(blocks):
            begin, end = _linear_block(
                weights, instructions, levels, addresses[layer, 1], tile_bytes[1], scales[1][layer],
                attended, quantized[block], sums[block], steps[block], summand, block, blocks,
            )  # fmt: skip
            add(x, summand, begin, min(end, hidden))
        for block in prange(blocks):
            rms_norm(x, norms[layer, 1], eps, normalized[block])
            _linear_block(
                weights, instructions, levels, addresses[layer, 2], tile_bytes[2], scales[2][layer],
                normalized[block], quantized[block], sums[block], steps[block], gate_up, block, blocks,
            )  # fmt: skip
        for block in prange(blocks):
            begin, end = block * intermediate // blocks, (block + 1) * intermediate // blocks
            silu_mul(gate_up, active, begin, end)
        for block in prange(blocks):
            begin, end = _linear_block(
                weights, instructions, levels, addresses[layer, 3], tile_bytes[3], scales[3][layer],
                active, quantized[block], sums[block], steps[block], summand, block, blocks,
            )  # fmt: skip
            add(x, summand, begin, min(end, hidden))
    rms_norm(x, last_norm, eps, out)
