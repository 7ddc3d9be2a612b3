"""Find the GPU that torch should be built for, with the standard library only.

In: `nvidia-smi`, and what Linux says of AMD's and Intel's devices below /sys. Out: a `Gpu`, or None.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_SYS = Path("/sys")
_AMD, _INTEL = "4098", "0x8086"  # vendor ids: 0x1002 as the kernel's list of compute nodes writes it, and Intel's
_XPU_DEVICES = re.compile(r"0x(56|e2|0b[6d]|64|7d|b0)")
"""Device ids of Arc A and B, Data Center Max, and Core Ultra processors: the ones that torch's XPU build supports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU and its driver.

    `compute` is how the vendor numbers its generations: NVIDIA's compute capability, (9, 0) for an H100, or AMD's
    target, (11, 0, 0) for gfx1100; () for Intel. `driver` is () where it does not matter.
    """

    name: str
    vendor: Literal["nvidia", "amd", "intel"] = "nvidia"
    driver: tuple[int, ...] = ()
    compute: tuple[int, ...] = ()


def find_gpu(sys: Path = _SYS) -> Gpu | None:
    """Return the GPU to use: NVIDIA's before AMD's before Intel's; on anything but Linux, only NVIDIA's are seen."""
    return _nvidia() or next(_amd_gpus(sys), None) or next(_intel_gpus(sys), None)


def parse_nvidia_smi(report: str) -> Gpu | None:
    """Return the least capable GPU in the output of `nvidia-smi` (CSV: name, driver, compute capability), if any."""
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


def gfx_name(compute: tuple[int, ...]) -> str:
    """Return AMD's name of a target: "gfx90a" for (9, 0, 10)."""
    major, minor, step = compute
    return f"gfx{major}{minor:x}{step:x}"


def _nvidia() -> Gpu | None:
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return None
    query = ["--query-gpu=name,driver_version,compute_cap", "--format=csv,noheader"]
    try:
        result = subprocess.run([smi, *query], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_nvidia_smi(result.stdout) if result.returncode == 0 else None


def _amd_gpus(sys: Path) -> Iterator[Gpu]:
    """AMD's GPUs, the newest first. The kernel lists what can compute, processors included: their target is 0."""
    found = []
    for file in sys.glob("class/kfd/kfd/topology/nodes/*/properties"):
        properties = dict(re.findall(r"^(\w+) (\d+)$", _read(file), re.MULTILINE))
        target = int(properties.get("gfx_target_version", 0))
        if properties.get("vendor_id") == _AMD and target:
            compute = (target // 10_000, target // 100 % 100, target % 100)
            found.append(Gpu(name=f"an AMD GPU ({gfx_name(compute)})", vendor="amd", compute=compute))
    yield from sorted(found, key=lambda gpu: gpu.compute, reverse=True)


def _intel_gpus(sys: Path) -> Iterator[Gpu]:
    for device in sorted(sys.glob("class/drm/card*/device")):
        number = _read(device / "device").strip().lower()
        if _read(device / "vendor").strip().lower() == _INTEL and _XPU_DEVICES.match(number):
            yield Gpu(name=f"an Intel GPU ({number})", vendor="intel")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
