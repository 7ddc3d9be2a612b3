"""Count the GPU launches of a frame, a prompt and a packet, without a GPU: on tensors without data.

`python benchmarks/launches.py [--size 1.7B]`: each torch operator that computes counts once (some launch two or three
kernels, none launches less than one), each fused kernel once. "by layers" is the count without Triton, "fused" with
products by cuBLAS, "gemv" with our own products of few rows and attention joined with its projection in the code
predictor. Prints a table and, last, one JSON line.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import types
from pathlib import Path
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from qwen3tts_webui.bench.report import environment
from qwen3tts_webui.engine import CudaGraphRunner, GraphShape
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.model.codec.fused import FusedCodec
from qwen3tts_webui.model.cuda.fused_frames import FusedFrames
from qwen3tts_webui.model.cuda.fused_sampler import fused_sampler
from qwen3tts_webui.model.cuda.fused_stack import MOST_SPLIT, FusedStack
from qwen3tts_webui.model.cuda.gemv_stack import GemvStack
from qwen3tts_webui.model.synthetic import meta_model, synthetic_config, synthetic_tokenizer

MAKE_NOTHING = {"aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty", "aten::_unsafe_view"}
ONE_KERNEL = {
    "aten::rms_norm",
    "aten::scaled_dot_product_attention",
    "aten::linear",
    "aten::conv2d",
}  # as CUDA has them


class Launches(TorchDispatchMode):
    """Counts operators that compute or copy, by name; composite operators are decomposed."""

    def __init__(self) -> None:
        super().__init__()
        self.names: collections.Counter[str] = collections.Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name
        if name not in ONE_KERNEL:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        view = any(value.alias_info is not None and not value.alias_info.is_write for value in func._schema.returns)
        if not view and name not in MAKE_NOTHING:
            self.names[name.removeprefix("aten::")] += 1
        return func(*args, **kwargs)


KERNEL_MODULES = (
    "cuda.step_kernels",
    "cuda.split_kernels",
    "cuda.product_kernels",
    "cuda.prompt_kernels",
    "cuda.sampling_kernel",
    "cuda.frame_kernels",
    "codec.triton_kernels",
)


class Kernels(types.ModuleType):
    """Replaces a module of Triton kernels: launches are counted, and nothing runs."""

    def __init__(self, counter: collections.Counter[str]) -> None:
        super().__init__("kernels")
        self._counter = counter

    def __getattr__(self, name: str) -> Any:
        return _Kernel(name, self._counter)


class _Kernel:
    def __init__(self, name: str, counter: collections.Counter[str]) -> None:
        self.name, self.counter = name, counter

    def __getitem__(self, grid: object) -> Any:
        def launch(*args: object, **kwargs: object) -> None:
            self.counter[self.name] += 1

        return launch


def count(runner: CudaGraphRunner, shape: GraphShape) -> collections.Counter[str]:
    work, _ = runner._work(shape)
    with Launches() as launches:
        for name in KERNEL_MODULES:
            sys.modules[f"qwen3tts_webui.model.{name}"] = Kernels(launches.names)
        work()
    return launches.names


def use_kernels(model: Qwen3TTS, way: str) -> None:
    talker = model.talker
    if way == "by layers":
        return
    for stack, length in ((talker.model, 2048), (talker.code_predictor.model, 16)):
        stack.steps = FusedStack(stack, length) if way == "fused" else GemvStack(stack, length, joined=length == 16)
        if stack is talker.model:
            stack.prompts, stack.steps.max_split = stack.steps.read, MOST_SPLIT
    talker.fused_sampler, talker.sampler_supports_top_p = fused_sampler, True
    talker.fused_frames = FusedFrames(talker)
    model.codec.fused = FusedCodec(model.codec)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", choices=["1.7B", "0.6B"], default="1.7B")
    parser.add_argument("--most", type=int, default=6, help="number of launch kinds to list")
    options = parser.parse_args()
    model = meta_model(synthetic_config(options.size), synthetic_tokenizer(["Hello"]), "bfloat16")
    runner = CudaGraphRunner(model, slots=2, kv_length=2048, capture=lambda work: work)
    shapes = {
        "frame": GraphShape("step", 1, 256),
        "prompt of 64": GraphShape("prompt", 1, 64),
        "packet": GraphShape("packet", 1, 1),
    }
    totals: dict[str, dict[str, int]] = {}
    for way in ("by layers", "fused", "gemv"):
        use_kernels(model, way)
        for what, shape in shapes.items():
            names = count(runner, shape)
            totals.setdefault(what, {})[way] = names.total()
            most = ", ".join(f"{times} {name}" for name, times in names.most_common(options.most))
            print(f"{what:12} {way:10} {names.total():5}  {most}")
    print(json.dumps({"benchmark": "launches", "size": options.size, "launches": totals, **environment()}))


if __name__ == "__main__":
    main()
