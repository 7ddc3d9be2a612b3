"""One frame of speech for many slots at once, on the device from start to end.

Input: per-slot tensors of fixed shape (`DecodeState`). Output: 16 codes per slot and its status. Active
utterances occupy slots 0..n-1. Nothing here waits for the host or decides on a value, so a `StepShape` of
`run_decode_step` can be captured as one CUDA graph; shapes depend on the bucket alone. Knows no text and no sound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from qwen3tts_webui.model.sampling import Rule, SamplingBounds, draw, gumbel, penalise
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.types import NUM_CODEBOOKS, XVector

MIN_FRAMES = 2  # the talker may not end before (MODEL.md section 5)

FRAME: Final = 0  # the codes are a frame
END: Final = 1  # the utterance ended before these codes
BROKEN: Final = 2  # NaN or Inf: the codes mean nothing, the utterance is over
IDLE: Final = 3  # the slot waits for text, is held, or its utterance is over


@dataclass(frozen=True, slots=True)
class StepShape:
    """What a CUDA graph of `run_decode_step` is captured for: slots 0..batch-1, positions below `kv_length`."""

    batch: int
    kv_length: int
    reach: SamplingBounds


@dataclass(slots=True)
class DecodeState:
    """Everything the loop carries from frame to frame. The first dimension is the slot, but for `kv`.

    `kv` (layers, 2, slots, kv_heads, length, head_dim); `positions`: where the next row of the talker stands; `frames`:
    how many were picked, the passage included; `summed` (slots, hidden): the embedding of the last frame; `text`
    (slots, tokens), `text_next`, `text_length`, `text_open`: the ids that go with the frames to come, and whether more
    will follow; `seen` (slots, vocab_size) bool: first codes so far; `done`: it is over; `held`: it sits this step out;
    `x_vectors` (slots, hidden): the cloned voice that the prompt begins with, else zeros.
    """

    kv: Tensor
    positions: Tensor
    frames: Tensor
    summed: Tensor
    text: Tensor
    text_next: Tensor
    text_length: Tensor
    text_open: Tensor
    seen: Tensor
    done: Tensor
    held: Tensor
    seed: Tensor
    penalty: Tensor
    first_rule: Rule
    rest_rule: Rule
    x_vectors: Tensor

    @classmethod
    def empty(cls, talker: Talker, *, slots: int, kv_length: int, text_length: int) -> DecodeState:
        """Room for `slots` utterances of at most `kv_length` positions and `text_length` trailing text ids."""
        kv = talker.new_kv(slots, kv_length)
        spec, device = talker.spec.talker, kv.device

        def numbers() -> Tensor:
            return torch.zeros(slots, dtype=torch.int64, device=device)

        def flags(value: bool, *shape: int) -> Tensor:
            return torch.full((slots, *shape), value, device=device)

        return cls(
            kv=kv,
            positions=numbers(),
            frames=numbers(),
            summed=torch.zeros(slots, spec.stack.hidden_size, dtype=kv.dtype, device=device),
            text=torch.zeros(slots, text_length, dtype=torch.int64, device=device),
            text_next=numbers(),
            text_length=numbers(),
            text_open=flags(False),
            seen=flags(False, spec.vocab_size),
            done=flags(True),
            held=flags(False),
            seed=numbers(),
            penalty=torch.ones(slots, 1, device=device),
            first_rule=Rule.empty(slots, device),
            rest_rule=Rule.empty(slots, device),
            x_vectors=torch.zeros(slots, spec.stack.hidden_size, dtype=kv.dtype, device=device),
        )

    def seat(self, slots: Tensor, numbers: Tensor, codes: Tensor) -> None:
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
        self.held[slots] = torch.zeros_like(slots, dtype=torch.bool)
        self.seed[slots] = numbers[:, 5]
        self.penalty[slots] = reals[:, 6:7]
        for rule, first in ((self.first_rule, 7), (self.rest_rule, 11)):
            rule.top_k[slots] = numbers[:, first : first + 1]
            rule.temperature[slots] = reals[:, first + 1 : first + 2]
            rule.top_p[slots] = reals[:, first + 2 : first + 3]
            rule.noise[slots] = reals[:, first + 3 : first + 4]
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
            talker.know(set(ids))
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
        self.free(source)

    def free(self, slot: int) -> None:
        """Nobody speaks in `slot` any more; at position 0 it costs the steps of the others nothing."""
        self.done[slot] = True
        self.positions[slot] = 0

    def progress(self, batch: int) -> tuple[Tensor, ...]:
        """A copy of how far slots 0..batch-1 are, for `go_back`."""
        return tuple(tensor[:batch].clone() for tensor in self._advancing())

    def go_back(self, progress: tuple[Tensor, ...]) -> None:
        """Undo what a `run_decode_step` did since `progress` was taken; what it left in `kv` will be written again."""
        for tensor, before in zip(self._advancing(), progress, strict=True):
            tensor[: len(before)] = before

    def wipe(self, slot: int) -> None:
        """Make `slot` fit for use after a BROKEN utterance: a NaN would leak even through the attention mask."""
        self.kv[:, :, slot] = 0
        self.summed[slot] = 0
        self.free(slot)

    def _advancing(self) -> tuple[Tensor, ...]:
        return self.positions, self.frames, self.summed, self.text_next, self.seen, self.done

    def _by_slot(self) -> list[Tensor]:
        rules = [
            tensor
            for rule in (self.first_rule, self.rest_rule)
            for tensor in (rule.temperature, rule.top_k, rule.top_p, rule.noise)
        ]
        return [
            self.positions,
            self.frames,
            self.summed,
            self.text,
            self.text_next,
            self.text_length,
            self.text_open,
            self.seen,
            self.done,
            self.held,
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
    reach: SamplingBounds,
) -> Tensor:
    """Read the prompts of newly seated `slots` (n,) and pick their first frame.

    `text` (n, time), `codes` (n, time, 16) are prompt rows padded on the right, `lengths` (n,) the real ones. Returns
    (n, 17) int64 as `run_decode_step`.
    """
    rows = talker.embed(text, codes, state.x_vectors[slots][:, None])
    hidden = talker.prefill(rows, lengths, state.kv, slots)
    return _pick(talker, state, slots, hidden, ~state.done[slots], reach)


@torch.inference_mode()
def run_decode_step(talker: Talker, state: DecodeState, bucket: StepShape) -> Tensor:
    """The next frame of slots 0..batch-1: (batch, 17) int64, 16 codes and FRAME, END, BROKEN or IDLE."""
    rows = slice(0, bucket.batch)
    following = state.text_next[rows]
    has_text = following < state.text_length[rows]
    active = ~state.done[rows] & ~state.held[rows] & (has_text | ~state.text_open[rows])
    token = state.text[rows].gather(1, following.clamp(max=state.text.shape[1] - 1)[:, None])[:, 0]
    token = torch.where(has_text, token, talker.spec.text.pad_id)
    embedded = state.summed[rows] + talker.text_table[token]
    # an idle slot computes too; what it writes into the cache is written again when its text is there
    hidden = talker.step(embedded, state.positions[rows], state.kv, bucket.kv_length)
    state.positions[rows] += active
    state.text_next[rows] += active & has_text
    return _pick(talker, state, rows, hidden, active, bucket.reach)


def _pick(
    talker: Talker, state: DecodeState, rows: slice | Tensor, hidden: Tensor, active: Tensor, reach: SamplingBounds
) -> Tensor:
    """Pick a frame from the talker's `hidden` rows and make it what the next step continues from."""
    spec = talker.spec.talker
    frame, seed = state.frames[rows], state.seed[rows]
    scores = first_scores(talker, hidden, state.seen[rows], state.penalty[rows], frame)
    draw_first = _drawing(talker, state.first_rule.rows(rows), reach, seed, frame, range(1), scores.shape[1])
    first, first_sound = draw_first(0, scores)
    ended = first == spec.eos_id
    rest, num_codes = range(1, NUM_CODEBOOKS), talker.spec.predictor.codebook_size
    draw_rest = _drawing(talker, state.rest_rule.rows(rows), reach, seed, frame, rest, num_codes)
    sounds = [first_sound]

    def choose(group: int, scores: Tensor) -> Tensor:
        code, sound = draw_rest(group, scores)
        sounds.append(sound)
        return code

    codes = talker.code_predictor(hidden, first, choose)
    sound = first_sound & (ended | torch.stack(sounds).all(dim=0))
    goes_on = active & sound & ~ended
    state.frames[rows] += active
    state.done[rows] |= active & ~goes_on
    state.seen[rows] |= active[:, None] & (torch.arange(spec.vocab_size, device=first.device) == first[:, None])
    state.summed[rows] = torch.where(goes_on[:, None], talker.embed_codes(codes), state.summed[rows])
    status = torch.where(active, torch.where(sound, torch.where(ended, END, FRAME), BROKEN), IDLE)
    return torch.cat((codes, status[:, None]), dim=1)


def _drawing(
    talker: Talker, rule: Rule, reach: SamplingBounds, seed: Tensor, frame: Tensor, groups: range, num_codes: int
) -> Callable[[int, Tensor], tuple[Tensor, Tensor]]:
    """Draws (codes, sound) for any codebook of `groups` from its scores; the noise of all is made at once."""
    in_one = talker.fused_sampler
    if in_one is not None and (talker.sampler_takes_any_rule or not reach.nucleus):
        return lambda group, scores: in_one(scores, rule, seed, frame, group)
    noise = gumbel(seed, frame, groups.start, len(groups), num_codes)
    return lambda group, scores: draw(scores, rule, reach, noise[:, group - groups.start])


def first_scores(talker: Talker, hidden: Tensor, seen: Tensor, penalty: Tensor, frame: Tensor) -> Tensor:
    """Scores of the first code before temperature: penalised, no early end, no control id but the end. (n, vocab)."""
    spec = talker.spec.talker
    scores = penalise(talker.scores(hidden), seen, penalty)
    code = torch.arange(spec.vocab_size, device=hidden.device)
    barred = torch.where(code == spec.eos_id, (frame < MIN_FRAMES)[:, None], code >= spec.num_sounds)
    return scores.masked_fill(barred, -torch.inf)
