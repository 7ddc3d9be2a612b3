"""Probe this machine with the standard library only. In: the running system. Out: a `Machine`."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from qwen3tts_webui.bootstrap.gpus import Gpu, find_gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What an `InstallPlan` depends on. `system` and `arch` as `platform` names them; sizes in bytes, 0 for unknown.

    `uv` is the path of the installer uv, if there is one. `avx2` is None if unknown.
    """

    system: str
    arch: str
    python: tuple[int, int]
    disk_free: int
    memory: int
    gpu: Gpu | None = None
    uv: str | None = None
    avx2: bool | None = None


def probe_machine(root: Path) -> Machine:
    """Probe this machine; `disk_free` is that of the disk of `root`."""
    return Machine(
        system=platform.system(),
        arch=platform.machine(),
        python=sys.version_info[:2],
        disk_free=shutil.disk_usage(root).free,
        memory=_memory(),
        gpu=find_gpu(),
        uv=shutil.which("uv"),
        avx2=_has_avx2(),
    )


def read_cpu_flags() -> frozenset[str] | None:
    """Return the instruction set flags of an x86 processor; None if it is another one or the system does not tell."""
    try:
        return parse_cpu_flags(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        return None


def parse_cpu_flags(text: str) -> frozenset[str] | None:
    """Return the flags in the text of /proc/cpuinfo; None for a processor that is not x86."""
    for line in text.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            return frozenset(flags.split())
    return None


def _has_avx2() -> bool | None:
    if sys.platform == "win32":
        return bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(40)) if platform.machine() == "AMD64" else None
    flags = read_cpu_flags()
    return None if flags is None else "avx2" in flags


def _memory() -> int:
    if sys.platform == "win32":
        status = (ctypes.c_uint64 * 8)(64)  # MEMORYSTATUSEX: its size in the low half of word 0, total memory in word 1
        succeeded = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status[1]) if succeeded else 0
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0
