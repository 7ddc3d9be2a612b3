"""Weights quantized to 8 or 4 bits, in the tiled layout of `integer_dots`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

IntegerKind = Literal["int8", "int4"]

TILE = 16
GROUP = 32
MAX_INPUTS = 8192  # half of them, times 127 * 4095, are below 2**31: the sums of the kernels are exact
_LARGEST_INT8 = 127  # symmetric: -128 is not used


@dataclass(frozen=True, slots=True, eq=False)
class TiledWeight:
    """`data` (tiles, bytes of a tile) uint8; `scales` (tiles * 16,) float32, 0 for padding."""

    kind: IntegerKind
    data: Tensor
    scales: Tensor
    outputs: int
    inputs: int

    @property
    def padded_inputs(self) -> int:
        return -(-self.inputs // GROUP) * GROUP

    def rounded(self) -> Tensor:
        """The 8-bit integers, (outputs, inputs); int8 only."""
        tiles = self.data.view(torch.int8).view(len(self.data), -1, TILE, 4)
        return tiles.transpose(1, 2).flatten(2).flatten(0, 1)[: self.outputs, : self.inputs].contiguous()

    def unpack(self, begin: int = 0, end: int | None = None) -> Tensor:
        """The dequantized weights of tiles begin..end, (outputs, inputs) float32."""
        data, scales = self.data[begin:end], self.scales.view(-1, TILE)[begin:end]
        outputs = min(self.outputs - begin * TILE, len(data) * TILE)
        if self.kind == "int8":
            whole = data.view(torch.int8).view(len(data), -1, TILE, 4).transpose(1, 2).flatten(2).float()
        else:
            groups = data.view(len(data), -1, GROUP * TILE // 2 + 2 * TILE)
            nibbles = groups[..., : GROUP * TILE // 2].reshape(len(data), -1, GROUP // 8, TILE, 4)
            both = torch.stack((nibbles & 15, nibbles >> 4), dim=4).float() - 8  # (tile, group, eight, out, half, 4)
            values = both.permute(0, 3, 1, 2, 4, 5).reshape(len(data), TILE, -1, GROUP)
            steps = groups[..., GROUP * TILE // 2 :].contiguous().view(torch.bfloat16).float()
            whole = (values * steps.transpose(1, 2)[..., None]).flatten(2)
        return (whole * scales[..., None]).flatten(0, 1)[:outputs, : self.inputs]


def tile_bytes(kind: IntegerKind, inputs: int) -> int:
    """Bytes of one tile of `inputs` padded inputs."""
    return inputs * TILE if kind == "int8" else inputs // GROUP * (GROUP * TILE // 2 + 2 * TILE)


def tile_weight(weight: Tensor, kind: IntegerKind) -> TiledWeight:
    """Quantize `weight` (outputs, inputs). Raises ValueError for more than `MAX_INPUTS` inputs."""
    outputs, inputs = weight.shape
    if inputs > MAX_INPUTS:
        raise ValueError(f"{inputs} inputs: sums of more than {MAX_INPUTS} could overflow")
    wide = F.pad(weight.float(), (0, -inputs % GROUP, 0, -outputs % TILE))
    data, scales = _int8(wide) if kind == "int8" else _int4(wide)
    return TiledWeight(kind, data, scales, outputs, inputs)


def _int8(wide: Tensor) -> tuple[Tensor, Tensor]:
    outputs, inputs = wide.shape
    scale = wide.abs().amax(dim=1, keepdim=True).mul_(1.0 / _LARGEST_INT8)
    rounded = (wide / scale.clamp(min=1e-30)).round_().to(torch.int8)
    tiles = rounded.view(outputs // TILE, TILE, inputs // 4, 4).transpose(1, 2).contiguous()
    return tiles.view(torch.uint8).view(outputs // TILE, -1), scale.flatten()


def _int4(wide: Tensor) -> tuple[Tensor, Tensor]:
    """Groups of 32 inputs: -8..7 times a bfloat16 step, found by weighted least squares."""
    outputs, inputs = wide.shape
    groups = wide.view(outputs, inputs // GROUP, GROUP)
    values, steps = round_groups(groups)
    tiles = (values + 8).to(torch.uint8).view(outputs // TILE, TILE, inputs // GROUP, GROUP // 8, 2, 4)
    nibbles = tiles[..., 0, :] | tiles[..., 1, :] << 4  # (tile, out, group, eight, 4)
    packed = nibbles.permute(0, 2, 3, 1, 4).reshape(outputs // TILE, inputs // GROUP, -1)
    scales = steps.view(outputs // TILE, TILE, -1).transpose(1, 2).contiguous().view(torch.uint8)
    data = torch.cat((packed, scales.view(outputs // TILE, inputs // GROUP, -1)), dim=2)
    return data.flatten(1).contiguous(), torch.ones(outputs)


def round_groups(groups: Tensor) -> tuple[Tensor, Tensor]:
    """(..., 32) float32 -> integers -8..7 of the same shape and bfloat16 steps (...,).

    Several initial steps map the largest value of the group to one of the outer levels; each is fitted by least squares
    in which large weights count more, and the one with the least error is used.
    """
    importance = groups.square() + groups.square().mean(dim=-1, keepdim=True)
    extreme = groups.gather(-1, groups.abs().argmax(dim=-1, keepdim=True))
    best_values, best_steps = torch.zeros_like(groups), torch.zeros_like(extreme)
    least = torch.full_like(extreme, torch.inf)
    for levels in (-8.8, -8.4, -8.0, -7.6, -7.2, -6.8):
        step = extreme / levels
        for _ in range(2):
            values = (groups / _nonzero(step)).round_().clamp_(-8, 7)
            weighted = importance * values
            step = (weighted * groups).sum(-1, keepdim=True) / _nonzero((weighted * values).sum(-1, keepdim=True))
        step = step.bfloat16().float()
        values = (groups / _nonzero(step)).round_().clamp_(-8, 7)
        error = (importance * (groups - values * step).square()).sum(-1, keepdim=True)
        better = error < least
        least = torch.where(better, error, least)
        best_steps = torch.where(better, step, best_steps)
        best_values = torch.where(better, values, best_values)
    return best_values, best_steps.squeeze(-1).bfloat16()


def _nonzero(x: Tensor) -> Tensor:
    return torch.where(x == 0, torch.ones_like(x), x)
