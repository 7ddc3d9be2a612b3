"""What this machine is. In: the running system. Out: a `Machine`. Decides nothing, installs nothing."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """An NVIDIA GPU as `nvidia-smi` reports it; `compute` is its compute capability, (9, 0) for an H100."""

    name: str
    driver: tuple[int, ...]
    compute: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """All facts that a decision may use; `system` and `arch` as `platform` names them, sizes in bytes, 0 for unknown.

    `uv` is the path of uv, a faster installer than pip, where there is one; `avx2` is None where nobody can tell.
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
    """The machine that runs this, with the free disk space where `root` lies."""
    return Machine(
        system=platform.system(),
        arch=platform.machine(),
        python=sys.version_info[:2],
        disk_free=shutil.disk_usage(root).free,
        memory=_memory(),
        gpu=_gpu(),
        uv=shutil.which("uv"),
        avx2=_avx2(),
    )


def parse_gpus(report: str) -> Gpu | None:
    """The least capable GPU in what `nvidia-smi` said (CSV: name, driver, compute capability); None without one."""
    gpus = []
    for line in report.splitlines():
        fields = [field.strip() for field in line.rsplit(",", 2)]
        try:
            driver = tuple(int(part) for part in fields[1].split("."))
            major, minor = (int(part) for part in fields[2].split("."))
        except (IndexError, ValueError):
            continue  # a warning, or "[N/A]" for a card that answers nothing
        gpus.append(Gpu(name=fields[0], driver=driver, compute=(major, minor)))
    return min(gpus, key=lambda gpu: gpu.compute, default=None)


def _gpu() -> Gpu | None:
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return None
    question = ["--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
    try:
        answer = subprocess.run([smi, *question], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_gpus(answer.stdout) if answer.returncode == 0 else None


def parse_cpuinfo(text: str) -> bool | None:
    """Whether the processor that /proc/cpuinfo describes has AVX2; None for one that is not an x86."""
    for line in text.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            return "avx2" in flags.split()
    return None


def _avx2() -> bool | None:
    if sys.platform == "win32":
        return bool(ctypes.windll.kernel32.IsProcessorFeaturePresent(40)) if platform.machine() == "AMD64" else None
    try:
        return parse_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        return None


def _memory() -> int:
    if sys.platform == "win32":
        status = (ctypes.c_uint64 * 8)(64)  # MEMORYSTATUSEX: its size in the low half of word 0, total memory in word 1
        known = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status[1]) if known else 0
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0
