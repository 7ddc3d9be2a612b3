"""State of the codec decoder per stream: the context of its convolutions and of its attention.

All tensors have one row per slot, keep their shape and are written in place only, so that captured CUDA graphs stay
valid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

SlotIndex = torch.Tensor | slice
"""The slots of a batch: distinct indices (int64), or a slice, which reads without copying."""


@dataclass(frozen=True, slots=True, eq=False)
class CodecState:
    """The state of `slots` streams. A row of zeros is a new stream.

    `flat` (slots, floats) float32 holds everything except the position; the others are views of it.
    `contexts`: the last inputs of each convolution, (slots, frames, channels) float32.
    `keys`, `values`: a ring buffer per attention layer, (slots, past, heads, head_dim) float32; position p is at index
    p modulo past.
    `position`: frames decoded so far, (slots,) int64.
    """

    flat: torch.Tensor
    contexts: tuple[torch.Tensor, ...]
    keys: tuple[torch.Tensor, ...]
    values: tuple[torch.Tensor, ...]
    position: torch.Tensor

    @classmethod
    def empty(
        cls,
        slots: int,
        context_shapes: Sequence[tuple[int, int]],
        num_layers: int,
        ring_shape: tuple[int, int, int],
        device: torch.device,
    ) -> CodecState:
        """New streams; `context_shapes` are (frames, channels), `ring_shape` is without the slots."""
        shapes: list[tuple[int, ...]] = [*context_shapes, *[ring_shape] * (2 * num_layers)]
        sizes = [math.prod(shape) for shape in shapes]
        flat = torch.zeros(slots, sum(sizes), device=device)
        parts = torch.split(flat, sizes, dim=1)
        views = [part.view(slots, *shape) for part, shape in zip(parts, shapes, strict=True)]
        rings = views[len(context_shapes) :]
        return cls(
            flat=flat,
            contexts=tuple(views[: len(context_shapes)]),
            keys=tuple(rings[:num_layers]),
            values=tuple(rings[num_layers:]),
            position=torch.zeros(slots, dtype=torch.int64, device=device),
        )

    @property
    def slots(self) -> int:
        """The number of slots."""
        return self.position.shape[0]

    @property
    def nbytes(self) -> int:
        """Memory of all slots in bytes."""
        return self.flat.nbytes + self.position.nbytes

    def reset(self, rows: SlotIndex) -> None:
        """Start new streams in these slots. Masked keys are cleared too: a NaN would survive the mask."""
        for tensor in (self.flat, self.position):
            if isinstance(rows, slice):
                tensor[rows] = 0
            else:
                tensor.index_fill_(0, rows, 0)

    def save(self, slot: int) -> tuple[torch.Tensor, ...]:
        """Copy the stream of `slot` to the host, for `load`."""
        return self.flat[slot].to("cpu", copy=True), self.position[slot].to("cpu", copy=True)

    def load(self, slot: int, saved: tuple[torch.Tensor, ...]) -> None:
        """Continue in `slot` what `save` copied."""
        for tensor, value in zip((self.flat, self.position), saved, strict=True):
            tensor[slot].copy_(value)

    def move(self, source: int, target: int) -> None:
        """Copy the stream of slot `source` to slot `target`."""
        for tensor in (self.flat, self.position):
            tensor[target].copy_(tensor[source])
