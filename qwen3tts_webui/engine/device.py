"""What this machine has, and what follows from it: device, numeric type, threads, and whether a model will fit.

`look()` reads the machine; everything else is a pure function of what it saw, so that tables test machines we do not
have. Knows no model: bytes are handed in.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import psutil
import torch

from qwen3tts_webui.errors import ErrorDetail, InsufficientMemory, InvalidValue

log = logging.getLogger(__name__)

Device = Literal["cuda", "mps", "cpu"]
Dtype = Literal["float32", "bfloat16", "float16", "int8", "int4"]
DEVICES: tuple[Device, ...] = get_args(Device)
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
_CPU_ONLY = ("int8", "int4")

# Room that CUDA's context and the captured graphs take besides weights and caches.
_CUDA_RESERVE = 1 << 30
_HOST_RESERVE = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One CUDA device; bytes as the driver reports them, `capability` is the compute capability."""

    name: str
    capability: tuple[int, int]
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The facts that decide. `cores` are those this process may use; `free_bytes` is memory the system could give."""

    gpus: tuple[Gpu, ...] = ()
    mps: bool = False
    cores: int = 1
    cpu_bf16: bool = False
    cpu_int8: bool = False
    free_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Where and in which type to compute. `reason` is an English clause for the log and the doctor.

    `codec_dtype` stays float32 on every device: a half-precision codec turns to NaN or silence (PERFORMANCE.md, traps).
    `threads` is 0 where the device is not the CPU.
    """

    device: str
    dtype: Dtype
    reason: str
    threads: int = 0
    codec_dtype: Literal["float32"] = "float32"


def look() -> Machine:
    """Read this machine. Never raises: a driver that cannot be asked counts as absent, and the log says so."""
    capabilities = _cpu_capabilities()
    return Machine(
        gpus=_gpus(),
        mps=torch.backends.mps.is_available(),
        cores=_cores(),
        cpu_bf16=capabilities["amx_bf16"] or capabilities["avx512_bf16"],
        cpu_int8=capabilities["amx_int8"] or capabilities["avx512_vnni"],
        free_bytes=psutil.virtual_memory().available,
    )


def choose(machine: Machine, *, device: str = "auto", dtype: str = "auto") -> Choice:
    """The device and the type, asked for or best.

    `device` is "auto", "cuda", "cuda:N", "mps" or "cpu"; `dtype` is "auto" or one of `DTYPES`. Raises `InvalidValue`
    for what this machine has not, naming what it has.
    """
    place, why_there = _place(machine, device)
    threads = machine.cores if place == "cpu" else 0
    if dtype == "auto":
        picked, why_type = _best_dtype(machine, place)
    else:
        picked, why_type = asked_dtype(place, dtype), "as asked"
    return Choice(device=place, dtype=picked, threads=threads, reason=f"{place} {why_there}; {picked} {why_type}")


def wider(dtype: Dtype, *, bf16: bool) -> Dtype | None:
    """The type to fall back to after invalid numbers in `dtype`; None when there is none. `bf16`: the device has it."""
    if dtype == "float16" and bf16:
        return "bfloat16"
    return None if dtype == "float32" else "float32"


def ensure_fits(machine: Machine, choice: Choice, needed: Mapping[str, int]) -> None:
    """Raise `InsufficientMemory` unless the sum of `needed` (bytes by purpose) and a reserve is free on the device."""
    total = sum(needed.values())
    free = free_bytes(machine, choice.device)
    if total <= free:
        return
    if choice.dtype == "float32":
        hint = ErrorDetail("half", "Use half precision.")
    else:
        hint = ErrorDetail("smaller", "Use fewer slots, the 0.6B model or another device.")
    raise InsufficientMemory(needed_gib=total / 2**30, free_gib=max(free, 0) / 2**30, device=choice.device, hint=hint)


def free_bytes(machine: Machine, device: str) -> int:
    """Bytes on `device` that a model may take, less a reserve for the driver or the system."""
    gpu = gpu_of(machine, device)
    return machine.free_bytes - _HOST_RESERVE if gpu is None else gpu.free_bytes - _CUDA_RESERVE


def gpu_of(machine: Machine, device: str) -> Gpu | None:
    """The GPU that `device` ("cuda:N") names; None for any other device."""
    return machine.gpus[_index(device)] if device.startswith("cuda") else None


def computes_bf16(machine: Machine, device: str) -> bool:
    """Whether `device` computes bfloat16 natively."""
    gpu = gpu_of(machine, device)
    return gpu.capability >= (8, 0) if gpu is not None else device == "cpu" and machine.cpu_bf16


def _place(machine: Machine, device: str) -> tuple[str, str]:
    if device == "auto":
        if machine.gpus:
            return "cuda:0", f"({machine.gpus[0].name})"
        if machine.mps:
            return "mps", "(Apple GPU)"
        return "cpu", "(no GPU that torch can use)"
    kind, _, number = device.partition(":")
    known = ["cpu", *(f"cuda:{index}" for index in range(len(machine.gpus))), *(["mps"] if machine.mps else [])]
    place = "cuda:0" if device == "cuda" else device
    if kind not in DEVICES or (number and not number.isdigit()) or place not in known:
        raise InvalidValue(field="device", expected="auto or one of " + ", ".join(known), got=device)
    return place, "as asked"


def _best_dtype(machine: Machine, place: str) -> tuple[Dtype, str]:
    gpu = gpu_of(machine, place)
    if gpu is not None:
        shown = f"compute capability {gpu.capability[0]}.{gpu.capability[1]}"
        native = computes_bf16(machine, place)
        return ("bfloat16", f"({shown})") if native else ("float16", f"({shown}: no native bfloat16)")
    if place == "mps":
        return "float16", "(Apple GPU; the codec and the norms stay in float32)"
    if machine.cpu_bf16:
        return "bfloat16", "(this CPU computes it natively)"
    return "float32", "(this CPU has no native bfloat16)"


def asked_dtype(device: str, dtype: str) -> Dtype:
    """`dtype` as asked; "auto": the best. Raises `InvalidValue` when `device` cannot compute it, naming what it can."""
    if dtype == "auto":
        return _best_dtype(look(), device)[0]
    allowed = allowed_dtypes(device)
    for name in allowed:
        if name == dtype:
            return name
    kind = device.split(":")[0]
    raise InvalidValue(field="dtype", expected=f"auto or one of {', '.join(allowed)} on {kind}", got=dtype)


def allowed_dtypes(device: str) -> tuple[Dtype, ...]:
    """The types that `device` can compute."""
    return tuple(name for name in DTYPES if name not in _CPU_ONLY or device.split(":")[0] == "cpu")


def _index(place: str) -> int:
    return int(place.partition(":")[2] or 0)


def _gpus() -> tuple[Gpu, ...]:
    if not torch.cuda.is_available():
        return ()
    found = []
    for index in range(torch.cuda.device_count()):
        try:
            free, total = torch.cuda.mem_get_info(index)
            name, capability = torch.cuda.get_device_name(index), torch.cuda.get_device_capability(index)
        except RuntimeError as error:
            log.warning("CUDA device %d cannot be used: %s", index, error)
            break
        found.append(Gpu(name=name, capability=capability, free_bytes=free, total_bytes=total))
    return tuple(found)


def _cores() -> int:
    """Physical cores, but no more than this process may run on: a second thread on one core only gets in the way."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def _cpu_capabilities() -> dict[str, bool]:
    """Native types of this CPU. torch 2.11 and later say it by name; before that each has a private question."""
    names = ("amx_bf16", "avx512_bf16", "amx_int8", "avx512_vnni")
    if hasattr(torch.cpu, "get_capabilities"):
        found = torch.cpu.get_capabilities()
        return {name: bool(found.get(name, False)) for name in names}
    amx = bool(torch.cpu._is_amx_tile_supported())
    avx512_bf16, vnni = torch.cpu._is_avx512_bf16_supported(), torch.cpu._is_vnni_supported()
    return dict(zip(names, (amx, bool(avx512_bf16), amx, bool(vnni)), strict=True))
