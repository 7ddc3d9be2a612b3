"""Products of a few weights with a few rows, as LLVM instructions: 16-bit ones in pairs, or bytes in fours.

Both classes have the same methods, which `integer_dots` calls in this order: `new_sums`, then for each 64 bytes
`widen` (int8) or `nibbles` (int4) and `add_products`, and last `totals` or, for each group of int4, `group_floats`.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir as ir
from numba.core import cgutils

from qwen3tts_webui.model.cpu.jit import has_features

TILE = 16  # outputs
GROUP = 32  # inputs with one scale in int4; inputs are padded to a multiple of it
_PLANE = 64  # a high-level value is _PLANE * high byte + low byte

_F32, _I8, _I16, _I32, _I64 = ir.FloatType(), ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64)


def prefetch(builder: Any, pointer: Any) -> None:
    """Prefetch into the second-level cache."""
    kind = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])
    builder.call(
        cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0"), [pointer, _I32(0), _I32(2), _I32(1)]
    )


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(a.type, [a.type] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{a.type.count}f32"), [a, b, c])


def _splat(builder: Any, value: Any, count: int) -> Any:
    one = builder.insert_element(ir.Constant(ir.VectorType(value.type, count), ir.Undefined), value, _I32(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(_I32, count), [0] * count))


def _pick(builder: Any, vector: Any, places: list[int]) -> Any:
    return builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(_I32, len(places)), places))


def _bfloat16(builder: Any, pointer: Any, count: int) -> Any:
    short, whole = ir.VectorType(_I16, count), ir.VectorType(_I32, count)
    half = builder.load(builder.bitcast(pointer, short.as_pointer()), align=2)
    bits = builder.shl(builder.zext(half, whole), ir.Constant(whole, [16] * count))
    return builder.bitcast(bits, ir.VectorType(_F32, count))


class ShortProducts:
    """16-bit products, summed in pairs: 4 outputs per register, two sums per output."""

    parts = 4
    float_kinds = [ir.VectorType(_F32, 8)] * 4

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.rows: list[Any] = []
        self.sums: list[Any] = []
        self.k: Any = None

    def new_sums(self, _group: Any = None) -> list[Any]:
        zero = ir.Constant(ir.VectorType(_I32, 8), [0] * 8)
        return [cgutils.alloca_once_value(self.builder, zero) for _ in range(4 * len(self.rows))]

    def widen(self, part: Any) -> Any:
        return self.builder.sext(part, ir.VectorType(_I16, 16))

    def nibbles(self, part: Any) -> Any:
        return self.widen(self.builder.sub(part, ir.Constant(part.type, [8] * 16)))

    def add_products(self, places: list[Any], weights: list[Any], k: Any) -> None:
        builder = self.builder
        for row, start in enumerate(self.rows):
            pointer = builder.gep(start, [builder.mul(k, _I64(2))])
            four = builder.load(builder.bitcast(pointer, _I64.as_pointer()), align=2)
            x = builder.bitcast(_splat(builder, four, 4), ir.VectorType(_I16, 16))
            for part, weight in enumerate(weights):
                place = places[4 * row + part]
                builder.store(builder.add(builder.load(place), self._products(weight, x)), place)

    def _products(self, a: Any, b: Any) -> Any:
        builder, whole = self.builder, ir.VectorType(_I32, 8)
        if has_features("avx2"):
            kind = ir.FunctionType(whole, [a.type, a.type])
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pmadd.wd"), [a, b])
        wide = ir.VectorType(_I32, 16)
        product = builder.mul(builder.sext(a, wide), builder.sext(b, wide))
        even, odd = _pick(builder, product, list(range(0, 16, 2))), _pick(builder, product, list(range(1, 16, 2)))
        return builder.add(even, odd)

    def totals(self, sums: list[Any]) -> list[list[Any]]:
        return [self.finish(row) for row in self.group_floats(sums)]

    def group_floats(self, sums: list[Any]) -> list[list[Any]]:
        floats = [self.builder.sitofp(part, self.float_kinds[0]) for part in sums]
        return [floats[4 * row : 4 * row + 4] for row in range(len(self.rows))]

    def scales(self, pointer: Any) -> list[Any]:
        builder = self.builder
        fours = [_bfloat16(builder, builder.gep(pointer, [_I64(8 * part)]), 4) for part in range(4)]
        return [_pick(builder, four, [0, 0, 1, 1, 2, 2, 3, 3]) for four in fours]

    def finish(self, row: list[Any]) -> list[Any]:
        builder = self.builder
        return [builder.fadd(_pick(builder, part, [0, 2, 4, 6]), _pick(builder, part, [1, 3, 5, 7])) for part in row]


class ByteProducts:
    """Byte products, summed in fours: unsigned weights times signed rows, which come in one or two planes of bytes."""

    def __init__(self, builder: Any, parts: int, high: bool) -> None:
        self.builder = builder
        self.parts = parts
        self.count = TILE // parts
        self.planes = 2 if high else 1
        self.kind = ir.VectorType(_I32, self.count)
        self.float_kinds = [ir.VectorType(_F32, self.count)] * parts
        self.rows: list[Any] = []
        self.sums: list[Any] = []
        self.k: Any = None

    def new_sums(self, group: Any = None) -> list[Any]:
        """Zeros, or -8 times the sum of the row's group, because nibbles are stored plus 8."""
        builder = self.builder
        if group is None:
            zero = ir.Constant(self.kind, [0] * self.count)
            return [cgutils.alloca_once_value(builder, zero) for _ in range(len(self.rows) * self.planes * self.parts)]
        places = []
        for row in range(len(self.rows)):
            for plane in range(self.planes):
                start = _splat(builder, builder.mul(self._sum_of(row, plane, group), _I32(-8)), self.count)
                for _ in range(self.parts):
                    place = cgutils.alloca_once(builder, self.kind)
                    builder.store(start, place)
                    places.append(place)
        return places

    def _sum_of(self, row: int, plane: int, group: Any) -> Any:
        builder = self.builder
        index = builder.add(group, builder.mul(_I64(plane), builder.udiv(self.k, _I64(GROUP))))
        pointer = builder.gep(self.sums[row], [builder.mul(index, _I64(4))])
        return builder.load(builder.bitcast(pointer, _I32.as_pointer()), align=4)

    def widen(self, part: Any) -> Any:
        """Signed to unsigned: plus 128, which `totals` subtracts."""
        return self.nibbles(self.builder.xor(part, ir.Constant(part.type, [-128] * part.type.count)))

    def nibbles(self, part: Any) -> Any:
        return self.builder.bitcast(part, self.kind)

    def add_products(self, places: list[Any], weights: list[Any], k: Any) -> None:
        builder = self.builder
        for row, start in enumerate(self.rows):
            for plane in range(self.planes):
                offset = builder.add(k, builder.mul(self.k, _I64(plane)))
                pointer = builder.bitcast(builder.gep(start, [offset]), _I32.as_pointer())
                x = _splat(builder, builder.load(pointer, align=1), self.count)
                for part, weight in enumerate(weights):
                    place = places[(row * self.planes + plane) * self.parts + part]
                    builder.store(self._products(builder.load(place), weight, x), place)

    def _products(self, total: Any, weight: Any, x: Any) -> Any:
        builder, bits = self.builder, 32 * self.count
        has = has_features("avx512vnni", "avx512f") if bits == 512 else has_vnni_256()
        if has:
            name = f"llvm.x86.avx512.vpdpbusd.{bits}"  # AVX-VNNI has the same intrinsic
            kind = ir.FunctionType(self.kind, [self.kind] * 3)
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [total, weight, x])
        eights = ir.Constant(self.kind, [8] * self.count)
        low, shift = ir.Constant(self.kind, [255] * self.count), ir.Constant(self.kind, [24] * self.count)
        for _ in range(4):
            signed = builder.ashr(builder.shl(x, shift), shift)
            total = builder.add(total, builder.mul(builder.and_(weight, low), signed))
            weight, x = builder.lshr(weight, eights), builder.lshr(x, eights)
        return total

    def totals(self, sums: list[Any]) -> list[list[Any]]:
        builder = self.builder
        corrected = []
        for row in range(len(self.rows)):
            for plane in range(self.planes):
                total = cgutils.alloca_once_value(builder, _I32(0))
                with cgutils.for_range(builder, builder.udiv(self.k, _I64(GROUP)), intp=_I64) as loop:
                    builder.store(builder.add(builder.load(total), self._sum_of(row, plane, loop.index)), total)
                shift = _splat(builder, builder.mul(builder.load(total), _I32(128)), self.count)
                at = (row * self.planes + plane) * self.parts
                corrected += [builder.sub(part, shift) for part in sums[at : at + self.parts]]
        return self.group_floats(corrected)

    def group_floats(self, sums: list[Any]) -> list[list[Any]]:
        builder = self.builder
        floats = [builder.sitofp(part, self.float_kinds[0]) for part in sums]
        out = []
        for row in range(len(self.rows)):
            at = row * self.planes * self.parts
            parts = floats[at : at + self.parts]
            if self.planes == 2:
                weight = ir.Constant(self.float_kinds[0], [float(_PLANE)] * self.count)
                parts = [
                    multiply_add(builder, high, weight, low)
                    for high, low in zip(parts, floats[at + self.parts : at + 2 * self.parts], strict=True)
                ]
            out.append(parts)
        return out

    def scales(self, pointer: Any) -> list[Any]:
        builder = self.builder
        return [
            _bfloat16(builder, builder.gep(pointer, [_I64(2 * self.count * part)]), self.count)
            for part in range(self.parts)
        ]

    def finish(self, row: list[Any]) -> list[Any]:
        return row


def has_vnni_256() -> bool:
    """Whether 256-bit `vpdpbusd` exists: AVX-VNNI, or AVX512-VNNI with VL."""
    return has_features("avxvnni") or has_features("avx512vnni", "avx512vl")
