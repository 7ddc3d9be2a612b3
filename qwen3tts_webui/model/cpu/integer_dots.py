"""Integer dot products of one tile of weights with a few rows, as LLVM instructions for this processor.

A tile is 16 outputs. Its weights are stored 4 inputs at a time: 16 outputs x 4 inputs are 64 bytes in int8 and half of
64 bytes in int4, where a byte holds inputs k (low nibble) and k + 4 (high nibble), each plus 8, and every 32 inputs are
followed by 16 scales in bfloat16. Sums are exact in 32 bits; rows are quantized to `HIGH_LEVELS` or `LOW_LEVELS`.

Three instruction sets, chosen by a tag: `MADD` multiplies 16-bit values (`vpmaddwd`; SSE2 and NEON have
equivalents), `VNNI_256` and `VNNI_512` multiply bytes (`vpdpbusd`, which does not saturate, unlike `vpmaddubsw`).
Without the instruction, plain arithmetic is used, so that every tag works on every processor.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir as ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from qwen3tts_webui.model.cpu.integer_products import GROUP, TILE, ByteProducts, ShortProducts, multiply_add, prefetch

HIGH_LEVELS = 4095  # the sums of `integer_weights.MAX_INPUTS` inputs stay below 2**31
LOW_LEVELS = 127
_PREFETCH_BYTES = 12_288  # prefetch distance

# tags: the type of the value selects, the value is ignored
MADD, VNNI_256, VNNI_512 = types.int16, types.int32, types.int64
INT8, INT4 = types.int8, types.uint8
HIGH, LOW = types.float64, types.float32

_I8, _I64 = ir.IntType(8), ir.IntType(64)


def tile_dots(rows: int) -> Any:
    """Build an intrinsic: products of one tile with `rows` rows, written as float32.

    (weights tag, instruction tag, levels tag, address of the tile, quantized rows (any, k) int16, sums of the rows
    (any, 2, groups) int32, out (any, any) float32, first row, first output, k).
    """

    @intrinsic
    def dots(
        _context: Any,
        weights: Any,
        instructions: Any,
        levels: Any,
        address: Any,
        x: Any,
        sums: Any,
        out: Any,
        first: Any,
        output: Any,
        k: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            number, tag, level = signature.args[:3]
            _, _, _, address, x, sums, out, first, output, k = args
            products: Any = (
                ShortProducts(builder)
                if tag == MADD
                else ByteProducts(builder, 2 if tag == VNNI_256 else 1, level == HIGH)
            )
            products.rows = [_row(context, builder, signature.args[4], x, first, row) for row in range(rows)]
            products.sums = [_row(context, builder, signature.args[5], sums, first, row) for row in range(rows)]
            products.k = k
            tile = builder.inttoptr(address, _I8.as_pointer())
            totals = (_int4_totals if number == INT4 else _int8_totals)(products, tile)
            for row, parts in enumerate(totals):
                target = _row(context, builder, signature.args[6], out, first, row)
                target = builder.gep(target, [builder.mul(output, _I64(4))])
                for place, part in enumerate(parts):
                    pointer = builder.gep(target, [_I64(place * 4 * part.type.count)])
                    builder.store(part, builder.bitcast(pointer, part.type.as_pointer()), align=4)
            return context.get_dummy_value()

        signature = types.void(weights, instructions, levels, types.int64, x, sums, out, *[types.int64] * 3)
        return signature, generate

    return dots


def _row(context: Any, builder: Any, kind: Any, array: Any, first: Any, row: int) -> Any:
    """The address of a row of an array."""
    made = context.make_array(kind)(context, builder, array)
    width = builder.extract_value(made.strides, 0)
    start = builder.bitcast(made.data, _I8.as_pointer())
    return builder.gep(start, [builder.mul(builder.add(first, _I64(row)), width)])


def _int8_totals(products: Any, tile: Any) -> list[list[Any]]:
    builder = products.builder
    sets = 2 if len(products.rows) == 1 else 1  # independent sums, so that products do not wait for each other
    groups = [products.new_sums() for _ in range(sets)]
    # several rows fill the registers: unrolled further, LLVM would regroup the sums and spill them
    quads = GROUP // 4 if sets == 2 else 2
    with cgutils.for_range_slice(builder, _I64(0), products.k, _I64(4 * quads), _I64) as (start, _):
        here = builder.gep(tile, [builder.mul(start, _I64(TILE))])
        for quad in range(quads):
            prefetch(builder, builder.gep(here, [_I64(_PREFETCH_BYTES + 64 * quad)]))
            parts = [products.widen(part) for part in _load_parts(products, here, 64 * quad)]
            products.add_products(groups[quad % sets], parts, builder.add(start, _I64(4 * quad)))
    loaded = [[builder.load(place) for place in places] for places in groups]
    if sets == 2:
        loaded = [[builder.add(a, b) for a, b in zip(*loaded, strict=True)]]
    return products.totals(loaded[0])  # type: ignore[no-any-return]


def _int4_totals(products: Any, tile: Any) -> list[list[Any]]:
    builder = products.builder
    floats = [
        [cgutils.alloca_once_value(builder, ir.Constant(kind, [0.0] * kind.count)) for kind in products.float_kinds]
        for _ in products.rows
    ]
    group_bytes = GROUP * TILE // 2 + 2 * TILE
    with cgutils.for_range_slice(builder, _I64(0), products.k, _I64(GROUP), _I64) as (start, _):
        group = builder.udiv(start, _I64(GROUP))
        here = builder.gep(tile, [builder.mul(group, _I64(group_bytes))])
        for line in range(5):
            prefetch(builder, builder.gep(here, [_I64(_PREFETCH_BYTES + 64 * line)]))
        places = products.new_sums(group)
        if len(products.rows) == 1:
            for pair in range(GROUP // 8):
                _add_nibbles(products, places, builder.gep(here, [_I64(64 * pair)]), builder.add(start, _I64(8 * pair)))
        else:
            with cgutils.for_range(builder, _I64(GROUP // 8), intp=_I64) as loop:
                pair = builder.gep(here, [builder.mul(loop.index, _I64(64))])
                _add_nibbles(products, places, pair, builder.add(start, builder.mul(loop.index, _I64(8))))
        scales = products.scales(builder.gep(here, [_I64(GROUP * TILE // 2)]))
        for row, sums in enumerate(products.group_floats([builder.load(place) for place in places])):
            for place, scale, part in zip(floats[row], scales, sums, strict=True):
                builder.store(multiply_add(builder, part, scale, builder.load(place)), place)
    return [products.finish([builder.load(place) for place in row]) for row in floats]


def _add_nibbles(products: Any, places: list[Any], here: Any, k: Any) -> None:
    """Add the products of 8 inputs from `k` on, 64 bytes."""
    builder, raw = products.builder, _load_parts(products, here, 0)
    mask = ir.Constant(raw[0].type, [15] * raw[0].type.count)
    four = ir.Constant(raw[0].type, [4] * raw[0].type.count)
    products.add_products(places, [products.nibbles(builder.and_(part, mask)) for part in raw], k)
    products.add_products(places, [products.nibbles(builder.lshr(part, four)) for part in raw], builder.add(k, _I64(4)))


def _load_parts(products: Any, here: Any, offset: int) -> list[Any]:
    size = 64 // products.parts
    kind = ir.VectorType(_I8, size).as_pointer()
    builder = products.builder
    places = [builder.gep(here, [_I64(offset + part * size)]) for part in range(products.parts)]
    return [builder.load(builder.bitcast(place, kind), align=1) for place in places]
