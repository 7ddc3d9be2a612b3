"""Choose a device and a dtype for a machine. In: `Hardware`, as facts. Out: a `DeviceChoice`, or why it does not fit.

Pure functions without torch: the engine applies them to what torch can use (`engine.probe_hardware`), the diagnostics
to what the driver reports without torch, and tests to machines that we do not have. Sizes are in bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from qwen3tts_webui.errors import ErrorDetail, InsufficientMemory, InvalidValue

Device = Literal["cuda", "xpu", "mps", "cpu"]
Dtype = Literal["float32", "bfloat16", "float16", "int8", "int4"]
DEVICES: tuple[Device, ...] = get_args(Device)
DTYPES: tuple[Dtype, ...] = get_args(Dtype)
_CPU_ONLY = ("int8", "int4")

_GPU_RESERVE = 1 << 30  # the CUDA context and the captured graphs
_HOST_RESERVE = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuDevice:
    """One GPU as its driver reports it.

    `capability` is NVIDIA's compute capability, (9, 0) for an H100, or the first two numbers of AMD's target, (11, 0)
    for gfx1100: torch serves both by the same calls. (0, 0) for Intel's.
    """

    name: str
    capability: tuple[int, int]
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """The facts that decide.

    `gpus` are those torch calls "cuda": NVIDIA's, or AMD's with torch's ROCm build. `xpu` is the first of Intel's.
    `cores` are those this process may use; `free_bytes` is available host memory.
    """

    gpus: tuple[GpuDevice, ...] = ()
    xpu: GpuDevice | None = None
    mps: bool = False
    cores: int = 1
    cpu_bf16: bool = False
    cpu_int8: bool = False
    free_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChoice:
    """Where and in which dtype to compute. `reason` is an English clause for the log.

    `codec_dtype` is float32 on every device: a half-precision codec produces NaN or silence. `threads` is 0 unless the
    device is the CPU. `speed`: predicted seconds of speech per second; None if unknown.
    """

    device: str
    dtype: Dtype
    reason: str
    threads: int = 0
    codec_dtype: Literal["float32"] = "float32"
    speed: float | None = None


def choose_device(hardware: Hardware, *, device: str = "auto", dtype: str = "auto") -> DeviceChoice:
    """Return the requested device and dtype, or the best ones.

    `device` is "auto", "cuda", "cuda:N", "xpu", "mps" or "cpu"; `dtype` is "auto" or one of `DTYPES`. Raises
    `InvalidValue` for what this machine lacks, naming what it has.
    """
    device, device_reason = _resolve_device(hardware, device)
    threads = hardware.cores if device == "cpu" else 0
    if dtype == "auto":
        chosen, dtype_reason = _best_dtype(hardware, device)
    else:
        chosen, dtype_reason = check_dtype(device, dtype), "as requested"
    reason = f"{device} {device_reason}; {chosen} {dtype_reason}"
    return DeviceChoice(device=device, dtype=chosen, threads=threads, reason=reason)


def fallback_dtype(dtype: Dtype, *, bf16: bool) -> Dtype | None:
    """Return the dtype to use after invalid numbers in `dtype`, if any. `bf16`: the device supports it."""
    if dtype == "float16" and bf16:
        return "bfloat16"
    return None if dtype == "float32" else "float32"


def ensure_fits(hardware: Hardware, choice: DeviceChoice, needed: Mapping[str, int]) -> None:
    """Raise `InsufficientMemory` unless the sum of `needed` (bytes by purpose) is free on the device."""
    if fits(hardware, choice, needed):
        return
    if choice.device == "cpu" and choice.dtype not in _CPU_ONLY:
        hint = ErrorDetail("int8", "Use --dtype int8.")
    elif choice.dtype == "float32":
        hint = ErrorDetail("half", "Use half precision.")
    else:
        hint = ErrorDetail("smaller", "Use fewer slots, the 0.6B model or another device.")
    total, free = sum(needed.values()), free_bytes(hardware, choice.device) - reserve_bytes(choice.device)
    raise InsufficientMemory(needed_gib=total / 2**30, free_gib=max(free, 0) / 2**30, device=choice.device, hint=hint)


def fits(hardware: Hardware, choice: DeviceChoice, needed: Mapping[str, int]) -> bool:
    """Whether the sum of `needed` (bytes by purpose) is free on the device, apart from its reserve."""
    return sum(needed.values()) <= free_bytes(hardware, choice.device) - reserve_bytes(choice.device)


def free_bytes(hardware: Hardware, device: str) -> int:
    """Return the free memory of `device`, the reserve included."""
    gpu = gpu_for(hardware, device)
    return hardware.free_bytes if gpu is None else gpu.free_bytes


def reserve_bytes(device: str) -> int:
    """Return the memory of `device` that a model must leave to the driver or the system."""
    return _GPU_RESERVE if device.startswith(("cuda", "xpu")) else _HOST_RESERVE


def gpu_for(hardware: Hardware, device: str) -> GpuDevice | None:
    """Return the GPU named by `device` ("cuda:N" or "xpu"); None for any other device."""
    if device == "xpu":
        return hardware.xpu
    return hardware.gpus[int(device.partition(":")[2] or 0)] if device.startswith("cuda") else None


def with_more_memory(hardware: Hardware, device: str, num_bytes: int) -> Hardware:
    """Return `hardware` with `num_bytes` more free on `device`."""
    gpu = gpu_for(hardware, device)
    if gpu is None:
        return replace(hardware, free_bytes=hardware.free_bytes + num_bytes)
    freed = replace(gpu, free_bytes=min(gpu.total_bytes, gpu.free_bytes + num_bytes))
    if gpu is hardware.xpu:
        return replace(hardware, xpu=freed)
    return replace(hardware, gpus=tuple(freed if one is gpu else one for one in hardware.gpus))


def supports_bf16(hardware: Hardware, device: str) -> bool:
    """Return True if `device` computes bfloat16 natively."""
    gpu = gpu_for(hardware, device)
    if gpu is None:
        return device == "cpu" and hardware.cpu_bf16
    return device == "xpu" or gpu.capability >= (8, 0)


def supported_dtypes(device: str) -> tuple[Dtype, ...]:
    """Return the dtypes that `device` can compute."""
    return tuple(name for name in DTYPES if name not in _CPU_ONLY or device.split(":")[0] == "cpu")


def check_dtype(device: str, dtype: str) -> Dtype:
    """Return `dtype`. Raises `InvalidValue` if `device` cannot compute it, naming what it can."""
    supported = supported_dtypes(device)
    for name in supported:
        if name == dtype:
            return name
    kind = device.split(":")[0]
    raise InvalidValue(field="dtype", expected=f"auto or one of {', '.join(supported)} on {kind}", got=dtype)


def _resolve_device(hardware: Hardware, device: str) -> tuple[str, str]:
    if device == "auto":
        if hardware.gpus:
            return "cuda:0", f"({hardware.gpus[0].name})"
        if hardware.xpu is not None:
            return "xpu", f"({hardware.xpu.name}; not yet tried on such a GPU)"
        if hardware.mps:
            return "mps", "(Apple GPU)"
        return "cpu", "(no GPU that torch can use)"
    kind, _, number = device.partition(":")
    available = ["cpu", *(f"cuda:{index}" for index in range(len(hardware.gpus)))]
    available += ["xpu"] * (hardware.xpu is not None) + ["mps"] * hardware.mps
    resolved = "cuda:0" if device == "cuda" else device
    if kind not in DEVICES or (number and not number.isdigit()) or resolved not in available:
        raise InvalidValue(field="device", expected="auto or one of " + ", ".join(available), got=device)
    return resolved, "as requested"


def _best_dtype(hardware: Hardware, device: str) -> tuple[Dtype, str]:
    if device == "xpu":
        return "bfloat16", "(Intel GPU)"
    gpu = gpu_for(hardware, device)
    if gpu is not None:
        capability = f"compute capability {gpu.capability[0]}.{gpu.capability[1]}"
        native = supports_bf16(hardware, device)
        return ("bfloat16", f"({capability})") if native else ("float16", f"({capability}: no native bfloat16)")
    if device == "mps":
        return "float16", "(Apple GPU; the codec and the norms stay in float32)"
    if hardware.cpu_bf16:
        return "bfloat16", "(this CPU computes it natively)"
    return "float32", "(this CPU has no native bfloat16)"
