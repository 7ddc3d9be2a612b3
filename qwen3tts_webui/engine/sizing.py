"""Choose device, dtype and number of slots for a model on this machine, by speed and by memory.

In: `Hardware` and the shapes in a config. Out: a `DeviceChoice`, or `InsufficientMemory`. Nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from accelerate import init_empty_weights  # type: ignore[import-untyped]

from qwen3tts_webui.engine.cpu_speed import choose_cpu_dtype, frames_per_second, measure_cpu
from qwen3tts_webui.engine.device import probe_hardware
from qwen3tts_webui.hardware import (
    DeviceChoice,
    Dtype,
    Hardware,
    choose_device,
    ensure_fits,
    fits,
    free_bytes,
    gpu_for,
    reserve_bytes,
)
from qwen3tts_webui.model import (
    DTYPES,
    INTEGER_KINDS,
    LOADING_LOCK,
    CodecDecoder,
    ModelConfig,
    Talker,
    describe_kernels,
    kernels_for,
    numba_available,
    weight_bytes,
)
from qwen3tts_webui.types import FRAMES_PER_SECOND

KV_LENGTH = 2_048
"""Rows that an utterance may take: its prompt, a passage before it, and 80 ms each of its speech."""
_LARGE_GPU_BYTES = 30 << 30
_GPU_SLOTS = [64, 32, 16, 8, 4]
_CPU_SLOTS = [4, 2]  # each slows the others


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """What determines the memory of a model: its config, the dtype that its weights are stored in, rows per slot.

    `slots` 0: as many as suit the device.
    """

    spec: ModelConfig
    stored: torch.dtype
    slots: int
    kv_length: int

    @cached_property
    def _modules(self) -> tuple[Talker, CodecDecoder]:
        """The modules of the model without memory: building them takes longer than everything else here."""
        with LOADING_LOCK, init_empty_weights():
            return Talker(self.spec), CodecDecoder(self.spec.codec)

    def choose(self, hardware: Hardware, *, device: str, dtype: str) -> DeviceChoice:
        """Return where and in which dtype to compute. Raises InvalidValue for what this machine lacks."""
        choice = choose_device(hardware, device=device, dtype=dtype)
        if choice.device != "cpu":
            return choice
        if dtype != "auto":
            rate = frames_per_second(self.spec, choice.dtype, measure_cpu(choice.threads))
            return replace(choice, speed=rate / FRAMES_PER_SECOND)

        def fits_in(dtype: Dtype) -> bool:
            narrower = replace(choice, dtype=dtype)
            return fits(hardware, narrower, self.needed_bytes(narrower, slots=self.slots or 1))

        return choose_cpu_dtype(choice, self.spec, fits=fits_in)

    def fitting_slots(self, hardware: Hardware, choice: DeviceChoice) -> int:
        """Return the number of slots that fit. Raises InsufficientMemory."""
        num_slots = self.slots or self._default_slots(hardware, choice)
        ensure_fits(hardware, choice, self.needed_bytes(choice, slots=num_slots))
        return num_slots

    def needed_bytes(self, choice: DeviceChoice, *, slots: int) -> Mapping[str, int]:
        """Return the bytes that a loaded model takes on its device, by purpose.

        `checkpoints.estimate_memory` does the same without torch, from parameter counts, for models not yet installed.
        """
        talker, codec = self._modules
        device, dtype = torch.device(choice.device), DTYPES[choice.dtype]
        stack = self.spec.talker.stack
        row = stack.num_layers * 2 * stack.num_kv_heads * stack.head_dim * dtype.itemsize
        return {
            "language model": weight_bytes(talker, choice.dtype, self.stored, device),
            "codec": sum(weight.numel() * torch.float32.itemsize for weight in codec.parameters()),
            "kv cache": slots * self.kv_length * row,
        }

    def _default_slots(self, hardware: Hardware, choice: DeviceChoice) -> int:
        """Few on a CPU; on a GPU up to 64, on consumer cards up to 16, so that memory is left for other programs."""
        gpu = gpu_for(hardware, choice.device)
        if choice.device != "cpu" and gpu is None:
            return 2
        needed = self.needed_bytes(choice, slots=1)
        if gpu is None:
            free = free_bytes(hardware, choice.device) - reserve_bytes(choice.device)
            choices, least = _CPU_SLOTS, 1
        else:
            free = int(0.8 * gpu.free_bytes)
            choices, least = _GPU_SLOTS[0 if gpu.total_bytes > _LARGE_GPU_BYTES else 2 :], 2
        for_slots = free - (sum(needed.values()) - needed["kv cache"])
        return next((slots for slots in choices if slots * needed["kv cache"] <= for_slots), least)


@dataclass(frozen=True, slots=True)
class CpuPlan:
    """How a model would be computed on this CPU: `speed` in seconds of speech per second, as predicted.

    `kernels` names those of integer dtypes, with their times; "" for others.
    """

    dtype: Dtype
    speed: float
    kernels: str


def plan_on_cpu(spec: ModelConfig, *, device: str = "auto", dtype: str = "auto") -> CpuPlan | None:
    """Measure this CPU for a second or two and return the plan for `spec`; None where a GPU would be used.

    Raises InvalidValue for a device or dtype that this machine lacks.
    """
    sizing = Sizing(spec=spec, stored=torch.bfloat16, slots=0, kv_length=KV_LENGTH)
    choice = sizing.choose(probe_hardware(), device=device, dtype=dtype)
    if choice.device != "cpu":
        return None
    torch.set_num_threads(choice.threads)
    kind = next((kind for kind in INTEGER_KINDS if kind == choice.dtype and numba_available()), None)
    kernels = describe_kernels(kernels_for(spec, kind)) if kind else ""
    return CpuPlan(choice.dtype, choice.speed or 0.0, kernels)
