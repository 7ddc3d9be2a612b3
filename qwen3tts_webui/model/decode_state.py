"""State of all slots between decode steps: per-slot tensors of fixed shape, entirely on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from qwen3tts_webui.model.sampling import SamplingTensors
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.types import XVector

MIN_FRAMES = 2  # the talker may not end earlier (docs/model.md, section 5)


class SlotStatus(IntEnum):
    """Outcome of a step in one slot."""

    FRAME = 0  # the codes are a frame
    FINISHED = 1  # the utterance ended before these codes
    INVALID = 2  # NaN or Inf: the codes are meaningless, the utterance has failed
    IDLE = 3  # waits for text, is paused, or its utterance is over


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
