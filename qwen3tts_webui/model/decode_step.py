"""One decode step: the next frame of codes for all slots, entirely on the device.

Input: per-slot tensors of fixed shape (`DecodeState`). Output: 16 codes per slot and its `SlotStatus`. Active
utterances occupy slots 0..n-1. Nothing here synchronizes with the host or branches on a value, so `run_decode_step` can
be captured as one CUDA graph per `StepShape`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from qwen3tts_webui.model.decode_state import MIN_FRAMES, DecodeState, SlotStatus
from qwen3tts_webui.model.sampling import SamplingBounds, SamplingTensors, apply_repetition_penalty, gumbel, sample
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.types import NUM_CODEBOOKS


@dataclass(frozen=True, slots=True)
class StepShape:
    """Shape of a `run_decode_step`: slots 0..batch-1, positions below `kv_length`, sampling within `bounds`."""

    batch: int
    kv_length: int
    bounds: SamplingBounds


class FusedFrames(Protocol):
    """Frames in few launches, for all sampling parameters, if the device has the kernels. Returns (n, 17) int64."""

    def step(self, state: DecodeState, batch: int) -> Tensor:
        """As `run_decode_step`, for slots 0..batch-1."""

    def load_slot(self, state: DecodeState, slots: Tensor, values: Tensor, codes: Tensor) -> None:
        """As `DecodeState.load_slot`."""

    def embed(self, state: DecodeState, slots: Tensor, text: Tensor, codes: Tensor) -> Tensor:
        """As `Talker.embed`, with the x-vectors of `slots`."""

    def sample(self, state: DecodeState, slots: Tensor, hidden: Tensor, active: Tensor) -> Tensor:
        """As `_sample_frame`: the frame of `slots` (n,) after the talker's `hidden` rows (n, hidden)."""


def load_slot(talker: Talker, state: DecodeState, slots: Tensor, values: Tensor, codes: Tensor) -> None:
    """`DecodeState.load_slot` by the kernels of `talker`, if it has any."""
    if talker.fused_frames is None:
        state.load_slot(slots, values, codes)
    else:
        talker.fused_frames.load_slot(state, slots, values, codes)


@torch.inference_mode()
def run_prefill(
    talker: Talker,
    state: DecodeState,
    slots: Tensor,
    text: Tensor,
    codes: Tensor,
    lengths: Tensor,
    bounds: SamplingBounds,
    starts: Tensor | None = None,
) -> Tensor:
    """Process the prompts of newly assigned `slots` (n,) and sample their first frame.

    `text` (n, time), `codes` (n, time, 16) are prompt rows padded on the right to a common length; `lengths` (n,) are
    without padding. With `starts` (n,), the KV cache holds that many rows of each prompt already, and these are the
    rows after them. Returns (n, 17) int64 as `run_decode_step`.
    """
    if talker.fused_frames is not None:
        rows = talker.fused_frames.embed(state, slots, text, codes)
        hidden = talker.prefill(rows, lengths, state.kv, slots, starts)
        return talker.fused_frames.sample(state, slots, hidden, ~state.done[slots])
    rows = talker.embed(text, codes, state.x_vectors[slots][:, None])
    hidden = talker.prefill(rows, lengths, state.kv, slots, starts)
    return _sample_frame(talker, state, slots, hidden, ~state.done[slots], bounds)


@torch.inference_mode()
def run_decode_step(talker: Talker, state: DecodeState, shape: StepShape) -> Tensor:
    """The next frame of slots 0..batch-1: (batch, 17) int64, 16 codes and a `SlotStatus`."""
    if talker.fused_frames is not None:
        return talker.fused_frames.step(state, shape.batch)
    rows = slice(0, shape.batch)
    embedded, positions, active = begin_step(talker, state, rows)
    # an idle slot is computed too; its cache row is overwritten once its text has arrived
    hidden = talker.step(embedded, positions, state.kv, shape.kv_length)
    return _sample_frame(talker, state, rows, hidden, active, shape.bounds)


def begin_step(talker: Talker, state: DecodeState, rows: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Advance `rows`: the talker's next input rows (n, hidden), their positions (n,), and which slots are active."""
    following, positions = state.text_next[rows], state.positions[rows].clone()
    has_text = following < state.text_length[rows]
    active = ~state.done[rows] & ~state.paused[rows] & (has_text | ~state.text_open[rows])
    token = state.text[rows].gather(1, following.clamp(max=state.text.shape[1] - 1)[:, None])[:, 0]
    token = torch.where(has_text, token, talker.config.text.pad_id)
    embedded = state.last_frame_embedding[rows] + talker.text_table[token]
    state.positions[rows] += active
    state.text_next[rows] += active & has_text
    return embedded, positions, active


def _sample_frame(
    talker: Talker, state: DecodeState, rows: slice | Tensor, hidden: Tensor, active: Tensor, bounds: SamplingBounds
) -> Tensor:
    """Sample a frame from the talker's `hidden` rows and store it as the input of the next step."""
    frame, seed = state.frames[rows], state.seed[rows]
    logits = first_logits(talker, hidden, state.seen[rows], state.penalty[rows], frame)
    sample_first = _code_sampler(
        talker, state.first_sampling.rows(rows), bounds, seed, frame, range(1), logits.shape[1]
    )
    first, first_finite = sample_first(0, logits)
    rest, num_codes = range(1, NUM_CODEBOOKS), talker.config.predictor.codebook_size
    sample_rest = _code_sampler(talker, state.rest_sampling.rows(rows), bounds, seed, frame, rest, num_codes)
    finite = [first_finite]

    def choose(group: int, logits: Tensor) -> Tensor:
        code, is_finite = sample_rest(group, logits)
        finite.append(is_finite)
        return code

    codes = talker.code_predictor(hidden, first, choose)
    return finish_frame(talker, state, rows, codes, torch.stack(finite, dim=1), active)


def finish_frame(
    talker: Talker, state: DecodeState, rows: slice | Tensor, codes: Tensor, finite: Tensor, active: Tensor
) -> Tensor:
    """Update the state of `rows` after `codes` (n, 16) from logits that were `finite` (n, 16); return (n, 17)."""
    config, first, first_finite = talker.config.talker, codes[:, 0], finite[:, 0]
    ended = first == config.eos_id
    is_finite = first_finite & (ended | finite.all(dim=1))
    continues = active & is_finite & ~ended
    state.frames[rows] += active
    state.done[rows] |= active & ~continues
    state.seen[rows] |= active[:, None] & (torch.arange(config.vocab_size, device=first.device) == first[:, None])
    state.last_frame_embedding[rows] = torch.where(
        continues[:, None], talker.embed_codes(codes), state.last_frame_embedding[rows]
    )
    status = torch.where(ended, SlotStatus.FINISHED, SlotStatus.FRAME)
    status = torch.where(active, torch.where(is_finite, status, SlotStatus.INVALID), SlotStatus.IDLE)
    return torch.cat((codes, status[:, None]), dim=1)


def _code_sampler(
    talker: Talker,
    sampling: SamplingTensors,
    bounds: SamplingBounds,
    seed: Tensor,
    frame: Tensor,
    groups: range,
    num_codes: int,
) -> Callable[[int, Tensor], tuple[Tensor, Tensor]]:
    """Return a function that samples (codes, is_finite) for a codebook of `groups` from its logits."""
    fused = talker.fused_sampler
    if fused is not None and (talker.sampler_supports_top_p or not bounds.uses_top_p):
        return lambda group, logits: fused(logits, sampling, seed, frame, group)
    noise = gumbel(seed, frame, groups.start, len(groups), num_codes)
    return lambda group, logits: sample(logits, sampling, bounds, noise[:, group - groups.start])


def first_logits(talker: Talker, hidden: Tensor, seen: Tensor, penalty: Tensor, frame: Tensor) -> Tensor:
    """Logits (n, vocab) of the first code: penalized, before temperature, without early ends and other control ids."""
    return mask_logits(talker, talker.logits(hidden), seen, penalty, frame)


def mask_logits(talker: Talker, logits: Tensor, seen: Tensor, penalty: Tensor, frame: Tensor) -> Tensor:
    """Penalize `logits` (n, vocab) of codes in `seen`, and remove control ids, and the end in an early `frame` (n,)."""
    config = talker.config.talker
    logits = apply_repetition_penalty(logits, seen, penalty)
    code = torch.arange(config.vocab_size, device=logits.device)
    masked = torch.where(code == config.eos_id, (frame < MIN_FRAMES)[:, None], code >= config.num_audio_codes)
    return logits.masked_fill(masked, -torch.inf)
