"""The device's side of a turn: seat, prefill, step, decode. Arrays in, arrays out; owns every tensor that lives on.

This is the eager twin: each call runs at once and returns when its result is on the host. `graphs.GraphRunner` does the
same by replaying captured graphs. Knows no listener, no queue and no clock. One thread may call it.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from qwen3tts_webui.engine.prefix_cache import PrefixCache
from qwen3tts_webui.model import (
    MAX_DECODE_FRAMES,
    DecodeState,
    Prompt,
    Qwen3TTS,
    SamplingBounds,
    StepShape,
    idle_slot_values,
    memory_bytes,
    run_decode_step,
    run_prefill,
    slot_values,
)
from qwen3tts_webui.types import NUM_CODEBOOKS, Codes, Sampling

Rows = npt.NDArray[np.int64]  # (n, 17): 16 codes and a `SlotStatus`
Sounds = npt.NDArray[np.float32]  # (n, samples)
Ids = npt.NDArray[np.int64]

KV_STEP = 256
PASSAGE_MEMORY = 25
"""Frames of a passage that the codec hears again: as many as the official decoder repeats before each of its chunks. A
whole passage would keep everyone waiting on a CPU, and what lies before changes nothing that can be heard at the joint.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Seating:
    """A newcomer and the slot it gets."""

    slot: int
    prompt: Prompt
    sampling: Sampling
    seed: int


class Runner:
    """Speaks for up to `slots` utterances of at most `kv_length` rows (prompt and frames together).

    `device_s`: what the last `prefill` or `decode` took by the device's own clock; None where it has none.
    `prefix_hits`: of each newcomer of the last `prefill`, whether the prefix of its prompt was read before; None where
    none is kept.
    """

    device_s: float | None = None
    prefix_hits: Sequence[bool | None] = ()

    def __init__(self, model: Qwen3TTS, *, slots: int, kv_length: int, scratch: int = 0) -> None:
        self.model = model
        self.slots = slots
        self.kv_length = min(kv_length, model.config.talker.max_positions)
        self.state = DecodeState.empty(
            model.talker, slots=slots + scratch, kv_length=self.kv_length, text_length=self.kv_length
        )
        self.sound = model.codec.new_state(slots + scratch)
        self._prefixes = PrefixCache(model.talker)

    @torch.inference_mode()
    def prepare(self) -> None:
        """Do once what the first listener would otherwise wait for: a CPU's steps are compiled at their first call."""
        talker, codec, device = self.model.talker, self.model.codec, self.model.device
        zero = torch.zeros(1, dtype=torch.int64, device=device)
        row = torch.zeros(1, talker.config.talker.stack.hidden_size, dtype=self.state.kv.dtype, device=device)
        hidden = talker.step(row, zero, self.state.kv, min(KV_STEP, self.kv_length))  # slot 0 has no utterance yet
        talker.code_predictor(hidden, talker.logits(hidden).argmax(1), lambda _, scores: scores.argmax(1))
        codec.decode(zero.expand(1, NUM_CODEBOOKS, 1), codec.new_state(1), slice(None))

    def prefill(self, group: Sequence[Seating], reach: SamplingBounds) -> Rows:
        """Seat the newcomers, read their prompts together and pick their first frames."""
        longest = max(len(seating.prompt.text) for seating in group)
        self._write_text(group)
        inputs = self._read(group, batch=len(group), length=longest, spare=0)
        slots, text, codes, lengths, numbers = (torch.from_numpy(array).to(self.model.device) for array in inputs)
        self.state.load_slot(slots, numbers, codes)
        for seating in group:
            self.rehear(seating.slot, seating.prompt.context)
        starts = self._load_prefixes(group)
        if starts is not None:
            text, codes, lengths = _rows_after(starts, text, codes, lengths)
        return _rows(run_prefill(self.model.talker, self.state, slots, text, codes, lengths, reach, starts))

    def _load_prefixes(self, group: Sequence[Seating]) -> torch.Tensor | None:
        """How many rows of each prompt are in the KV cache now, (n,); None if of no prompt."""
        self.prefix_hits = [self._prefixes.load(seating.prompt, self.state.kv, seating.slot) for seating in group]
        starts = [
            0 if hit is None else seating.prompt.num_prefix
            for hit, seating in zip(self.prefix_hits, group, strict=True)
        ]
        return torch.tensor(starts, device=self.model.device) if any(starts) else None

    def _write_text(self, group: Sequence[Seating]) -> None:
        """Put the trailing text and the x-vectors of newcomers where their frames will find them."""
        for seating in group:
            self.state.set_x_vector(seating.slot, seating.prompt.x_vector)
            self.model.talker.ensure_projected(set(seating.prompt.text.tolist()))
            self.state.add_text(seating.slot, self.model.talker, 0, seating.prompt.trailing)

    def _read(self, group: Sequence[Seating], *, batch: int, length: int, spare: int) -> tuple[Ids, ...]:
        """What newcomers' prompts are: slots, text (batch, length), codes (batch, length, 16), lengths, seat numbers.

        Slots and lengths are (batch,), the numbers (batch, NUM_SLOT_VALUES). Rows beyond the group are padding for the
        slot `spare`.
        """
        slots, lengths = np.full(batch, spare), np.ones(batch, np.int64)
        text = np.zeros((batch, length), np.int64)
        codes = np.full((batch, length, NUM_CODEBOOKS), -1, np.int64)
        numbers = np.tile(idle_slot_values(), (batch, 1))
        for row, seating in enumerate(group):
            prompt, rows = seating.prompt, len(seating.prompt.text)
            slots[row], lengths[row], text[row, :rows], codes[row, :rows] = (
                seating.slot,
                rows,
                prompt.text,
                prompt.codes,
            )
            numbers[row] = slot_values(prompt, seating.sampling, seating.seed, self.model.config)
        return slots, text, codes, lengths, numbers

    def step(self, batch: int, longest: int, reach: SamplingBounds) -> Rows:
        """The next frame of slots 0..batch-1, none of which stands at a position of `longest` or above.

        When it fails, every slot stands where it stood before.
        """
        bucket = StepShape(batch, min(-(-longest // KV_STEP) * KV_STEP, self.kv_length), reach)
        progress = self.state.snapshot(batch)
        try:
            return _rows(run_decode_step(self.model.talker, self.state, bucket))
        except Exception:
            self.state.restore(progress)
            raise

    def decode(self, slots: Sequence[int], frames: npt.NDArray[np.int64]) -> Sounds:
        """The sound of the next `frames` (n, frames, 16) of these slots. If it fails, `rehear` makes them fit again."""
        device = self.model.device
        codes = torch.from_numpy(frames.transpose(0, 2, 1).copy()).to(device)
        first, last = slots[0], slots[-1] + 1
        dense = list(slots) == list(range(first, last))
        rows = slice(first, last) if dense else torch.tensor(slots, device=device)
        sounds: Sounds = self.model.codec.decode(codes, self.sound, rows).cpu().numpy()
        return sounds

    def rehear(self, slot: int, context: Codes, frames: npt.NDArray[np.int64] | None = None) -> None:
        """Rebuild the codec state of `slot` after the end of `context` (of a passage or reference), then `frames`."""
        self.sound.reset(slice(slot, slot + 1))
        for past in (context[-PASSAGE_MEMORY:], context[:0] if frames is None else frames):
            for start in range(0, len(past), MAX_DECODE_FRAMES):
                self.decode([slot], past[None, start : start + MAX_DECODE_FRAMES].astype(np.int64))

    def add_text(self, slot: int, start: int, ids: Sequence[int], *, close: bool) -> None:
        """More text for `slot`, which has `start` trailing ids already."""
        self.state.add_text(slot, self.model.talker, start, ids, close=close)

    def hold(self, slot: int, held: bool) -> None:
        """Let `slot` sit out, or take part again from the next step."""
        self.state.paused[slot] = held

    def move(self, source: int, target: int, length: int) -> None:
        """The utterance of `source`, at most `length` rows long, goes on in `target`."""
        self.state.move(source, target, length)
        self.sound.move(source, target)

    def free(self, slot: int, *, broken: bool = False) -> None:
        """Nobody speaks in `slot` any more; `broken`: its numbers are not to be trusted."""
        if broken:
            self.state.clear_slot(slot)
        else:
            self.state.release(slot)

    @property
    def nbytes(self) -> int:
        """Memory of weights, caches and state on the device, in bytes."""
        return memory_bytes(self.model.talker, self.model.codec) + self.state.kv.nbytes + self.sound.nbytes

    def close(self) -> None:
        """Give all memory back to the device. Nothing may be called afterwards."""
        on_cuda = self.model.device.type == "cuda"
        del self.model, self.state, self.sound, self._prefixes
        gc.collect()
        if on_cuda:  # else the driver does not count it as free, and the next model seems not to fit
            torch.cuda.empty_cache()


def _rows(result: torch.Tensor) -> Rows:
    rows: Rows = result.cpu().numpy()
    return rows


def _rows_after(
    starts: torch.Tensor, text: torch.Tensor, codes: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`text` (n, time), `codes` (n, time, 16), `lengths` (n,) of padded prompts less their first `starts` (n,) rows."""
    lengths = lengths - starts
    time = torch.arange(int(lengths.max()), device=starts.device)
    index = (starts[:, None] + time).clamp(max=text.shape[1] - 1)
    row = torch.arange(len(starts), device=starts.device)[:, None]
    return text[row, index], codes[row, index], lengths
