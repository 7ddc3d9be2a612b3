"""What the codec decoder remembers of each stream: the past that its convolutions and its attention look back on.

All tensors have a row for each slot and keep their shape for ever; they are only written in place, so that a captured
CUDA graph stays valid. Knows nothing of the layers that read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

Rows = torch.Tensor | slice
"""Which slots a batch is made of: distinct indices (int64), or a slice, which reads without copying."""


@dataclass(frozen=True, slots=True, eq=False)
class CodecState:
    """The memory of `slots` streams. A row of zeros is a stream that has not begun.

    `contexts`: for each convolution its last inputs, (slots, frames, channels) float32.
    `keys`, `values`: for each attention layer a ring, (slots, past, heads, head_dim) float32; position p lies at index
    p modulo past.
    `position`: frames decoded so far, (slots,) int64.
    """

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

        def zeros(*shape: int) -> torch.Tensor:
            return torch.zeros(slots, *shape, device=device)

        return cls(
            contexts=tuple(zeros(*shape) for shape in context_shapes),
            keys=tuple(zeros(*ring_shape) for _ in range(num_layers)),
            values=tuple(zeros(*ring_shape) for _ in range(num_layers)),
            position=torch.zeros(slots, dtype=torch.int64, device=device),
        )

    @property
    def slots(self) -> int:
        return self.position.shape[0]

    @property
    def nbytes(self) -> int:
        """Memory of all slots together, in bytes."""
        return sum(tensor.nbytes for tensor in self._tensors())

    def reset(self, rows: Rows) -> None:
        """Begin new streams in these slots. Even what attention masks is cleared: a NaN would survive its mask."""
        for tensor in self._tensors():
            tensor[rows] = 0

    def move(self, source: int, target: int) -> None:
        """Go on with the stream of slot `source` in slot `target`; `source` keeps a copy until it is reset."""
        for tensor in self._tensors():
            tensor[target].copy_(tensor[source])

    def _tensors(self) -> tuple[torch.Tensor, ...]:
        return (*self.contexts, *self.keys, *self.values, self.position)
