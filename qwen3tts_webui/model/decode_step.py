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
        """Room for `slots` utterances of at most `kv_length` positions and `text_length` trailing text ids."""
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

    def load_slot(self, slots: Tensor, numbers: Tensor, codes: Tensor) -> None:
        """Give `slots` (n,) to new utterances, before their `run_prefill` and after the `add_text` of trailing text.

        `numbers` (n, NUM_SLOT_VALUES) are of `slot_values`, or of `idle_slot_values` for padding, which stays idle.
        `codes` (n, time, 16) are the prompts' rows; the last of them are the frames that a passage has spoken already.
        Those of a reference recording, before them, do not count.
        """
        reals = numbers.view(torch.float64).float()
        self.positions[slots] = numbers[:, 0]
        self.frames[slots] = numbers[:, 1]
        self.text_next[slots] = torch.zeros_like(slots)
        self.text_length[slots] = numbers[:, 2]
        self.text_open[slots] = numbers[:, 3] != 0
        self.done[slots] = numbers[:, 4] == 0
        self.paused[slots] = torch.zeros_like(slots, dtype=torch.bool)
        self.seed[slots] = numbers[:, 5]
        self.penalty[slots] = reals[:, 6:7]
        for rule, first in ((self.first_sampling, 7), (self.rest_sampling, 11)):
            rule.top_k[slots] = numbers[:, first : first + 1]
            rule.temperature[slots] = reals[:, first + 1 : first + 2]
            rule.top_p[slots] = reals[:, first + 2 : first + 3]
            rule.noise_scale[slots] = reals[:, first + 3 : first + 4]
        num_codes = self.seen.shape[1]
        row = torch.arange(codes.shape[1], device=slots.device)
        is_spoken = (row >= (numbers[:, 0] - numbers[:, 1])[:, None]) & (codes[:, :, 1] >= 0)
        spoken = torch.where(is_spoken, codes[:, :, 0], num_codes)
        seen = torch.zeros(len(slots), num_codes + 1, dtype=torch.bool, device=slots.device)
        self.seen[slots] = seen.scatter_(1, spoken, True)[:, :num_codes]

    def set_x_vector(self, slot: int, x_vector: XVector | None) -> None:
        """Set the cloned voice (hidden,) of a new utterance in `slot`, or none, before its `run_prefill`."""
        self.x_vectors[slot] = 0.0 if x_vector is None else torch.from_numpy(x_vector).to(self.x_vectors)

    def add_text(self, slot: int, talker: Talker, start: int, ids: Sequence[int], *, close: bool = False) -> None:
        """Append trailing text ids after the `start` that `slot` has already; with `close`, no more will come."""
        if ids:
            talker.ensure_projected(set(ids))
            end = start + len(ids)
            self.text[slot, start:end] = torch.tensor(ids, device=self.text.device)
            self.text_length[slot] = end
        if close:
            self.text_open[slot] = False

    def move(self, source: int, target: int, kv_length: int) -> None:
        """Let the utterance of `source` go on in `target`; its positions lie below `kv_length`."""
        self.kv[:, :, target, :, :kv_length] = self.kv[:, :, source, :, :kv_length]
        for tensor in self._by_slot():
            tensor[target] = tensor[source]
        self.release(source)

    def release(self, slot: int) -> None:
        """Nobody speaks in `slot` any more; at position 0 it costs the steps of the others nothing."""
        self.done[slot] = True
        self.positions[slot] = 0

    def snapshot(self, batch: int) -> tuple[Tensor, ...]:
        """A copy of how far slots 0..batch-1 are, for `restore`."""
        return tuple(tensor[:batch].clone() for tensor in self._advancing())

    def restore(self, progress: tuple[Tensor, ...]) -> None:
        """Undo what a `run_decode_step` did since `snapshot` was taken; what it left in `kv` will be written again."""
        for tensor, before in zip(self._advancing(), progress, strict=True):
            tensor[: len(before)] = before

    def clear_slot(self, slot: int) -> None:
        """Make `slot` fit for use after an invalid utterance: a NaN would leak even through the attention mask."""
        self.kv[:, :, slot] = 0
        self.last_frame_embedding[slot] = 0
        self.release(slot)

    def _advancing(self) -> tuple[Tensor, ...]:
        return self.positions, self.frames, self.last_frame_embedding, self.text_next, self.seen, self.done

    def _by_slot(self) -> list[Tensor]:
        rules = [
            tensor
            for rule in (self.first_sampling, self.rest_sampling)
            for tensor in (rule.temperature, rule.top_k, rule.top_p, rule.noise_scale)
        ]
        return [
            self.positions,
            self.frames,
            self.last_frame_embedding,
            self.text,
            self.text_next,
            self.text_length,
            self.text_open,
            self.seen,
            self.done,
            self.paused,
            self.seed,
            self.penalty,
            *rules,
        ]


@torch.inference_mode()
def run_prefill(
    talker: Talker,
    state: DecodeState,
    slots: Tensor,
    text: Tensor,
    codes: Tensor,
    lengths: Tensor,
    bounds: SamplingBounds,
) -> Tensor:
    """Read the prompts of newly seated `slots` (n,) and pick their first frame.

    `text` (n, time), `codes` (n, time, 16) are prompt rows padded on the right, `lengths` (n,) the real ones. Returns
    (n, 17) int64 as `run_decode_step`.
    """
    rows = talker.embed(text, codes, state.x_vectors[slots][:, None])
    hidden = talker.prefill(rows, lengths, state.kv, slots)
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
    # an idle slot computes too; what it writes into the cache is written again when its text is there
    hidden = talker.step(embedded, state.positions[rows], state.kv, shape.kv_length)
    state.positions[rows] += active
    state.text_next[rows] += active & has_text
    return _sample_frame(talker, state, rows, hidden, active, shape.bounds)


def _sample_frame(
    talker: Talker, state: DecodeState, rows: slice | Tensor, hidden: Tensor, active: Tensor, bounds: SamplingBounds
) -> Tensor:
    """Pick a frame from the talker's `hidden` rows and make it what the next step continues from."""
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
    rule: SamplingTensors,
    bounds: SamplingBounds,
    seed: Tensor,
    frame: Tensor,
    groups: range,
    num_codes: int,
) -> Callable[[int, Tensor], tuple[Tensor, Tensor]]:
    """Draws (codes, is_finite) for any codebook of `groups` from its logits; the noise of all is made at once."""
    fused = talker.fused_sampler
    if fused is not None and (talker.sampler_supports_top_p or not bounds.uses_top_p):
        return lambda group, logits: fused(logits, rule, seed, frame, group)
    noise = gumbel(seed, frame, groups.start, len(groups), num_codes)
    return lambda group, logits: sample(logits, rule, bounds, noise[:, group - groups.start])


def first_logits(talker: Talker, hidden: Tensor, seen: Tensor, penalty: Tensor, frame: Tensor) -> Tensor:
    """Scores of the first code before temperature: penalised, no early end, no control id but the end. (n, vocab)."""
    config = talker.config.talker
    logits = apply_repetition_penalty(talker.logits(hidden), seen, penalty)
    code = torch.arange(config.vocab_size, device=hidden.device)
    masked = torch.where(code == config.eos_id, (frame < MIN_FRAMES)[:, None], code >= config.num_audio_codes)
    return logits.masked_fill(masked, -torch.inf)
