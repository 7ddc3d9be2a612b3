"""The runner for a GPU: frames, prompts and codec packets as captured graphs, replayed with a single launch each.

A graph has fixed shapes and memory, so work is padded to the next captured size and copied into its buffers; padding
uses a scratch slot. Work without a graph runs in the eager twin, `ModelRunner`. The capture is passed in: on a GPU
`CudaCapture`; in tests a function that runs the same work again, so that only CUDA itself needs a GPU to be tested.
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

from qwen3tts_webui.engine.capture import CodecStream
from qwen3tts_webui.engine.host_transfer import Event, InputBuffer, PinnedResultBuffer, Timer
from qwen3tts_webui.engine.model_runner import FrameRows, ModelRunner, SlotAssignment, T, Waveforms
from qwen3tts_webui.model import Qwen3TTS, SamplingBounds, StepShape, load_slot, run_decode_step, run_prefill
from qwen3tts_webui.types import NUM_CODEBOOKS, SAMPLES_PER_FRAME

log = logging.getLogger(__name__)

BATCH_SIZES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)
PROMPT_LENGTHS = (32, 64, 96, 128, 256, 384, 512, 1024)
PREFILL_BATCH_SIZES = (1, 2, 4, 8, 16, 32)
MAX_PREFILL_TOKENS = 2048
"""Tokens in one prefill, padding included; larger batches are split in halves."""
PACKET_SIZES = (1, 2, 4, 8)
COMMON_SAMPLING = SamplingBounds(max_top_k=64, uses_top_p=False)

Work = Callable[[], Tensor]
Replay = Callable[[], Tensor]


class Capture(Protocol):
    """Turns work on fixed buffers into a function that repeats it and always returns the same tensor."""

    def __call__(self, work: Work, /) -> Replay: ...


@dataclass(frozen=True, slots=True)
class GraphShape:
    """The work of one graph. `batch` sequences; `length`: KV length of a step, tokens of a prompt, frames of a packet.

    `any_sampling`: it supports all sampling parameters, not only the common ones (no top-p, top-k at most 64).
    """

    kind: Literal["step", "prompt", "packet"]
    batch: int
    length: int
    any_sampling: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    replay: Replay
    inputs: InputBuffer | None


@dataclass(frozen=True, slots=True, eq=False)
class _Outputs:
    """How the results of the graphs of one stream get to the host."""

    buffer: PinnedResultBuffer
    timer: Timer | None


class CudaGraphRunner(ModelRunner):
    """Like `ModelRunner`; `prepare` captures all graphs before the first request.

    With `codec_stream`, packets are decoded there while a started step is computed. `new_timer`: the device's clock.
    """

    def __init__(
        self,
        model: Qwen3TTS,
        *,
        slots: int,
        kv_length: int,
        capture: Capture,
        codec_stream: CodecStream | None = None,
        new_timer: Callable[[], Timer] | None = None,
    ) -> None:
        super().__init__(model, slots=slots, kv_length=kv_length, scratch=1)
        self._scratch = slots
        self._capture = capture
        self._codec_stream = codec_stream
        self._codec_capture: Capture = capture if codec_stream is None else codec_stream.capture
        self.runs_ahead = codec_stream is not None
        self._pinned = model.device.type == "cuda"
        new_event: Callable[[], Event] | None = torch.cuda.Event if self._pinned else None
        if codec_stream is not None:
            codec_stream.wait_for_current()  # the weights and the empty state
            new_event = codec_stream.new_event

        def outputs(num_bytes: int) -> _Outputs:
            buffer = PinnedResultBuffer(num_bytes, pinned=self._pinned, new_event=new_event)
            return _Outputs(buffer, None if new_timer is None else new_timer())

        self._rows = outputs(slots * (NUM_CODEBOOKS + 1) * torch.int64.itemsize)
        self._packets = outputs(slots * PACKET_SIZES[-1] * SAMPLES_PER_FRAME * torch.float32.itemsize)
        self._graphs: dict[GraphShape, _Graph] = {}
        self._any = SamplingBounds(max_top_k=model.config.talker.vocab_size, uses_top_p=True)
        # A fused sampler supports all sampling parameters: one graph suffices.
        self._sampler_supports_top_p = model.talker.sampler_supports_top_p

    # capturing

    def prepare(self) -> None:
        """Capture all graphs. After a failure the rest is skipped: work without a graph runs in the eager twin."""
        began = time.monotonic()
        for shape in self.shapes():
            try:
                work, inputs = self._work(shape)
                capture = self._codec_capture if shape.kind == "packet" else self._capture
                self._graphs[shape] = _Graph(capture(work), inputs)
            except Exception as error:  # CUDA's if memory is short, Triton's if a kernel does not compile
                log.warning("captured only %d graphs: %s cannot be captured: %s", len(self._graphs), shape, error)
                break
        if self._codec_stream is not None:
            self._codec_stream.wait_for_current()
        log.info("captured %d graphs in %.1f s", len(self._graphs), time.monotonic() - began)

    @property
    def num_graphs(self) -> int:
        return len(self._graphs)

    def shapes(self) -> Iterator[GraphShape]:
        """Yield all graphs in the order of capture: single sequences first, rare sampling parameters last."""
        batches = [batch for batch in BATCH_SIZES if batch < self.slots] + [self.slots]
        prefill_batches = [batch for batch in PREFILL_BATCH_SIZES if batch <= self.slots]
        for any_sampling in (False,) if self._sampler_supports_top_p else (False, True):
            for batch in batches:
                yield from (GraphShape("step", batch, length, any_sampling) for length in self._kv_lengths())
                if not any_sampling:
                    yield from (GraphShape("packet", batch, frames) for frames in PACKET_SIZES)
                if batch in prefill_batches:
                    lengths = self._prompt_lengths(batch)
                    yield from (GraphShape("prompt", batch, length, any_sampling) for length in lengths)

    def _kv_lengths(self) -> list[int]:
        """Fused steps read the KV rows in use; layers read as many as their graph was captured for."""
        if self.model.talker.model.steps is not None:
            return [self.kv_length]
        return [length for length in (256, 512, 1024, 2048, 4096) if length < self.kv_length] + [self.kv_length]

    def _prompt_lengths(self, batch: int) -> list[int]:
        lengths = [length for length in PROMPT_LENGTHS if length <= self.kv_length]
        return [length for length in lengths if batch == 1 or batch * length <= MAX_PREFILL_TOKENS]

    def _work(self, shape: GraphShape) -> tuple[Work, InputBuffer | None]:
        """Return what a graph runs, and the buffer that it reads."""
        talker, device = self.model.talker, self.model.device
        bounds = self._any if shape.any_sampling else COMMON_SAMPLING
        if shape.kind == "step":
            step_shape = StepShape(shape.batch, shape.length, bounds)
            return lambda: run_decode_step(talker, self.state, step_shape), None
        batch, length = shape.batch, shape.length
        if shape.kind == "packet":
            inputs = InputBuffer([(batch,), (batch, NUM_CODEBOOKS, length)], device, pinned=self._pinned)
            slots, codes = inputs.views
            slots.fill_(self._scratch)
            return lambda: self.model.codec.decode(codes, self.codec_state, slots), inputs
        empty = self._prompt_inputs([], size=batch, length=length, spare=self._scratch)
        inputs = InputBuffer([part.shape for part in empty], device, pinned=self._pinned)
        inputs.fill(empty)
        slots, text, codes, lengths, values = inputs.views

        def prefill() -> Tensor:
            load_slot(talker, self.state, slots, values, codes)
            return run_prefill(talker, self.state, slots, text, codes, lengths, bounds)

        return prefill, inputs

    # replaying

    def prefill(self, batch: Sequence[SlotAssignment], bounds: SamplingBounds) -> FrameRows:
        longest = max(len(assignment.prompt.text) for assignment in batch)
        found = self._find("prompt", len(batch), longest, bounds)
        if found is None and len(batch) > 1:
            half = (len(batch) + 1) // 2
            first, first_hits = self.prefill(batch[:half], bounds), self.prefix_hits
            rest = self.prefill(batch[half:], bounds)
            self.prefix_hits = [*first_hits, *self.prefix_hits]
            return np.concatenate([first, rest])
        if found is None:
            eager = super().prefill(batch, bounds)
            self.device_s = None  # rebuilding the codec state may have set it
            return eager
        shape, graph = found
        self.prefix_hits = [None] * len(batch)  # a graph prefills whole prompts
        self._write_text(batch)
        for assignment in batch:
            self.rebuild_codec_state(assignment.slot, assignment.prompt.context)
        values = self._prompt_inputs(batch, size=shape.batch, length=shape.length, spare=self._scratch)
        rows: FrameRows = self._start(graph, values, self._rows)()[: len(batch)]
        return rows

    def step(self, batch: int, longest: int, bounds: SamplingBounds) -> FrameRows:
        return self.start_step(batch, longest, bounds)()

    def start_step(self, batch: int, longest: int, bounds: SamplingBounds) -> Callable[[], FrameRows]:
        found = self._find("step", batch, longest, bounds)
        if found is None:
            rows = super().step(batch, longest, bounds)
            return lambda: rows
        wait = self._start(found[1], (), self._rows)
        return lambda: wait()[:batch]

    def decode(self, slots: Sequence[int], frames: npt.NDArray[np.int64]) -> Waveforms:
        """As `ModelRunner.decode`, in captured sizes: padding frames would change the codec state."""
        parts, seconds, start = [], 0.0, 0
        while start < frames.shape[1]:
            size = max(size for size in PACKET_SIZES if size <= frames.shape[1] - start)
            parts.append(self._decode_packet(slots, frames[:, start : start + size]))
            seconds += self.device_s or 0.0
            start += size
        self.device_s = seconds or None
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _decode_packet(self, slots: Sequence[int], frames: npt.NDArray[np.int64]) -> Waveforms:
        num_frames = frames.shape[1]
        found = self._find("packet", len(slots), num_frames, COMMON_SAMPLING)
        self.device_s = None
        if found is None or found[0].length != num_frames:
            return super().decode(slots, frames)
        shape, graph = found
        codes = np.zeros((shape.batch, NUM_CODEBOOKS, num_frames), np.int64)
        codes[: len(slots)] = frames.transpose(0, 2, 1)
        rows = np.full(shape.batch, self._scratch)
        rows[: len(slots)] = slots
        waveforms: Waveforms = self._on_codec_stream(lambda: self._start(graph, (rows, codes), self._packets)())
        return waveforms[: len(slots)]

    def _on_codec_stream(self, work: Callable[[], T]) -> T:
        return work() if self._codec_stream is None else self._codec_stream.run(work)

    def close(self) -> None:
        if self._codec_stream is not None:
            self._codec_stream.synchronize()  # it may still move the state of a slot
        self._graphs.clear()
        del self._rows, self._packets
        super().close()

    def _find(self, kind: str, batch: int, length: int, bounds: SamplingBounds) -> tuple[GraphShape, _Graph] | None:
        """Return the smallest captured graph that fits the work."""
        rare = not self._sampler_supports_top_p and (bounds.uses_top_p or bounds.max_top_k > COMMON_SAMPLING.max_top_k)
        candidates = [
            shape
            for shape in self._graphs
            if shape.kind == kind and shape.batch >= batch and shape.length >= length and shape.any_sampling >= rare
        ]
        if not candidates:
            return None
        best = min(candidates, key=lambda shape: (shape.any_sampling, shape.batch * shape.length, shape.batch))
        return best, self._graphs[best]

    def _start(
        self, graph: _Graph, values: Sequence[npt.NDArray[np.int64]], outputs: _Outputs
    ) -> Callable[[], npt.NDArray[Any]]:
        """Copy `values` into the buffer, run, and return a function that waits for the result on the host."""
        timer = outputs.timer
        if graph.inputs is not None:
            graph.inputs.fill(values)
        if timer is not None:
            timer.start()
        result = graph.replay()
        if timer is not None:
            timer.stop()
        copy = outputs.buffer.start(result)

        def wait() -> npt.NDArray[Any]:
            array = copy.read()
            if timer is not None:
                self.device_s = timer.seconds()
            return array

        return wait
