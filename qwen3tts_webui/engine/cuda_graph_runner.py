"""The runner for a GPU: whole frames, prompts and codec packets as captured graphs, replayed with one launch each.

A graph has fixed shapes and fixed memory, so work is padded to the next captured size and copied into its buffers;
padding speaks in a scratch slot that nobody hears. What has no graph runs in the eager twin, `Runner`. The capture
itself is handed in: on a GPU it is `capture.CudaCapture`, in tests it runs the same work again, so that all but CUDA is
proven anywhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from qwen3tts_webui.engine.host_transfer import InputBuffer, ResultRing, Watch
from qwen3tts_webui.engine.model_runner import Rows, Runner, Seating, Sounds
from qwen3tts_webui.model import (
    Qwen3TTS,
    SamplingBounds,
    StepShape,
    run_decode_step,
    run_prefill,
)
from qwen3tts_webui.types import NUM_CODEBOOKS, SAMPLES_PER_FRAME

log = logging.getLogger(__name__)

BATCHES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)
PROMPT_ROWS = (32, 64, 96, 128, 256, 384, 512, 1024)
GROUPS = (1, 2, 4, 8, 16, 32)
GROUP_ROWS = 2048
"""Prompt rows that are read together at most, padding included; larger groups are read in halves."""
PACKETS = (1, 2, 4, 8)
COMMON = SamplingBounds(max_top_k=64, uses_top_p=False)

Work = Callable[[], Tensor]
Replay = Callable[[], Tensor]


class Capture(Protocol):
    """Turns work on fixed buffers into something that repeats it; the tensor that it returns is the same every time."""

    def __call__(self, work: Work) -> Replay: ...


@dataclass(frozen=True, slots=True)
class Shape:
    """What one graph is for. `batch` utterances; `length`: KV rows of a step, rows of a prompt, frames of a packet.

    `any_rule`: it draws by any rule, not only by the common ones (no nucleus, at most 64 candidates).
    """

    kind: Literal["step", "prompt", "packet"]
    batch: int
    length: int
    any_rule: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    replay: Replay
    inputs: InputBuffer | None


class GraphRunner(Runner):
    """Like `Runner`; `prepare` captures every graph before the first listener comes."""

    def __init__(
        self, model: Qwen3TTS, *, slots: int, kv_length: int, capture: Capture, watch: Watch | None = None
    ) -> None:
        super().__init__(model, slots=slots, kv_length=kv_length, scratch=1)
        self._scratch = slots
        self._capture = capture
        self._watch = watch
        self._pinned = model.device.type == "cuda"
        largest = slots * PACKETS[-1] * SAMPLES_PER_FRAME * torch.float32.itemsize
        self._results = ResultRing(2 * largest, pinned=self._pinned)
        self._graphs: dict[Shape, _Graph] = {}
        self._any = SamplingBounds(max_top_k=model.config.talker.vocab_size, uses_top_p=True)
        self._sampler_takes_any_rule = (
            model.talker.sampler_supports_top_p
        )  # the draw of the device knows all rules: one graph for all

    # capturing

    def prepare(self) -> None:
        """Capture all graphs, and say how long it took.

        When a capture fails the rest is given up: what has no graph runs in the eager twin.
        """
        began = time.monotonic()
        for shape in self.shapes():
            try:
                work, inputs = self._work(shape)
                self._graphs[shape] = _Graph(self._capture(work), inputs)
            except Exception as error:  # CUDA's when memory is short, Triton's when a kernel does not compile
                log.warning("no more graphs after %d: %s cannot be captured: %s", len(self._graphs), shape, error)
                break
        log.info("captured %d graphs in %.1f s", len(self._graphs), time.monotonic() - began)

    @property
    def num_graphs(self) -> int:
        return len(self._graphs)

    def shapes(self) -> Iterator[Shape]:
        """All graphs in the order of capture: one utterance first, rare rules last."""
        batches = [batch for batch in BATCHES if batch < self.slots] + [self.slots]
        groups = [group for group in GROUPS if group <= self.slots]
        rules = (False,) if self._sampler_takes_any_rule else (False, True)
        for any_rule in rules:
            for batch in batches:
                yield from (Shape("step", batch, length, any_rule) for length in self._kv_lengths())
                if not any_rule:
                    yield from (Shape("packet", batch, frames) for frames in PACKETS)
                if batch in groups:
                    yield from (Shape("prompt", batch, rows, any_rule) for rows in self._prompt_rows(batch))

    def _kv_lengths(self) -> list[int]:
        """Fused steps read the rows that are there; layers read as many as their graph was made for."""
        if self.model.talker.model.steps is not None:
            return [self.kv_length]
        return [length for length in (256, 512, 1024, 2048, 4096) if length < self.kv_length] + [self.kv_length]

    def _prompt_rows(self, group: int) -> list[int]:
        return [rows for rows in PROMPT_ROWS if rows <= self.kv_length and (group == 1 or group * rows <= GROUP_ROWS)]

    def _work(self, shape: Shape) -> tuple[Work, InputBuffer | None]:
        """What a graph does, and the buffer that it reads."""
        talker, device = self.model.talker, self.model.device
        reach = self._any if shape.any_rule else COMMON
        if shape.kind == "step":
            bucket = StepShape(shape.batch, shape.length, reach)
            return lambda: run_decode_step(talker, self.state, bucket), None
        batch, length = shape.batch, shape.length
        if shape.kind == "packet":
            inputs = InputBuffer([(batch,), (batch, NUM_CODEBOOKS, length)], device, pinned=self._pinned)
            slots, codes = inputs.views
            slots.fill_(self._scratch)
            return lambda: self.model.codec.decode(codes, self.sound, slots), inputs
        empty = self._read([], batch=batch, length=length, spare=self._scratch)
        inputs = InputBuffer([part.shape for part in empty], device, pinned=self._pinned)
        inputs.fill(empty)
        slots, text, rows, lengths, numbers = inputs.views

        def read() -> Tensor:
            self.state.load_slot(slots, numbers, rows)
            return run_prefill(talker, self.state, slots, text, rows, lengths, reach)

        return read, inputs

    # replaying

    def prefill(self, group: Sequence[Seating], reach: SamplingBounds) -> Rows:
        longest = max(len(seating.prompt.text) for seating in group)
        found = self._find("prompt", len(group), longest, reach)
        if found is None and len(group) > 1:
            half = (len(group) + 1) // 2
            first, first_hits = self.prefill(group[:half], reach), self.prefix_hits
            rest = self.prefill(group[half:], reach)
            self.prefix_hits = [*first_hits, *self.prefix_hits]
            return np.concatenate([first, rest])
        if found is None:
            eager = super().prefill(group, reach)
            self.device_s = None  # a passage that was heard again has left its own
            return eager
        shape, graph = found
        self.prefix_hits = [None] * len(group)  # a graph reads whole prompts
        self._write_text(group)
        for seating in group:
            self.rehear(seating.slot, seating.prompt.context)
        values = self._read(group, batch=shape.batch, length=shape.length, spare=self._scratch)
        rows: Rows = self._replay(graph, values)[: len(group)]
        return rows

    def step(self, batch: int, longest: int, reach: SamplingBounds) -> Rows:
        found = self._find("step", batch, longest, reach)
        if found is None:
            return super().step(batch, longest, reach)
        rows: Rows = self._replay(found[1], ())[:batch]
        return rows

    def decode(self, slots: Sequence[int], frames: npt.NDArray[np.int64]) -> Sounds:
        """As `Runner.decode`; frames cannot be padded, as the codec would remember them: they go in captured sizes."""
        parts, seconds, start = [], 0.0, 0
        while start < frames.shape[1]:
            size = max(size for size in PACKETS if size <= frames.shape[1] - start)
            parts.append(self._decode_packet(slots, frames[:, start : start + size]))
            seconds += self.device_s or 0.0
            start += size
        self.device_s = seconds or None
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _decode_packet(self, slots: Sequence[int], frames: npt.NDArray[np.int64]) -> Sounds:
        num_frames = frames.shape[1]
        found = self._find("packet", len(slots), num_frames, COMMON)
        self.device_s = None
        if found is None or found[0].length != num_frames:
            return super().decode(slots, frames)
        shape, graph = found
        codes = np.zeros((shape.batch, NUM_CODEBOOKS, num_frames), np.int64)
        codes[: len(slots)] = frames.transpose(0, 2, 1)
        rows = np.full(shape.batch, self._scratch)
        rows[: len(slots)] = slots
        sounds: Sounds = self._replay(graph, (rows, codes))[: len(slots)]
        return sounds

    def close(self) -> None:
        self._graphs.clear()
        del self._results
        super().close()

    def _find(self, kind: str, batch: int, length: int, reach: SamplingBounds) -> tuple[Shape, _Graph] | None:
        """The smallest captured graph that holds the work."""
        rare = not self._sampler_takes_any_rule and (reach.uses_top_p or reach.max_top_k > COMMON.max_top_k)
        fitting = [
            shape
            for shape in self._graphs
            if shape.kind == kind and shape.batch >= batch and shape.length >= length and shape.any_rule >= rare
        ]
        if not fitting:
            return None
        best = min(fitting, key=lambda shape: (shape.any_rule, shape.batch * shape.length, shape.batch))
        return best, self._graphs[best]

    def _replay(self, graph: _Graph, values: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[Any]:
        """Copy `values` into the buffer, run, and wait for the result on the host."""
        if graph.inputs is not None:
            graph.inputs.fill(values)
        if self._watch is None:
            return self._results.fetch(graph.replay())
        self._watch.start()
        result = graph.replay()
        self._watch.stop()
        array = self._results.fetch(result)
        self.device_s = self._watch.seconds()
        return array
