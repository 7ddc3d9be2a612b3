"""The code predictor (docs/model.md, section 6): a hidden state and the first code of a frame in, 15 more codes out.

Its KV cache has 16 positions and lasts for one frame. Module names are the released keys below
`talker.code_predictor.`. The sampling function is passed in as `choose`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from qwen3tts_webui.model.config.model_config import ModelConfig
from qwen3tts_webui.model.talker.layers import (
    Stack,
    StepFunction,
    attend_causally,
    attend_to_groups,
    unfilled_embedding,
)
from qwen3tts_webui.types import NUM_CODEBOOKS

_PROJECTED_ROWS = 2048  # code embeddings per chunk of the projection

Choose = Callable[[int, Tensor], Tensor]
"""(codebook 1..15, its logits (batch, codebook_size) float32) -> codes (batch,)"""

_LastOf = Callable[[Tensor, int], Tensor]
"""(rows (batch, time, hidden), position of the first in the frame) -> the last row, normalized, (batch, hidden)"""


class PredictorStack(Stack):
    """The decoder stack with the embeddings of the residual codebooks, which are as wide as the talker."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.predictor.stack)
        size, hidden = config.predictor.codebook_size, config.talker.stack.hidden_size
        self.codec_embedding = nn.ModuleList(unfilled_embedding(size, hidden) for _ in range(NUM_CODEBOOKS - 1))


class CodePredictor(nn.Module):
    """Code predictor of the talker. Call `finalize_weights` once after loading."""

    code_table: Tensor  # the talker's `code_embedding_table`, projected to the width of the predictor
    offsets: Tensor  # (16,): first row of each codebook
    positions: Tensor  # (1, 16)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config.predictor.stack
        outer = config.talker.stack.hidden_size
        self.small_to_mtp_projection = (
            nn.Linear(outer, self.config.hidden_size) if outer != self.config.hidden_size else nn.Identity()
        )
        self.model = PredictorStack(config)
        self.lm_head = nn.ModuleList(
            nn.Linear(self.config.hidden_size, config.predictor.codebook_size, bias=False)
            for _ in range(NUM_CODEBOOKS - 1)
        )

    def finalize_weights(
        self, code_embedding_table: Tensor, offsets: Tensor, *, fuse: bool = True, code_table: Tensor | None = None
    ) -> None:
        """Fuse, and fold the projection into the code embeddings; without one, share `code_embedding_table`."""
        if fuse:
            self.model.fuse()
        if code_table is None:
            code_table = self._projected(code_embedding_table)
        self.register_buffer("code_table", code_table, persistent=False)
        self.register_buffer("offsets", offsets, persistent=False)
        self.register_buffer("positions", torch.arange(NUM_CODEBOOKS, device=offsets.device)[None], persistent=False)
        del self.model.codec_embedding

    def _projected(self, code_embedding_table: Tensor) -> Tensor:
        if not isinstance(self.small_to_mtp_projection, nn.Linear):
            return code_embedding_table
        dtype = self.small_to_mtp_projection.weight.dtype
        parts = [
            self.small_to_mtp_projection(part.to(dtype)) for part in torch.split(code_embedding_table, _PROJECTED_ROWS)
        ]
        return torch.cat(parts)

    def forward(self, hidden: Tensor, first: Tensor, choose: Choose) -> Tensor:
        """`hidden` (batch, talker hidden), `first` (batch,) codes -> the whole frame (batch, 16)."""
        batch, config = len(hidden), self.config
        shape = (config.num_layers, 2, batch, config.num_kv_heads, NUM_CODEBOOKS, config.head_dim)
        kv = torch.empty(shape, dtype=hidden.dtype, device=hidden.device)
        codes = [first]
        rows = torch.stack((self.small_to_mtp_projection(hidden), self.code_table[first].to(hidden.dtype)), dim=1)
        last_of = self._by_layers(kv) if self.model.steps is None else self._by_steps(self.model.steps, kv)
        start = 0
        for group in range(1, NUM_CODEBOOKS):
            logits = self.lm_head[group - 1](last_of(rows, start)).float()
            codes.append(choose(group, logits))
            rows = self.code_table[codes[-1] + self.offsets[group]][:, None].to(hidden.dtype)
            start = group + 1
        return torch.stack(codes, dim=1)

    def _by_layers(self, kv: Tensor) -> _LastOf:
        cosine, sine = self.model.rotary(self.positions)  # once per frame

        def last_of(rows: Tensor, start: int) -> Tensor:
            end = start + rows.shape[1]
            angles = cosine[:, start:end], sine[:, start:end]
            out = self.model(rows, angles, _attend_in(kv, start, end))
            return cast(Tensor, self.model.norm(out[:, -1]))

        return last_of

    def _by_steps(self, steps: StepFunction, kv: Tensor) -> _LastOf:
        starts = self.positions.expand(kv.shape[2], -1)
        return lambda rows, start: steps(rows, starts[:, start], kv)


def _attend_in(kv: Tensor, start: int, end: int) -> Callable[[int, Tensor, Tensor, Tensor], Tensor]:
    """Causal attention of the rows `start`..`end` of a frame."""

    def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        keys, values = cast(tuple[Tensor, Tensor], kv[layer].unbind())
        keys[:, :, start:end] = key
        values[:, :, start:end] = value
        if start == 0:
            return attend_causally(query, key, value)
        return attend_to_groups(query, keys[:, :, :end], values[:, :, :end], None)

    return attend
