"""How the products of the fused codec are cut into programs. Knows sizes alone."""

from __future__ import annotations

from dataclasses import dataclass

LEAST = 16  # of each side of a product on tensor cores
COUNTERS = 256
"""Tiles that a product may have while several programs share the sums of one."""
_ENOUGH = 132  # programs that keep a large GPU busy
_LEAST_STEPS = 8


@dataclass(frozen=True, slots=True)
class Tiles:
    """Rows, outputs and inputs of a program; `splits` programs share a sum, each takes `steps` blocks of inputs."""

    rows: int
    outs: int
    ins: int
    splits: int
    steps: int


def tiles_of(rows: int, size_in: int, size_out: int, taps: int, *, whole: bool) -> Tiles:
    """The tiles of a product of these sizes; with `whole` one program makes all of a sum."""
    tall = LEAST if rows <= 16 else 32 if rows <= 64 else 64
    ins = 64 if size_in % 64 == 0 and tall < 64 else min(32, max(LEAST, power_of_two(size_in)))
    outs = LEAST if (whole and rows <= 16) or size_out <= LEAST else 32
    if size_out % 64 == 0 and _over(rows, 64) * (size_out // 64) >= 2 * _ENOUGH:
        outs = 64
    tiles, steps = _over(rows, tall) * _over(size_out, outs), _over(size_in, ins) * taps
    splits = 1
    if not whole and tiles <= _ENOUGH:
        splits = max(1, min(2 * _ENOUGH // tiles, steps // _LEAST_STEPS))
    each = _over(steps, splits)
    return Tiles(tall, outs, ins, _over(steps, each), each)


def power_of_two(number: int) -> int:
    """The smallest power of two that is not below `number`."""
    return 1 << (number - 1).bit_length()


def _over(size: int, part: int) -> int:
    return -(-size // part)
