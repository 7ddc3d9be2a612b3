"""Tile sizes of the matrix products of the fused codec."""

from __future__ import annotations

from dataclasses import dataclass

MIN_TILE = 16  # tensor cores need tiles of at least this size
COUNTERS = 256
"""The largest number of tiles of a product with split sums."""
_BUSY_PROGRAMS = 132  # enough to keep a large GPU busy
_MIN_STEPS = 8


@dataclass(frozen=True, slots=True)
class Tiles:
    """Rows, outputs and inputs per program; `splits` programs share a sum, with `steps` blocks of inputs each."""

    rows: int
    outs: int
    ins: int
    splits: int
    steps: int


def tiles_of(rows: int, size_in: int, size_out: int, taps: int, *, whole: bool) -> Tiles:
    """Choose the tiles of a product; with `whole`, sums are not split."""
    tall = MIN_TILE if rows <= 16 else 32 if rows <= 64 else 64
    ins = 64 if size_in % 64 == 0 and tall < 64 else min(32, max(MIN_TILE, power_of_two(size_in)))
    outs = MIN_TILE if (whole and rows <= 16) or size_out <= MIN_TILE else 32
    if size_out % 64 == 0 and _over(rows, 64) * (size_out // 64) >= 2 * _BUSY_PROGRAMS:
        outs = 64
    tiles, steps = _over(rows, tall) * _over(size_out, outs), _over(size_in, ins) * taps
    splits = 1
    if not whole and tiles <= _BUSY_PROGRAMS:
        splits = max(1, min(2 * _BUSY_PROGRAMS // tiles, steps // _MIN_STEPS))
    each = _over(steps, splits)
    return Tiles(tall, outs, ins, _over(steps, each), each)


def power_of_two(number: int) -> int:
    """The smallest power of two that is at least `number`."""
    return 1 << (number - 1).bit_length()


def _over(size: int, part: int) -> int:
    return -(-size // part)
