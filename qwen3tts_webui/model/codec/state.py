"""What the codec decoder remembers of each stream: the past that its convolutions and its attention look back on.

All tensors have a row for each slot and keep their shape for ever; they are only written in place, so that a captured
CUDA graph stays valid. Knows nothing of the layers that read them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

SlotIndex = torch.Tensor | slice
"""Which slots a batch is made of: distinct indices (int64), or a slice, which reads without copying."""


@dataclass(frozen=True, slots=True, eq=False)
class CodecState:
    """The memory of `slots` streams. A row of zeros is a stream that has not begun.

    `flat` (slots, floats) float32 holds everything but the position; the others are views of it.
    `contexts`: for each convolution its last inputs, (slots, frames, channels) float32.
    `keys`, `values`: for each attention layer a ring, (slots, past, heads, head_dim) float32; position p lies at index
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
        """Streams that have not begun; `context_shapes` are (frames, channels), `ring_shape` without the slots."""
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
        return self.position.shape[0]

    @property
    def nbytes(self) -> int:
        """Memory of all slots together, in bytes."""
        return self.flat.nbytes + self.position.nbytes

    def reset(self, rows: SlotIndex) -> None:
        """Begin new streams in these slots. Even what attention masks is cleared: a NaN would survive its mask."""
        for tensor in (self.flat, self.position):
            if isinstance(rows, slice):
                tensor[rows] = 0
            else:
                tensor.index_fill_(0, rows, 0)

    def move(self, source: int, target: int) -> None:
        """Go on with the stream of slot `source` in slot `target`; `source` keeps a copy until it is reset."""
        for tensor in (self.flat, self.position):
            tensor[target].copy_(tensor[source])
