"""Linear layers with 8-bit or 4-bit weights on a CPU, and the choice of their kernels.

One weight layout serves steps of few rows and prompts of many. `choose_kernels` times the kernels that this machine
supports on a real shape and takes the fastest correct one.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qwen3tts_webui.model.cpu.integer_weights import TILE, IntegerKind, TiledWeight, tile_weight
from qwen3tts_webui.model.cpu.jit import call_kernel, has_features
from qwen3tts_webui.model.cpu.kernel_memory import recall, remember
from qwen3tts_webui.model.cpu.packed_linear import Int8Linear, supports_linear
from qwen3tts_webui.model.cpu.timing import time_candidates

Instructions = Literal["madd", "vnni_256", "vnni_512"]
Kernel = Literal["madd", "vnni_256", "vnni_512", "onednn", "float32"]

FEW_ROWS = 8  # up to here rows are quantized finely: a step is bound by reading the weights
_ONEDNN_GAIN = 1.5  # oneDNN needs a second copy of the weights, so it has to be clearly faster
_PROMPT_ROWS = 64
_LEAST_SIDE = 512  # of the timed matrix: for smaller ones, the call takes longer than the product
_FLOAT32_TILES = 16  # upcast at a time where float32 is fastest: small enough to stay in the cache

WEIGHT_TAGS = {"int8": np.int8(0), "int4": np.uint8(0)}
INSTRUCTION_TAGS = {"madd": np.int16(0), "vnni_256": np.int32(0), "vnni_512": np.int64(0)}
HIGH_TAG, LOW_TAG = np.float64(0), np.float32(0)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """Kernels for steps and prompts, with the time of each candidate: ("step madd", milliseconds), ...

    `remembered`: they were timed by an earlier start.
    """

    step: Instructions
    prompt: Kernel
    milliseconds: tuple[tuple[str, float], ...] = ()
    remembered: bool = False

    def __str__(self) -> str:
        timed = ", ".join(f"{name} {milliseconds:.2f} ms" for name, milliseconds in self.milliseconds)
        when = "remembered: " if self.remembered else ""
        return f"step {self.step}, prompt {self.prompt}" + (f" ({when}{timed})" if timed else "")


class TiledLinear(nn.Module):
    """x·Wᵀ + b in the dtype of x, (..., in) -> (..., out).

    Rows are quantized with one scale per row. NaN or Inf in a row makes that row of the result NaN. `reads_prompts`:
    many rows may be quantized as coarsely as in the prompt kernel; otherwise every row is computed as in a step.
    """

    data: Tensor  # (tiles, bytes)
    scales: Tensor  # (padded out,) float32

    def __init__(
        self, weight: TiledWeight, bias: Tensor | None, choice: KernelChoice, *, reads_prompts: bool = True
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = weight.inputs, weight.outputs
        self.weight = weight
        self.register_buffer("data", weight.data, persistent=False)
        self.register_buffer("scales", weight.scales, persistent=False)
        self._bias = None if bias is None else bias.detach().float()
        self._step, self._prompt = choice.step, choice.prompt if reads_prompts else choice.step
        self._high = not reads_prompts
        self._packed = _packed(weight) if self._prompt == "onednn" else None

    @property
    def step_instructions(self) -> Instructions:
        return self._step

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, self.in_features)
        few = len(rows) <= FEW_ROWS
        if few or self._prompt in INSTRUCTION_TAGS:
            instructions = cast(Instructions, self._step if few else self._prompt)
            y = multiply_tiled(self.weight, rows, instructions, high=few or self._high)
        elif self._packed is not None:
            y = self._packed(rows.float())
        else:
            y = _float32_product(self.weight, rows.float())
        if self._bias is not None:
            y = y + self._bias
        return y.to(x.dtype).view(*x.shape[:-1], self.out_features)


def multiply_tiled(weight: TiledWeight, rows: Tensor, instructions: Instructions, *, high: bool) -> Tensor:
    """rows (n, inputs) times the weights, (n, outputs) float32, by a compiled kernel."""
    from qwen3tts_webui.model.cpu.integer_kernels import run_integer_linear

    y = torch.empty(len(rows), len(weight.scales))
    call_kernel(
        run_integer_linear,
        WEIGHT_TAGS[weight.kind],
        INSTRUCTION_TAGS[instructions],
        HIGH_TAG if high or instructions == "madd" else LOW_TAG,
        weight.data.data_ptr(),
        weight.data.shape[1],
        weight.scales.numpy(),
        rows.float().contiguous().numpy(),
        weight.padded_inputs,
        y.numpy(),
    )
    return y[:, : weight.outputs]


def _float32_product(weight: TiledWeight, rows: Tensor) -> Tensor:
    y = torch.empty(len(rows), weight.outputs)
    for begin in range(0, len(weight.data), _FLOAT32_TILES):
        part = weight.unpack(begin, begin + _FLOAT32_TILES)
        torch.mm(rows, part.T, out=y[:, begin * TILE : begin * TILE + len(part)])
    return y


def _packed(weight: TiledWeight) -> Int8Linear:
    return Int8Linear.of_rounded(weight.rounded(), weight.scales[: weight.outputs])


def known_instructions() -> list[Instructions]:
    """The instruction sets of this processor, widest first."""
    from qwen3tts_webui.model.cpu.integer_products import has_vnni_256

    found: list[Instructions] = ["vnni_512"] if has_features("avx512vnni", "avx512f") else []
    return [*found, *(["vnni_256"] if has_vnni_256() else []), "madd"]  # type: ignore[list-item]


@functools.cache
def choose_kernels(kind: IntegerKind, hidden: int, width: int) -> KernelChoice:
    """Return the fastest correct kernels for a matrix of `hidden` outputs and `width` inputs, and log them.

    They are timed once per machine (`kernel_memory`).
    """
    hidden, width = max(hidden, _LEAST_SIDE), max(width, _LEAST_SIDE)
    name = f"{kind} {width} to {hidden}"
    choice = _recalled(name)
    if choice is None:
        choice = _time_kernels(kind, hidden, width)
        remember(name, [choice.step, choice.prompt, choice.milliseconds])
    log.info("%s: %s", kind, choice)
    return choice


def _recalled(name: str) -> KernelChoice | None:
    if (found := recall(name)) is None:
        return None
    step, prompt, milliseconds = found
    return KernelChoice(step, prompt, tuple((candidate, value) for candidate, value in milliseconds), remembered=True)


def _time_kernels(kind: IntegerKind, hidden: int, width: int) -> KernelChoice:
    """Time the candidates and return the fastest.

    Candidates are the widest instructions with correct results, for prompts also oneDNN (int8, if exact) and float32
    products. If steps are slower than plain float32, a warning is logged.
    """
    plain = torch.randn(hidden, width, generator=torch.Generator().manual_seed(0))
    weight = tile_weight(plain, kind)
    instructions = next((name for name in known_instructions() if _is_exact(kind, name)), None)
    if instructions is None:
        raise RuntimeError("no integer kernel computes exactly on this processor")
    row = torch.randn(1, width, generator=torch.Generator().manual_seed(1))
    rows = row.expand(_PROMPT_ROWS, -1).contiguous()
    steps: dict[str, Callable[[], Any]] = {
        instructions: lambda: multiply_tiled(weight, row, instructions, high=True),
        "plain float32": lambda: F.linear(row, plain),
    }
    prompts: dict[str, Callable[[], Any]] = {
        instructions: lambda: multiply_tiled(weight, rows, instructions, high=False),
        "float32": lambda: _float32_product(weight, rows),
    }
    if kind == "int8" and supports_linear("int8", level=logging.DEBUG):
        packed = _packed(weight)
        prompts["onednn"] = lambda: packed(rows)
    step_times, prompt_times = time_candidates(steps, evict=True), time_candidates(prompts)
    if step_times[instructions] > step_times["plain float32"]:
        log.warning("%s steps are slower than plain float32 on this processor", kind)
    costs = {
        name: milliseconds * (_ONEDNN_GAIN if name == "onednn" else 1.0) for name, milliseconds in prompt_times.items()
    }
    return KernelChoice(
        step=instructions,
        prompt=cast(Kernel, min(costs, key=costs.__getitem__)),
        milliseconds=(
            *((f"step {name}", milliseconds) for name, milliseconds in step_times.items()),
            *((f"prompt {name}", milliseconds) for name, milliseconds in prompt_times.items()),
        ),
    )


def _is_exact(kind: IntegerKind, instructions: Instructions) -> bool:
    """Whether extreme values give correct results; saturating instructions would not."""
    weight = tile_weight(torch.tensor([1.0, -1.0]).repeat_interleave(16)[:, None].expand(32, 256).contiguous(), kind)
    rows = torch.tensor([[1.0], [-1.0]]).expand(2, 256)
    expected = rows.double() @ weight.unpack().double().T
    try:
        got = [multiply_tiled(weight, rows, instructions, high=high) for high in (True, False)]
    except Exception:  # LLVM's and numba's errors have no common base class; the next candidate is used
        log.warning("%s kernels cannot be compiled for %s", instructions, kind, exc_info=True)
        return False
    correct = all(bool((y - expected).abs().max() < 1e-3 * 256) for y in got)
    if not correct:
        log.warning("%s kernels give wrong results on this processor", instructions)
    return correct
