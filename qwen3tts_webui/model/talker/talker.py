"""The talker: rows of ids in, hidden states and logits of the first code out (docs/model.md, sections 2 to 4).

Module names are the released keys below `talker.`; `finalize_weights` then folds constant parts. The KV cache is
passed in, one slot per utterance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qwen3tts_webui.model.config.model_config import ModelConfig
from qwen3tts_webui.model.cpu.memory import lazy_zeros
from qwen3tts_webui.model.cpu.packed_linear import QuantizationError
from qwen3tts_webui.model.prompt.builder import SPEAKER
from qwen3tts_webui.model.sampling import FusedSampler
from qwen3tts_webui.model.talker.code_predictor import CodePredictor
from qwen3tts_webui.model.talker.layers import (
    Attend,
    Stack,
    attend_causally,
    attend_to_groups,
    unfilled_embedding,
)
from qwen3tts_webui.types import NUM_CODEBOOKS

if TYPE_CHECKING:
    from qwen3tts_webui.model.decode_step import FusedFrames

_FOLD_ROWS = 2048  # text ids per chunk of the projection


class TextProjection(nn.Module):
    """Text embeddings to the width of the talker, (..., text_hidden) -> (..., hidden)."""

    def __init__(self, text_hidden: int, hidden: int) -> None:
        super().__init__()
        self.linear_fc1 = nn.Linear(text_hidden, text_hidden)
        self.linear_fc2 = nn.Linear(text_hidden, hidden)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype that it computes in."""
        weight = getattr(self.linear_fc1, "weight", None)
        return weight.dtype if isinstance(weight, Tensor) else torch.float32

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.linear_fc2(F.silu(self.linear_fc1(x))))


class TalkerStack(Stack):
    """The decoder stack with the embeddings that the released files store with it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.talker.stack)
        self.text_embedding = unfilled_embedding(config.talker.text_vocab_size, config.talker.text_hidden_size)
        self.codec_embedding = unfilled_embedding(config.talker.vocab_size, config.talker.stack.hidden_size)


class Talker(nn.Module):
    """The talker with its code predictor. Call `finalize_weights` once after loading."""

    code_embedding_table: (
        Tensor  # (vocab_size + 15 * codebook_size + 1, hidden): all code embeddings and a row of zeros
    )
    offsets: Tensor  # (16,): first row of each codebook in `code_embedding_table`
    text_table: Tensor  # (text_vocab_size, hidden): projected text embeddings

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        talker = config.talker
        self.model = TalkerStack(config)
        self.text_projection = TextProjection(talker.text_hidden_size, talker.stack.hidden_size)
        self.codec_head = nn.Linear(talker.stack.hidden_size, talker.vocab_size, bias=False)
        self.code_predictor = CodePredictor(config)
        self.fused_sampler: FusedSampler | None = None  # if the device has one
        self.fused_frames: FusedFrames | None = None  # replaces the parts of a decode step, if the device has it
        self.sampler_supports_top_p = False  # else bounds with `uses_top_p` use `sampling.sample`
        self.quantization_error: QuantizationError | None = None  # of integer weights, once measured
        self.kernel_choice = ""  # on a CPU: kernels of integer linear layers, with their timings
        self._projected: set[int] | None = set()

    def finalize_weights(self, *, fold_text: bool, fuse: bool = True, code_table: Tensor | None = None) -> None:
        """Fold the weights and, with `fuse`, join the projections that share an input.

        `fold_text` projects the whole text vocabulary now and drops the text embedding. Without it, rows are projected
        when ids are first used (`ensure_projected`), as projecting all of them takes seconds on a CPU.
        `code_table`: the code predictor's embeddings if they are already projected.
        """
        if fuse:
            self.model.fuse()
        talker, size = self.config.talker, self.config.predictor.codebook_size
        residual = [cast(nn.Embedding, table).weight for table in self.code_predictor.model.codec_embedding]
        first = self.model.codec_embedding.weight
        self.register_buffer(
            "code_embedding_table", torch.cat([first, *residual, first.new_zeros(1, first.shape[1])]), persistent=False
        )
        starts = [0, *(talker.vocab_size + group * size for group in range(NUM_CODEBOOKS - 1))]
        self.register_buffer("offsets", torch.tensor(starts, device=first.device), persistent=False)
        self.code_predictor.finalize_weights(self.code_embedding_table, self.offsets, fuse=fuse, code_table=code_table)
        del self.model.codec_embedding
        embedding = self.model.text_embedding.weight
        if fold_text:
            self.register_buffer("text_table", self._fold(embedding), persistent=False)
            self._projected = None
            del self.model.text_embedding, self.text_projection
        else:
            shape = len(embedding), talker.stack.hidden_size
            table = lazy_zeros(shape, self.text_projection.dtype, first.device)
            self.register_buffer("text_table", table, persistent=False)
            self.ensure_projected({self.config.text.pad_id})

    def reset_text_table(self) -> None:
        """Project text again when it is used: the projection has changed."""
        self._projected = set()
        self.ensure_projected({self.config.text.pad_id})

    def _fold(self, embedding: Tensor) -> Tensor:
        """Project all text embeddings in place: each chunk of rows is read before it is overwritten."""
        rows, hidden = len(embedding), self.config.talker.stack.hidden_size
        if hidden > embedding.shape[1]:
            return torch.cat([self.text_projection(part) for part in torch.split(embedding, _FOLD_ROWS)])
        table = embedding.detach().view(-1)[: rows * hidden].view(rows, hidden)
        for start in range(0, rows, _FOLD_ROWS):
            table[start : start + _FOLD_ROWS] = self.text_projection(embedding[start : start + _FOLD_ROWS])
        return table if hidden == embedding.shape[1] else table.clone()  # a view would keep the whole embedding alive

    def ensure_projected(self, text: set[int]) -> None:
        """Project the rows of these ids into the text table; to be called before they are used."""
        if self._projected is None or text <= self._projected:
            return
        new = torch.tensor(sorted(text - self._projected), device=self.text_table.device)
        self.text_table[new] = self.text_projection(self.model.text_embedding(new).to(self.text_table.dtype))
        self._projected |= text

    def embed(self, text: Tensor, codes: Tensor, x_vectors: Tensor | None = None) -> Tensor:
        """Embed prompt rows: `text` ids (...) and `codes` (..., 16), negative for none -> (..., hidden).

        A row with `SPEAKER` as first code gets `x_vectors`, which broadcasts to (..., hidden), instead.
        """
        rows = self.text_table[text] + self.embed_codes(codes)
        if x_vectors is None:
            return rows
        return rows + torch.where(codes[..., :1] == SPEAKER, x_vectors, torch.zeros_like(x_vectors))

    def embed_codes(self, codes: Tensor) -> Tensor:
        """Sum the embeddings of frames (..., 16) -> (..., hidden); negative codes add nothing."""
        index = torch.where(codes < 0, len(self.code_embedding_table) - 1, codes + self.offsets)
        return self.code_embedding_table[index].to(self.text_table.dtype).sum(dim=-2)

    def new_kv(self, slots: int, length: int) -> Tensor:
        """Allocate the KV cache of `slots` utterances: (layers, 2, slots, kv_heads, length, head_dim)."""
        stack = self.config.talker.stack
        shape = (stack.num_layers, 2, slots, stack.num_kv_heads, length, stack.head_dim)
        return lazy_zeros(shape, self.text_table.dtype, self.text_table.device)

    def prefill(self, rows: Tensor, lengths: Tensor, kv: Tensor, slots: Tensor, starts: Tensor | None = None) -> Tensor:
        """Process prompts (n, time, hidden), padded on the right; `lengths`, `slots`, `starts` (n,).

        Fills `kv` of those slots and returns the hidden state of each last unpadded position, (n, hidden). Padding is
        written into `kv` after that position and overwritten before it becomes visible. `starts`: number of rows that
        are already in `kv`, or None if there are none.
        """
        if self.model.prompts is not None:
            return self.model.prompts(rows, torch.zeros_like(slots) if starts is None else starts, lengths, kv, slots)
        time = torch.arange(rows.shape[1], device=rows.device)
        if starts is None:
            angles = self.model.rotary(time[None])
            hidden = self.model(rows, angles, _attend_to_prompts(kv, slots, len(time)))
        else:
            positions = starts[:, None] + time
            attend = _attend_to_cache(kv, slots, positions, time < lengths[:, None])
            hidden = self.model(rows, self.model.rotary(positions), attend)
        return self._norm(hidden[torch.arange(len(rows), device=rows.device), lengths - 1])

    def step(self, rows: Tensor, positions: Tensor, kv: Tensor, kv_length: int) -> Tensor:
        """Process one row per slot 0..n-1: (n, hidden) at `positions` (n,) below `kv_length` -> (n, hidden)."""
        if self.model.steps is not None:
            return self.model.steps(rows[:, None], positions, kv)
        batch = len(rows)
        slots = torch.arange(batch, device=rows.device)
        mask = (torch.arange(kv_length, device=rows.device) <= positions[:, None])[:, None, None]

        def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            keys, values = kv[layer, 0], kv[layer, 1]
            keys[slots, :, positions] = key[:, :, 0]
            values[slots, :, positions] = value[:, :, 0]
            return attend_to_groups(query, keys[:batch, :, :kv_length], values[:batch, :, :kv_length], mask)

        angles = self.model.rotary(positions[:, None])
        return self._norm(self.model(rows[:, None], angles, attend)[:, 0])

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits of the first code, (n, vocab_size) float32."""
        return cast(Tensor, self.codec_head(hidden)).float()

    def _norm(self, hidden: Tensor) -> Tensor:
        return cast(Tensor, self.model.norm(hidden))


def _attend_to_prompts(kv: Tensor, slots: Tensor, time: int) -> Attend:
    """Attention of whole prompts, which are stored in `kv`."""

    def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        kv[layer, 0, slots, :, :time] = key
        kv[layer, 1, slots, :, :time] = value
        return attend_causally(query, key, value)

    return attend


def _attend_to_cache(kv: Tensor, slots: Tensor, positions: Tensor, unpadded: Tensor) -> Attend:
    """Attention of rows at `positions` (n, time), of which the `unpadded` ones (n, time) are stored in `kv`."""
    prompt, column = unpadded.nonzero(as_tuple=True)
    target = slots[prompt], positions[prompt, column]
    length = int(target[1].max()) + 1
    mask = (torch.arange(length, device=kv.device) <= positions[..., None])[:, None]

    def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        keys, values = kv[layer, 0], kv[layer, 1]
        keys[target[0], :, target[1]] = key.transpose(1, 2)[prompt, column]
        values[target[0], :, target[1]] = value.transpose(1, 2)[prompt, column]
        seen = keys[slots, :, :length], values[slots, :, :length]
        return F.scaled_dot_product_attention(query, *seen, attn_mask=mask, enable_gqa=True)

    return attend
