"""The runner for a GPU: whole frames, prompts and codec packets as captured graphs, replayed with one launch each.

A graph has fixed shapes and fixed memory, so work is padded to the next captured size and copied into its buffers;
padding speaks in a scratch slot that nobody hears. What has no graph (yet) runs in the eager twin, `Runner`. The
capture itself is handed in: on a GPU it is CUDA's, in tests it runs the same work again, so that all but CUDA is proven
anywhere.
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

from qwen3tts_webui.engine.results import ResultRing, Watch
from qwen3tts_webui.engine.runner import Rows, Runner, Seating, Sounds
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.model.frame import Bucket, first_frame, frame_step
from qwen3tts_webui.model.sampling import Reach
from qwen3tts_webui.types import NUM_CODEBOOKS, SAMPLES_PER_FRAME

log = logging.getLogger(__name__)

BATCHES = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)
PROMPT_ROWS = (16, 32, 64, 128, 256)
GROUPS = (1, 2, 4, 8)
PACKETS = (1, 2, 4, 8)
COMMON = Reach(candidates=64, nucleus=False)

Work = Callable[[], Tensor]
Replay = Callable[[], Tensor]


class Capture(Protocol):
    """Turns work on fixed buffers into something that repeats it; the tensor that it returns is the same every time."""

    def __call__(self, work: Work) -> Replay: ...


class CudaCapture:
    """Captures CUDA graphs into one shared pool; they must be replayed one after the other, on one stream."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Work) -> Replay:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(2):  # libraries set themselves up on first use, which may not happen inside a capture
                work()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            result = work()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


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
    inputs: tuple[Tensor, ...]


class GraphRunner(Runner):
    """Like `Runner`; `prepare` captures what the first listener needs, `improve` one graph of the rest at a time."""

    def __init__(
        self, model: Qwen3TTS, *, slots: int, kv_length: int, capture: Capture, watch: Watch | None = None
    ) -> None:
        super().__init__(model, slots=slots, kv_length=kv_length, scratch=1)
        self._scratch = slots
        self._capture = capture
        self._watch = watch
        largest = slots * PACKETS[-1] * SAMPLES_PER_FRAME * torch.float32.itemsize
        self._results = ResultRing(2 * largest, pinned=model.device.type == "cuda")
        self._graphs: dict[Shape, _Graph] = {}
        self._any = Reach(candidates=model.spec.talker.vocab_size, nucleus=True)
        shapes = list(self._shapes())
        self._to_capture = iter(shapes)
        self._num_all = len(shapes)
        self._num_first = sum(shape.batch == 1 and not shape.any_rule for shape in shapes)

    # capturing

    def prepare(self) -> None:
        """Capture all common graphs of one utterance, and say how long it took."""
        began = time.monotonic()
        while len(self._graphs) < self._num_first and self.improve():
            pass
        log.info(
            "captured %d graphs of one utterance in %.1f s; %d more will follow while nobody speaks",
            len(self._graphs),
            time.monotonic() - began,
            self._num_all - len(self._graphs),
        )

    def improve(self) -> bool:
        """Capture one more graph; False when all are there. Only while nobody speaks: capturing runs the work.

        When a capture fails the rest is given up: what has no graph runs in the eager twin.
        """
        shape = next(self._to_capture, None)
        if shape is None:
            return False
        try:
            work, inputs = self._work(shape)
            self._graphs[shape] = _Graph(self._capture(work), inputs)
        except RuntimeError as error:  # among them what CUDA raises when memory is short
            log.warning("no more graphs after %d: %s cannot be captured: %s", len(self._graphs), shape, error)
            self._to_capture = iter(())
            return False
        if len(self._graphs) == self._num_all:
            log.info("all %d graphs are captured", self._num_all)
        return True

    def _shapes(self) -> Iterator[Shape]:
        """All graphs in the order of capture: one utterance first, rare rules last."""
        batches = [batch for batch in BATCHES if batch < self.slots] + [self.slots]
        kv_lengths = [length for length in (256, 512, 1024, 2048, 4096) if length < self.kv_length] + [self.kv_length]
        for any_rule in (False, True):
            for batch in batches:
                yield from (Shape("step", batch, length, any_rule) for length in kv_lengths)
                if batch in GROUPS:
                    yield from (Shape("prompt", batch, n, any_rule) for n in PROMPT_ROWS if n <= self.kv_length)
                if not any_rule:
                    yield from (Shape("packet", batch, frames) for frames in PACKETS)

    def _work(self, shape: Shape) -> tuple[Work, tuple[Tensor, ...]]:
        """What a graph does, and the buffers that it reads."""
        talker, device = self.model.talker, self.model.device
        reach = self._any if shape.any_rule else COMMON
        if shape.kind == "step":
            bucket = Bucket(shape.batch, shape.length, reach)
            return lambda: frame_step(talker, self.state, bucket), ()
        slots = torch.full((shape.batch,), self._scratch, device=device)
        if shape.kind == "packet":
            codes = torch.zeros(shape.batch, NUM_CODEBOOKS, shape.length, dtype=torch.int64, device=device)
            return lambda: self.model.codec.decode(codes, self.sound, slots), (slots, codes)
        text = torch.zeros(shape.batch, shape.length, dtype=torch.int64, device=device)
        rows = torch.full((shape.batch, shape.length, NUM_CODEBOOKS), -1, device=device)
        lengths = torch.ones_like(slots)
        inputs = (slots, text, rows, lengths)
        return lambda: first_frame(talker, self.state, slots, text, rows, lengths, reach), inputs

    # replaying

    def prefill(self, group: Sequence[Seating], reach: Reach) -> Rows:
        longest = max(len(seating.prompt.text) for seating in group)
        found = self._find("prompt", len(group), longest, reach)
        if found is None:
            eager = super().prefill(group, reach)
            self.device_s = None  # a passage that was heard again has left its own
            return eager
        shape, graph = found
        slots, text, codes, lengths = self._seat(group, batch=shape.batch, length=shape.length, spare=self._scratch)
        rows: Rows = self._replay(graph, (slots, text, codes, lengths))[: len(group)]
        return rows

    def step(self, batch: int, longest: int, reach: Reach) -> Rows:
        found = self._find("step", batch, longest, reach)
        if found is None:
            return super().step(batch, longest, reach)
        rows: Rows = self._replay(found[1], ())[:batch]
        return rows

    def decode(self, slots: Sequence[int], frames: npt.NDArray[np.int64]) -> Sounds:
        num_frames = frames.shape[1]
        found = self._find("packet", len(slots), num_frames, COMMON)
        self.device_s = None
        if found is None or found[0].length != num_frames:  # frames cannot be padded: the codec would remember them
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

    def _find(self, kind: str, batch: int, length: int, reach: Reach) -> tuple[Shape, _Graph] | None:
        """The smallest captured graph that holds the work."""
        rare = reach.nucleus or reach.candidates > COMMON.candidates
        fitting = [
            shape
            for shape in self._graphs
            if shape.kind == kind and shape.batch >= batch and shape.length >= length and shape.any_rule >= rare
        ]
        if not fitting:
            return None
        best = min(fitting, key=lambda shape: (shape.any_rule, shape.batch, shape.length))
        return best, self._graphs[best]

    def _replay(self, graph: _Graph, values: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[Any]:
        """Copy `values` into the buffers, run, and wait for the result on the host."""
        for buffer, value in zip(graph.inputs, values, strict=True):
            buffer.copy_(torch.from_numpy(value), non_blocking=True)
        if self._watch is None:
            return self._results.fetch(graph.replay())
        self._watch.start()
        result = graph.replay()
        self._watch.stop()
        array = self._results.fetch(result)
        self.device_s = self._watch.seconds()
        return array
