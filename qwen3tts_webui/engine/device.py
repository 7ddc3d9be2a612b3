"""What torch can use on this machine. Out: `Hardware`, for the rules of `qwen3tts_webui.hardware`."""

from __future__ import annotations

import logging
import os

import psutil
import torch

from qwen3tts_webui.hardware import Dtype, GpuDevice, Hardware, check_dtype, choose_device

log = logging.getLogger(__name__)


def probe_hardware() -> Hardware:
    """Probe this machine. Never raises: a device with a failing driver counts as absent and is logged.

    The diagnostics probe without torch, so that they work where torch is missing or broken (`diagnostics.Facts`).
    """
    capabilities = _cpu_capabilities()
    return Hardware(
        gpus=_gpus(),
        xpu=_xpu(),
        mps=torch.backends.mps.is_available(),
        cores=_cores(),
        cpu_bf16=capabilities["amx_bf16"] or capabilities["avx512_bf16"],
        cpu_int8=capabilities["amx_int8"] or capabilities["avx512_vnni"],
        free_bytes=psutil.virtual_memory().available,
    )


def resolve_dtype(device: str, dtype: str) -> Dtype:
    """Return `dtype`; the best one for "auto". Raises `InvalidValue` if `device` cannot compute it."""
    return choose_device(probe_hardware(), device=device).dtype if dtype == "auto" else check_dtype(device, dtype)


def _gpus() -> tuple[GpuDevice, ...]:
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
        found.append(GpuDevice(name=name, capability=capability, free_bytes=free, total_bytes=total))
    return tuple(found)


def _xpu() -> GpuDevice | None:
    """Return the first Intel GPU that torch can use."""
    if not torch.xpu.is_available():
        return None
    try:
        free, total = torch.xpu.mem_get_info()
        return GpuDevice(name=torch.xpu.get_device_name(), capability=(0, 0), free_bytes=free, total_bytes=total)
    except RuntimeError as error:
        log.warning("the Intel GPU cannot be used: %s", error)
        return None


def _cores() -> int:
    """Return the physical cores this process may use: a second thread per core only slows the first."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))


def _cpu_capabilities() -> dict[str, bool]:
    """Return what this CPU computes natively. torch 2.11 and later report it by name, earlier ones by private calls."""
    names = ("amx_bf16", "avx512_bf16", "amx_int8", "avx512_vnni")
    if hasattr(torch.cpu, "get_capabilities"):
        found = torch.cpu.get_capabilities()
        return {name: bool(found.get(name, False)) for name in names}
    amx = bool(torch.cpu._is_amx_tile_supported())
    avx512_bf16, vnni = torch.cpu._is_avx512_bf16_supported(), torch.cpu._is_vnni_supported()
    return dict(zip(names, (amx, bool(avx512_bf16), amx, bool(vnni)), strict=True))
