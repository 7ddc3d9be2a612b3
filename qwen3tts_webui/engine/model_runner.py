"""Run the model on the device: prefill, step, decode. Arrays in, arrays out; owns all persistent tensors.

This is the eager twin: each call runs at once and returns when its result is on the host. `CudaGraphRunner` does the
same by replaying captured graphs. Knows no sink, queue or clock. Used by one thread.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

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
    load_slot,
    memory_bytes,
    run_decode_step,
    run_prefill,
    slot_values,
    trim_host_memory,
)
from qwen3tts_webui.types import NUM_CODEBOOKS, Codes, Sampling

FrameRows = npt.NDArray[np.int64]  # (n, 17): 16 codes and a `SlotStatus`
Waveforms = npt.NDArray[np.float32]  # (n, samples)
IntArray = npt.NDArray[np.int64]
T = TypeVar("T")

KV_BLOCK = 256
CODEC_CONTEXT_FRAMES = 25
"""Frames of an acoustic prompt decoded again to rebuild the codec state: as many as the official decoder repeats before
each of its chunks. Earlier frames do not change the audio audibly, and decoding all would delay other utterances.
"""


@dataclass(frozen=True, slots=True, eq=False)
class SlotAssignment:
    """A sequence to prefill and its slot."""

    slot: int
    prompt: Prompt
    sampling: Sampling
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class SavedSlot:
    """A running sequence on the host, while others use its slot."""

    decode: tuple[torch.Tensor, ...]
    codec: tuple[torch.Tensor, ...]


class ModelRunner:
    """Runs up to `slots` sequences of at most `kv_length` positions (prompt and frames together).

    `scratch` slots are added for padding. `device_s`: the duration of the last `prefill` or `decode` by the device's
    own clock; None if it has none. `prefix_hits`: for each prompt of the last `prefill`, whether its prefix was cached;
    None if it is too short to cache. `runs_ahead`: packets can be decoded while a started step is computed.
    """

    runs_ahead = False
    device_s: float | None = None
    prefix_hits: Sequence[bool | None] = ()

    def __init__(self, model: Qwen3TTS, *, slots: int, kv_length: int, scratch: int = 0) -> None:
        self.model = model
        self.slots = slots
        self.kv_length = min(kv_length, model.config.talker.max_positions)
        self.state = DecodeState.empty(
            model.talker, slots=slots + scratch, kv_length=self.kv_length, text_length=self.kv_length
        )
        self.codec_state = model.codec.new_state(slots + scratch)
        self._prefixes = PrefixCache(model.talker)

    def prepare(self) -> None:
        """Prepare for the first request: nothing here, the warm-up compiles a CPU's kernels."""

    def prefill(self, batch: Sequence[SlotAssignment], bounds: SamplingBounds) -> FrameRows:
        """Load the slots, prefill the prompts together and sample the first frames."""
        longest = max(len(assignment.prompt.text) for assignment in batch)
        self._write_text(batch)
        inputs = self._prompt_inputs(batch, size=len(batch), length=longest, spare=0)
        slots, text, codes, lengths, values = (torch.from_numpy(array).to(self.model.device) for array in inputs)
        load_slot(self.model.talker, self.state, slots, values, codes)
        for assignment in batch:
            self.rebuild_codec_state(assignment.slot, assignment.prompt.context)
        starts = self._load_prefixes(batch)
        if starts is not None:
            text, codes, lengths = _without_prefixes(starts, text, codes, lengths)
        return _rows(run_prefill(self.model.talker, self.state, slots, text, codes, lengths, bounds, starts))

    def _load_prefixes(self, batch: Sequence[SlotAssignment]) -> torch.Tensor | None:
        """Return the number of tokens of each prompt now in the KV cache, (n,); None if all are zero."""
        kv = self.state.kv
        self.prefix_hits = [self._prefixes.load(assignment.prompt, kv, assignment.slot) for assignment in batch]
        starts = [
            0 if hit is None else assignment.prompt.num_prefix
            for hit, assignment in zip(self.prefix_hits, batch, strict=True)
        ]
        return torch.tensor(starts, device=self.model.device) if any(starts) else None

    def _write_text(self, batch: Sequence[SlotAssignment]) -> None:
        """Write the trailing text and x-vectors to the slots, where the steps read them."""
        for assignment in batch:
            prompt = assignment.prompt
            self.state.set_x_vector(assignment.slot, prompt.x_vector)
            self.model.talker.ensure_projected(set(prompt.text.tolist()))
            self.state.add_text(assignment.slot, self.model.talker, 0, prompt.trailing)

    def _prompt_inputs(
        self, batch: Sequence[SlotAssignment], *, size: int, length: int, spare: int
    ) -> tuple[IntArray, ...]:
        """Return slots (size,), text (size, length), codes (size, length, 16), lengths (size,) and slot parameters.

        Rows beyond the batch are padding for the slot `spare`.
        """
        slots, lengths = np.full(size, spare), np.ones(size, np.int64)
        text = np.zeros((size, length), np.int64)
        codes = np.full((size, length, NUM_CODEBOOKS), -1, np.int64)
        values = np.tile(idle_slot_values(), (size, 1))
        for row, assignment in enumerate(batch):
            prompt, tokens = assignment.prompt, len(assignment.prompt.text)
            slots[row], lengths[row] = assignment.slot, tokens
            text[row, :tokens], codes[row, :tokens] = prompt.text, prompt.codes
            values[row] = slot_values(prompt, assignment.sampling, assignment.seed, self.model.config)
        return slots, text, codes, lengths, values

    def step(self, batch: int, longest: int, bounds: SamplingBounds) -> FrameRows:
        """Compute the next frame of slots 0..batch-1, all at positions below `longest`.

        After an error, all slots are as they were before.
        """
        step_shape = StepShape(batch, min(-(-longest // KV_BLOCK) * KV_BLOCK, self.kv_length), bounds)
        snapshot = self.state.snapshot(batch)
        try:
            return _rows(run_decode_step(self.model.talker, self.state, step_shape))
        except Exception:
            self.state.restore(snapshot)
            raise

    def start_step(self, batch: int, longest: int, bounds: SamplingBounds) -> Callable[[], FrameRows]:
        """Start a `step` and return a function that waits for its result, to be called before the next step.

        Slots may be changed before that: changes take effect after the step.
        """
        rows = self.step(batch, longest, bounds)
        return lambda: rows

    def decode(self, slots: Sequence[int], frames: npt.NDArray[np.int64]) -> Waveforms:
        """Decode the next `frames` (n, frames, 16) of these slots. After an error, call `rebuild_codec_state`."""
        return self._on_codec_stream(lambda: self._decode_eagerly(slots, frames))

    def _decode_eagerly(self, slots: Sequence[int], frames: npt.NDArray[np.int64]) -> Waveforms:
        device = self.model.device
        codes = torch.from_numpy(frames.transpose(0, 2, 1).copy()).to(device)
        first, last = slots[0], slots[-1] + 1
        dense = list(slots) == list(range(first, last))
        rows = slice(first, last) if dense else torch.tensor(slots, device=device)
        waveforms: Waveforms = self.model.codec.decode(codes, self.codec_state, rows).cpu().numpy()
        return waveforms

    def rebuild_codec_state(self, slot: int, context: Codes, frames: npt.NDArray[np.int64] | None = None) -> None:
        """Rebuild the codec state of `slot` from the end of `context` (acoustic prompt or reference), then `frames`."""
        self._on_codec_stream(lambda: self.codec_state.reset(slice(slot, slot + 1)))
        for past in (context[-CODEC_CONTEXT_FRAMES:], context[:0] if frames is None else frames):
            for start in range(0, len(past), MAX_DECODE_FRAMES):
                self.decode([slot], past[None, start : start + MAX_DECODE_FRAMES].astype(np.int64))

    def add_text(self, slot: int, start: int, ids: Sequence[int], *, close: bool) -> None:
        """Append text ids to `slot`, which has `start` trailing ids."""
        self.state.add_text(slot, self.model.talker, start, ids, close=close)

    def set_paused(self, slot: int, paused: bool) -> None:
        """Exclude `slot` from the next steps, or include it again."""
        self.state.paused[slot] = paused

    def move(self, source: int, target: int, length: int) -> None:
        """Move the sequence in `source`, at most `length` positions long, to `target`."""
        self.state.move(source, target, length)
        self._on_codec_stream(lambda: self.codec_state.move(source, target))

    def save(self, slot: int, length: int) -> SavedSlot:
        """Copy the sequence in `slot`, at most `length` positions long, to the host; then `release` the slot."""
        codec = self._on_codec_stream(lambda: self.codec_state.save(slot))
        return SavedSlot(self.state.save(slot, length), codec)

    def load(self, slot: int, saved: SavedSlot) -> None:
        """Continue a saved sequence in `slot`."""
        self.state.load(slot, saved.decode)
        self._on_codec_stream(lambda: self.codec_state.load(slot, saved.codec))

    def release(self, slot: int, *, invalid: bool = False) -> None:
        """Free `slot`; `invalid`: its state may contain invalid numbers, so clear it."""
        if invalid:
            self.state.clear_slot(slot)
        else:
            self.state.release(slot)

    def _on_codec_stream(self, work: Callable[[], T]) -> T:
        """Call `work`, which launches on the stream of the codec: everything that touches `codec_state`."""
        return work()

    @property
    def nbytes(self) -> int:
        """Bytes of weights, caches and state on the device."""
        return memory_bytes(self.model.talker, self.model.codec) + self.state.kv.nbytes + self.codec_state.nbytes

    def close(self) -> None:
        """Release all memory of the device. No method may be called afterwards."""
        backend = {"cuda": torch.cuda, "xpu": torch.xpu}.get(self.model.device.type)
        del self.model, self.state, self.codec_state, self._prefixes
        gc.collect()
        if backend is not None:  # else the driver counts it as used, and the next model seems not to fit
            backend.empty_cache()
        trim_host_memory()


def _rows(result: torch.Tensor) -> FrameRows:
    rows: FrameRows = result.cpu().numpy()
    return rows


def _without_prefixes(
    starts: torch.Tensor, text: torch.Tensor, codes: torch.Tensor, lengths: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return `text` (n, time), `codes` (n, time, 16) and `lengths` (n,) without the first `starts` (n,) tokens."""
    lengths = lengths - starts
    time = torch.arange(int(lengths.max()), device=starts.device)
    index = (starts[:, None] + time).clamp(max=text.shape[1] - 1)
    row = torch.arange(len(starts), device=starts.device)[:, None]
    return text[row, index], codes[row, index], lengths
