"""What the steps of `gpu_check.py` share: the options, the model, and the engine or runner of one process."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from qwen3tts_webui.bench.engine_under_test import EngineUnderTest, benchmark_tokenizer, open_engine
from qwen3tts_webui.bench.report import percentiles
from qwen3tts_webui.engine import KV_LENGTH, CodecStream, CudaCapture, CudaGraphRunner, CudaTimer, configure_cuda
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.model.synthetic import disable_eos, synthetic_config, synthetic_model

Options = Any  # the flags of gpu_check, or a `Shared`
ROOT = Path(__file__).resolve().parent.parent
FRAMES = 25


def engine_flags(options: Options, **changes: Any) -> argparse.Namespace:
    """Return the flags as `qwen3tts-webui bench` parses them."""
    size = "tiny" if options.tiny else options.size
    dtype = "bfloat16" if options.device != "cpu" else "float32"
    flags = {"synthetic": size, "model": None, "device": options.device, "dtype": dtype}
    return argparse.Namespace(**flags | {"slots": 4 if options.tiny else 64} | changes)


class Shared(contextlib.ExitStack):
    """The options, and the engine or runner that the steps of one process share."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.__dict__.update(vars(options))
        self._target: EngineUnderTest | None = None
        self._runner: CudaGraphRunner | None = None

    def target(self) -> EngineUnderTest:
        """A ready engine."""
        if self._target is None:
            self._target = self.enter_context(open_engine(engine_flags(self)))
        return self._target

    def runner(self) -> CudaGraphRunner:
        """A runner without an engine, with all its graphs."""
        if self._runner is None:
            set_up(self)
            self._runner = make_runner(self, make_model(self), 4 if self.tiny else 64)
        return self._runner


def make_model(options: Options, dtype: str = "bfloat16") -> Qwen3TTS:
    spec = synthetic_config("tiny" if options.tiny else options.size)
    dtype = dtype if options.device != "cpu" else "float32"
    return disable_eos(synthetic_model(spec, benchmark_tokenizer(), device=options.device, dtype=dtype))


def make_runner(options: Options, model: Qwen3TTS, slots: int) -> CudaGraphRunner:
    """Create a runner with all its graphs; on a CPU a graph just runs the work."""
    if options.device == "cpu":
        runner = CudaGraphRunner(model, slots=slots, kv_length=KV_LENGTH, capture=lambda work: work)
    else:
        runner = CudaGraphRunner(
            model,
            slots=slots,
            kv_length=KV_LENGTH,
            capture=CudaCapture(model.device),
            codec_stream=CodecStream(model.device),
            new_timer=CudaTimer,
        )
    runner.prepare()
    return runner


def set_up(options: Options) -> None:
    if options.device != "cpu":
        configure_cuda(torch.device(options.device if ":" in options.device else "cuda:0"))


def repeated_ms(work: Callable[[], object], runs: int) -> dict[str, float]:
    """Wall time of `work`, which waits for its result, in milliseconds."""
    work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - began))
    return percentiles(times, 3)


def frames_of(options: Options, number: int = FRAMES) -> int:
    return 5 if options.tiny else number


def runs_of(options: Options, number: int) -> int:
    return 2 if options.tiny else number
