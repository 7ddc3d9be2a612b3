"""A whole frame on a GPU in few launches: the layers, one kernel per sample, and three for the state of the slots.

A sample also stores the embedding of its code, as the next input of the code predictor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from qwen3tts_webui.model.cuda.fused_sampler import sample_into
from qwen3tts_webui.model.cuda.fused_stack import FusedStack, next_power_of_two
from qwen3tts_webui.model.decode_state import MIN_FRAMES
from qwen3tts_webui.model.prompt.builder import SPEAKER
from qwen3tts_webui.types import NUM_CODEBOOKS

if TYPE_CHECKING:
    from qwen3tts_webui.model.decode_state import DecodeState
    from qwen3tts_webui.model.talker.talker import Talker


class FusedFrames:
    """A `decode_step.FusedFrames` of a talker with fused steps in both stacks."""

    def __init__(self, talker: Talker) -> None:
        self._talker = talker
        spec = talker.config
        sizes = [spec.talker.vocab_size, *[spec.predictor.codebook_size] * (NUM_CODEBOOKS - 2)]
        self._first_entries = [0, *(sum(sizes[:group]) for group in range(1, NUM_CODEBOOKS))]

    def step(self, state: DecodeState, batch: int) -> Tensor:
        """As `decode_step.run_decode_step`."""
        rows, starts, active = self.begin(state, batch)
        steps = cast(FusedStack, self._talker.model.steps)
        hidden = steps(rows[:, None], starts, state.kv)
        return self.sample(state, torch.arange(batch, device=hidden.device), hidden, active)

    def sample(self, state: DecodeState, slots: Tensor, hidden: Tensor, active: Tensor) -> Tensor:
        """As `decode_step._sample_frame`; `slots` (n,), `hidden` (n, hidden), `active` (n,) bool -> (n, 17) int64."""
        predictor, batch = self._talker.code_predictor, len(hidden)
        steps, config = cast(FusedStack, predictor.model.steps), predictor.config
        codes = torch.empty(batch, NUM_CODEBOOKS + 1, dtype=torch.int64, device=hidden.device)
        finite = torch.empty(batch, NUM_CODEBOOKS, dtype=torch.int8, device=hidden.device)
        kv_shape = (config.num_layers, 2, batch, config.num_kv_heads, NUM_CODEBOOKS, config.head_dim)
        kv = torch.empty(kv_shape, dtype=hidden.dtype, device=hidden.device)
        rows = torch.empty(batch, 2, config.hidden_size, dtype=hidden.dtype, device=hidden.device)
        projection = predictor.small_to_mtp_projection
        if isinstance(projection, nn.Linear):
            rows[:, 0] = steps.product(hidden, projection.weight, projection.bias)
        else:
            rows[:, 0] = projection(hidden)
        positions = predictor.positions.expand(batch, -1)
        logits = cast(FusedStack, self._talker.model.steps).product(hidden, self._talker.codec_head.weight)
        logits, sampling = self.mask(state, slots, logits), state.first_sampling
        for group in range(NUM_CODEBOOKS):
            is_last = group == NUM_CODEBOOKS - 1
            sample_into(
                logits,
                sampling,
                state.seed,
                state.frames,
                group,
                codes[:, group],
                finite[:, group],
                slots=slots,
                table=None if is_last else predictor.code_table,
                first_entry=self._first_entries[group],
                embedded=rows[:, -1],
            )
            if not is_last:
                head = cast(nn.Linear, predictor.lm_head[group]).weight
                logits = steps.logits(rows, positions[:, group + 1 if group else 0], kv, head)
                rows = torch.empty(batch, 1, config.hidden_size, dtype=hidden.dtype, device=hidden.device)
                sampling = state.rest_sampling
        self.finish(state, slots, codes, finite, active)
        return codes

    def load_slot(self, state: DecodeState, slots: Tensor, values: Tensor, codes: Tensor) -> None:
        """As `DecodeState.load_slot`."""
        from qwen3tts_webui.model.cuda.frame_kernels import load_slot

        samplings = state.first_sampling, state.rest_sampling
        load_slot[(len(slots),)](
            values.contiguous(),
            codes.contiguous(),
            slots,
            state.positions,
            state.frames,
            state.text_next,
            state.text_length,
            _bytes(state.text_open),
            _bytes(state.done),
            _bytes(state.paused),
            state.seed,
            state.penalty,
            *(part for each in samplings for part in (each.top_k, each.temperature, each.top_p, each.noise_scale)),
            _bytes(state.seen),
            codes.shape[1],
            state.seen.shape[1],
            VALUES=values.shape[1],
            GROUPS=NUM_CODEBOOKS,
            BLOCK=1024,
        )

    def embed(self, state: DecodeState, slots: Tensor, text: Tensor, codes: Tensor) -> Tensor:
        """As `Talker.embed`, with the x-vectors of `slots` (n,): (n, time, hidden)."""
        from qwen3tts_webui.model.cuda.frame_kernels import embed_prompt

        talker, hidden = self._talker, state.x_vectors.shape[1]
        out = torch.empty(*text.shape, hidden, dtype=talker.text_table.dtype, device=text.device)
        embed_prompt[(text.numel(),)](
            text.contiguous(),
            codes.contiguous(),
            slots,
            state.x_vectors,
            talker.text_table,
            talker.code_embedding_table,
            talker.offsets,
            out,
            text.shape[1],
            hidden,
            SPEAKER,
            GROUPS=NUM_CODEBOOKS,
            BLOCK=next_power_of_two(hidden),
        )
        return out

    def begin(self, state: DecodeState, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """As `decode_step.begin_step` of slots 0..batch-1."""
        from qwen3tts_webui.model.cuda.frame_kernels import begin_step

        hidden, device = state.last_frame_embedding.shape[1], state.kv.device
        rows = torch.empty(batch, hidden, dtype=state.last_frame_embedding.dtype, device=device)
        starts = torch.empty(batch, dtype=torch.int64, device=device)
        active = torch.empty(batch, dtype=torch.bool, device=device)
        begin_step[(batch,)](
            state.last_frame_embedding,
            self._talker.text_table,
            state.text,
            state.text_next,
            state.text_length,
            _bytes(state.text_open),
            _bytes(state.done),
            _bytes(state.paused),
            state.positions,
            rows,
            starts,
            _bytes(active),
            state.text.stride(0),
            self._talker.config.text.pad_id,
            hidden,
            BLOCK=next_power_of_two(hidden),
        )
        return rows, starts, active

    def mask(self, state: DecodeState, slots: Tensor, logits: Tensor) -> Tensor:
        """As `decode_step.first_logits`, after the product: (n, vocab) float32."""
        from qwen3tts_webui.model.cuda.frame_kernels import mask_logits

        config = self._talker.config.talker
        out = torch.empty(logits.shape, dtype=torch.float32, device=logits.device)
        mask_logits[(len(logits),)](
            logits,
            _bytes(state.seen),
            state.penalty,
            state.frames,
            slots,
            out,
            logits.stride(0),
            config.vocab_size,
            config.num_audio_codes,
            config.eos_id,
            MIN_FRAMES,
            BLOCK=next_power_of_two(config.vocab_size),
        )
        return out

    def finish(self, state: DecodeState, slots: Tensor, codes: Tensor, finite: Tensor, active: Tensor) -> None:
        """As `decode_step.finish_frame`, which returns (n, 17): here `codes` has that shape."""
        from qwen3tts_webui.model.cuda.frame_kernels import finish_frame

        config, hidden = self._talker.config.talker, state.last_frame_embedding.shape[1]
        finish_frame[(len(codes),)](
            codes,
            finite,
            _bytes(active),
            slots,
            self._talker.code_embedding_table,
            self._talker.offsets,
            state.frames,
            _bytes(state.done),
            _bytes(state.seen),
            state.last_frame_embedding,
            config.vocab_size,
            config.eos_id,
            hidden,
            GROUPS=NUM_CODEBOOKS,
            BLOCK=next_power_of_two(hidden),
        )


def _bytes(flags: Tensor) -> Tensor:
    return flags.view(torch.int8)
