"""One decode step: the next frame of codes for all slots, entirely on the device.

Input: per-slot tensors of fixed shape (`DecodeState`). Output: 16 codes per slot and its `SlotStatus`. Active
utterances occupy slots 0..n-1. Nothing here synchronizes with the host or branches on a value, so `run_decode_step` can
be captured as one CUDA graph per `StepShape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from qwen3tts_webui.model.sampling import SamplingBounds, SamplingTensors, apply_repetition_penalty, gumbel, sample
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.types import NUM_CODEBOOKS, XVector

MIN_FRAMES = 2  # the talker may not end earlier (docs/model.md, section 5)


class SlotStatus(IntEnum):
    """Outcome of a step in one slot."""

    FRAME = 0  # the codes are a frame
    FINISHED = 1  # the utterance ended before these codes
    INVALID = 2  # NaN or Inf: the codes are meaningless, the utterance has failed
    IDLE = 3  # waits for text, is paused, or its utterance is over


@dataclass(frozen=True, slots=True)
class StepShape:
    """Shape of a `run_decode_step`: slots 0..batch-1, positions below `kv_length`, sampling within `bounds`."""

    batch: int
    kv_length: int
    bounds: SamplingBounds


@dataclass(slots=True)
class DecodeState:
    """State of all slots between steps. The first dimension of every tensor except `kv` is the slot.

    `kv` (layers, 2, slots, kv_heads, length, head_dim)
    `positions`: position of the talker's next row
    `frames`: frames so far, those of the acoustic prompt included
    `last_frame_embedding` (slots, hidden)
    `text` (slots, tokens), `text_next`, `text_length`: trailing text ids, one per frame; `text_open`: more will follow
    `seen` (slots, vocab_size) bool: first codes so far, for the repetition penalty
    `done`: the utterance is over; `paused`: the slot skips steps
    `x_vectors` (slots, hidden): the cloned voice at the start of the prompt, else zeros
    """

    kv: Tensor
    positions: Tensor
    frames: Tensor
    last_frame_embedding: Tensor
    text: Tensor
    text_next: Tensor
    text_length: Tensor
    text_open: Tensor
    seen: Tensor
    done: Tensor
    paused: Tensor
    seed: Tensor
    penalty: Tensor
    first_sampling: SamplingTensors
    rest_sampling: SamplingTensors
    x_vectors: Tensor

    @classmethod
    def empty(cls, talker: Talker, *, slots: int, kv_length: int, text_length: int) -> DecodeState:
        """Allocate `slots` utterances of at most `kv_length` positions and `text_length` trailing text ids."""
        kv = talker.new_kv(slots, kv_length)
        config, device = talker.config.talker, kv.device

        def numbers() -> Tensor:
            return torch.zeros(slots, dtype=torch.int64, device=device)

        def flags(value: bool, *shape: int) -> Tensor:
            return torch.full((slots, *shape), value, device=device)

        return cls(
            kv=kv,
            positions=numbers(),
            frames=numbers(),
            last_frame_embedding=torch.zeros(slots, config.stack.hidden_size, dtype=kv.dtype, device=device),
            text=torch.zeros(slots, text_length, dtype=torch.int64, device=device),
            text_next=numbers(),
            text_length=numbers(),
            text_open=flags(False),
            seen=flags(False, config.vocab_size),
            done=flags(True),
            paused=flags(False),
            seed=numbers(),
            penalty=torch.ones(slots, 1, device=device),
            first_sampling=SamplingTensors.empty(slots, device),
            rest_sampling=SamplingTensors.empty(slots, device),
            x_vectors=torch.zeros(slots, config.stack.hidden_size, dtype=kv.dtype, device=device),
        )

    def load_slot(self, slots: Tensor, values: Tensor, codes: Tensor) -> None:
        """Assign `slots` (n,) to new utterances, before their `run_prefill` and after `add_text` of trailing text.

        `values` (n, NUM_SLOT_VALUES) come from `slot_values`, or from `idle_slot_values` for padding, which stays idle.
        `codes` (n, time, 16) are the prompts' rows. Their last rows are the frames of an acoustic prompt, which count
        for the repetition penalty; those of a reference recording, before them, do not.
        """
        floats = values.view(torch.float64).float()
        self.positions[slots] = values[:, 0]
        self.frames[slots] = values[:, 1]
        self.text_next[slots] = torch.zeros_like(slots)
        self.text_length[slots] = values[:, 2]
        self.text_open[slots] = values[:, 3] != 0
        self.done[slots] = values[:, 4] == 0
        self.paused[slots] = torch.zeros_like(slots, dtype=torch.bool)
        self.seed[slots] = values[:, 5]
        self.penalty[slots] = floats[:, 6:7]
        for sampling, first in ((self.first_sampling, 7), (self.rest_sampling, 11)):
            sampling.top_k[slots] = values[:, first : first + 1]
            sampling.temperature[slots] = floats[:, first + 1 : first + 2]
            sampling.top_p[slots] = floats[:, first + 2 : first + 3]
            sampling.noise_scale[slots] = floats[:, first + 3 : first + 4]
        num_codes = self.seen.shape[1]
        row = torch.arange(codes.shape[1], device=slots.device)
        is_spoken = (row >= (values[:, 0] - values[:, 1])[:, None]) & (codes[:, :, 1] >= 0)
        spoken = torch.where(is_spoken, codes[:, :, 0], num_codes)
        seen = torch.zeros(len(slots), num_codes + 1, dtype=torch.bool, device=slots.device)
        self.seen[slots] = seen.scatter_(1, spoken, True)[:, :num_codes]

    def set_x_vector(self, slot: int, x_vector: XVector | None) -> None:
        """Set the cloned voice (hidden,) of a new utterance in `slot`, or none, before its `run_prefill`."""
        self.x_vectors[slot] = 0.0 if x_vector is None else torch.from_numpy(x_vector).to(self.x_vectors)

    def add_text(self, slot: int, talker: Talker, start: int, ids: Sequence[int], *, close: bool = False) -> None:
        """Append trailing text ids after the `start` ids that `slot` already has; `close` ends the text."""
        if ids:
            talker.ensure_projected(set(ids))
            end = start + len(ids)
            self.text[slot, start:end] = torch.tensor(ids, device=self.text.device)
            self.text_length[slot] = end
        if close:
            self.text_open[slot] = False

    def move(self, source: int, target: int, kv_length: int) -> None:
        """Move the utterance of `source` to `target`; its positions are below `kv_length`."""
        self.kv[:, :, target, :, :kv_length] = self.kv[:, :, source, :, :kv_length]
        for tensor in self._by_slot():
            tensor[target] = tensor[source]
        self.release(source)

    def save(self, slot: int, kv_length: int) -> tuple[Tensor, ...]:
        """Copy the utterance of `slot` to the host, for `load`; its positions are below `kv_length`."""
        kept = (self.kv[:, :, slot, :, :kv_length], *(tensor[slot] for tensor in self._by_slot()))
        return tuple(tensor.to("cpu", copy=True) for tensor in kept)

    def load(self, slot: int, saved: tuple[Tensor, ...]) -> None:
        """Continue in `slot` what `save` copied."""
        kv, *rest = saved
        self.kv[:, :, slot, :, : kv.shape[3]] = kv.to(self.kv.device)
        for tensor, value in zip(self._by_slot(), rest, strict=True):
            tensor[slot] = value.to(tensor.device)

    def release(self, slot: int) -> None:
        """Mark `slot` as unused; at position 0 it adds nothing to the cost of a step."""
        self.done[slot] = True
        self.positions[slot] = 0

    def snapshot(self, batch: int) -> tuple[Tensor, ...]:
        """Copy the progress of slots 0..batch-1, for `restore`."""
        return tuple(tensor[:batch].clone() for tensor in self._advancing())

    def restore(self, snapshot: tuple[Tensor, ...]) -> None:
        """Undo the `run_decode_step` since the `snapshot`; its rows in `kv` will be overwritten."""
        for tensor, before in zip(self._advancing(), snapshot, strict=True):
            tensor[: len(before)] = before

    def clear_slot(self, slot: int) -> None:
        """Reset `slot` after an invalid utterance: a NaN would leak even through the attention mask."""
        self.kv[:, :, slot] = 0
        self.last_frame_embedding[slot] = 0
        self.release(slot)

    def _advancing(self) -> tuple[Tensor, ...]:
        return self.positions, self.frames, self.last_frame_embedding, self.text_next, self.seen, self.done

    def _by_slot(self) -> list[Tensor]:
        parameters = [
            tensor
            for sampling in (self.first_sampling, self.rest_sampling)
            for tensor in (sampling.temperature, sampling.top_k, sampling.top_p, sampling.noise_scale)
        ]
        return [
            self.positions, self.frames, self.last_frame_embedding, self.text, self.text_next, self.text_length,
            self.text_open, self.seen, self.done, self.paused, self.seed, self.penalty, *parameters,
        ]  # fmt: skip


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
    rows = talker.embed(text, codes, state.x_vectors[slots][:, None])
    hidden = talker.prefill(rows, lengths, state.kv, slots, starts)
    return _sample_frame(talker, state, slots, hidden, ~state.done[slots], bounds)


@torch.inference_mode()
def run_decode_step(talker: Talker, state: DecodeState, shape: StepShape) -> Tensor:
    """The next frame of slots 0..batch-1: (batch, 17) int64, 16 codes and a `SlotStatus`."""
    rows = slice(0, shape.batch)
    following = state.text_next[rows]
    has_text = following < state.text_length[rows]
    active = ~state.done[rows] & ~state.paused[rows] & (has_text | ~state.text_open[rows])
    token = state.text[rows].gather(1, following.clamp(max=state.text.shape[1] - 1)[:, None])[:, 0]
    token = torch.where(has_text, token, talker.config.text.pad_id)
    embedded = state.last_frame_embedding[rows] + talker.text_table[token]
    # an idle slot is computed too; its cache row is overwritten once its text has arrived
    hidden = talker.step(embedded, state.positions[rows], state.kv, shape.kv_length)
    state.positions[rows] += active
    state.text_next[rows] += active & has_text
    return _sample_frame(talker, state, rows, hidden, active, shape.bounds)


def _sample_frame(
    talker: Talker, state: DecodeState, rows: slice | Tensor, hidden: Tensor, active: Tensor, bounds: SamplingBounds
) -> Tensor:
    """Sample a frame from the talker's `hidden` rows and store it as the input of the next step."""
    config = talker.config.talker
    frame, seed = state.frames[rows], state.seed[rows]
    logits = first_logits(talker, hidden, state.seen[rows], state.penalty[rows], frame)
    sample_first = _code_sampler(
        talker, state.first_sampling.rows(rows), bounds, seed, frame, range(1), logits.shape[1]
    )
    first, first_finite = sample_first(0, logits)
    ended = first == config.eos_id
    rest, num_codes = range(1, NUM_CODEBOOKS), talker.config.predictor.codebook_size
    sample_rest = _code_sampler(talker, state.rest_sampling.rows(rows), bounds, seed, frame, rest, num_codes)
    finite = [first_finite]

    def choose(group: int, logits: Tensor) -> Tensor:
        code, is_finite = sample_rest(group, logits)
        finite.append(is_finite)
        return code

    codes = talker.code_predictor(hidden, first, choose)
    is_finite = first_finite & (ended | torch.stack(finite).all(dim=0))
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
    config = talker.config.talker
    logits = apply_repetition_penalty(talker.logits(hidden), seen, penalty)
    code = torch.arange(config.vocab_size, device=hidden.device)
    masked = torch.where(code == config.eos_id, (frame < MIN_FRAMES)[:, None], code >= config.num_audio_codes)
    return logits.masked_fill(masked, -torch.inf)
