"""Decide what to install. In: a `Machine`, pyproject.toml, constraints.txt. Out: an `InstallPlan` or a `SetupError`.

Pure functions, tested with tables of machines.
"""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass

from qwen3tts_webui.bootstrap.gpus import Gpu, gfx_name
from qwen3tts_webui.bootstrap.machine import Machine

TORCH_INDEX = "https://download.pytorch.org/whl/"
MODEL_MEMORY = 6 * 2**30  # 1.7B weights in bfloat16, the codec, the program, and a reserve for the system
_GB = 1_000_000_000
_ROCM = "rocm7.2"  # the newest one that has the pinned torch
_ROCM_TARGETS = tuple(f"gfx{target}" for target in ("908", "90a", "942", "950", "1030", "1100", "1101", "1102"))
_ROCM_TARGETS += tuple(f"gfx{target}" for target in ("1150", "1151", "1200", "1201"))
"""AMD's GPUs that this build is compiled for."""


class SetupError(Exception):
    """The installation cannot continue; the message is written for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchBuild:
    """A build of torch: `name` as its index calls it, and why it was chosen. Sizes in GB.

    `local` is the local part of the version ("+cpu"), "" where the registry's default build is the right one.
    """

    name: str
    why: str
    local: str
    download_gb: float
    disk_gb: float


@dataclass(frozen=True, slots=True)
class InstallOption:
    """One way to install something: arguments for pip or uv, and a note to print before it is tried."""

    arguments: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPlan:
    """What will be installed. `torch` lists the options for torch, in the order to try them."""

    build: TorchBuild
    torch: tuple[InstallOption, ...]
    requirements: tuple[str, ...]
    download_gb: float
    disk_gb: float
    notes: tuple[str, ...]


def choose_torch(machine: Machine) -> TorchBuild:
    """Return the build of torch for this machine. Raises `SetupError` if there is none.

    CUDA 13 needs driver 580 and compute capability 7.5, CUDA 12 needs driver 525. CUDA 12.6 supports compute capability
    below 7.5, but not 10.0 and above (NVIDIA's compatibility table; PyTorch's release matrix for 2.13).
    """
    if machine.system == "Darwin":
        if machine.arch != "arm64":
            raise SetupError(
                "PyTorch no longer supports Macs with an Intel processor, so this program cannot run here."
            )
        return TorchBuild(name="mps", why="an Apple GPU", local="", download_gb=0.1, disk_gb=0.5)
    gpu = machine.gpu
    if gpu is None:
        return _cpu(machine, "no GPU was found")
    if gpu.vendor != "nvidia":
        return _other_gpu(machine, gpu)
    if gpu.driver < (525,):
        driver = ".".join(map(str, gpu.driver))
        return _cpu(machine, f"the NVIDIA driver {driver} is too old; with 580 or newer the GPU can be used")
    cuda = _cuda(gpu)
    registry_has_it = cuda == "cu130" and machine.system == "Linux"
    local = "" if registry_has_it else f"+{cuda}"
    return TorchBuild(name=cuda, why=f"for {gpu.name}", local=local, download_gb=3.0, disk_gb=7.0)


def _other_gpu(machine: Machine, gpu: Gpu) -> TorchBuild:
    """Return the build for an AMD or Intel GPU: torch has them for Linux on x86-64. Not yet run on either."""
    if (machine.system, machine.arch) != ("Linux", "x86_64"):
        return _cpu(machine, f"PyTorch has no build for {gpu.name} on this system")
    if gpu.vendor == "intel":
        return TorchBuild(name="xpu", why=f"for {gpu.name}, not yet tried", local="+xpu", download_gb=1.5, disk_gb=6.0)
    if gfx_name(gpu.compute) not in _ROCM_TARGETS:
        return _cpu(machine, f"PyTorch has no build for {gpu.name}")
    return TorchBuild(
        name=_ROCM, why=f"for {gpu.name}, not yet tried", local=f"+{_ROCM}", download_gb=5.0, disk_gb=17.0
    )


def _cuda(gpu: Gpu) -> str:
    if gpu.driver >= (580,) and gpu.compute >= (7, 5):
        return "cu130"
    return "cu129" if gpu.compute >= (10, 0) else "cu126"


def _cpu(machine: Machine, why: str) -> TorchBuild:
    """Return the build without CUDA. The registry's default build is this one on Windows; on Linux it includes CUDA."""
    local = "+cpu" if machine.system == "Linux" else ""
    return TorchBuild(name="cpu", why=why, local=local, download_gb=0.2, disk_gb=0.8)


def torch_options(build: TorchBuild, version: str) -> tuple[InstallOption, ...]:
    """Try this machine's own pip settings first, then PyTorch's index, then the registry's default build."""
    plain = f"torch=={version}"
    if not build.local:
        return (InstallOption((plain,)),)
    pinned = plain + build.local
    return (
        InstallOption((pinned,)),
        InstallOption((pinned, "--extra-index-url", TORCH_INDEX + build.name)),
        InstallOption((plain,), note=f"{TORCH_INDEX} is not reachable: using the registry's build, {_differs(build)}."),
    )


def _differs(build: TorchBuild) -> str:
    """How the registry's default build differs from `build`, for which there is no index."""
    if build.name.startswith("cu"):
        return "which needs NVIDIA driver 580 or newer"
    return "which may be 3 GB larger" if build.name == "cpu" else "which uses the processor instead of this GPU"


def requirements(pyproject: str, extras: tuple[str, ...]) -> tuple[str, ...]:
    """Return the dependencies in the text of pyproject.toml with those of `extras` (Python 3.10 has no TOML parser)."""
    lists = dict(re.findall(r"^([a-z]+) = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL))
    unknown = set(extras) - set(lists)
    if unknown:
        raise SetupError(f"pyproject.toml has no extra named {min(unknown)}.")
    return tuple(item for name in ("dependencies", *extras) for item in ast.literal_eval(f"[{lists[name]}]"))


def pinned_torch(constraints: str) -> str:
    """Return the version of torch that constraints.txt pins."""
    found = re.search(r"^torch==([\d.]+)$", constraints, re.MULTILINE)
    assert found, "constraints.txt pins torch"
    return found[1]


def plan_install(machine: Machine, constraints: str, wanted: tuple[str, ...]) -> InstallPlan:
    """Return the plan for a machine and the requirements `wanted`. Raises `SetupError` if they cannot be installed."""
    build = choose_torch(machine)
    download, disk = build.download_gb + 0.5, build.disk_gb + 1.7
    if machine.disk_free < disk * _GB:
        free = machine.disk_free / _GB
        raise SetupError(
            f"The installation needs {disk:.1f} GB of disk space, but {free:.1f} GB are free."
            " Free some space and try again."
        )
    notes = []
    if 0 < machine.memory < MODEL_MEMORY:
        has = machine.memory / 2**30
        notes.append(f"This machine has {has:.1f} GiB of memory: enough for the preview voice, not for Qwen3-TTS 1.7B.")
    if machine.avx2 is False:
        notes.append("This processor has no AVX2: use the preview voice, Qwen3-TTS would be far too slow.")
    return InstallPlan(
        build=build,
        torch=torch_options(build, pinned_torch(constraints)),
        requirements=wanted,
        download_gb=download,
        disk_gb=disk,
        notes=tuple(notes),
    )


def stamp_key(constraints: str, python: tuple[int, int]) -> str:
    """Return a key that changes whenever everything must be reinstalled."""
    return hashlib.sha256(f"{python[0]}.{python[1]}\n{constraints}".encode()).hexdigest()


_PIP_FAILURES = (
    (
        r"No space left|Errno 28|not enough space",
        "The disk is full. Free some space and start again; finished steps are kept.",
    ),
    (
        r"ensurepip is not available|No module named '?(venv|ensurepip)",
        "Python's venv module is missing. On Debian or Ubuntu: sudo apt install python3-venv. Then start again.",
    ),
    (
        r"NewConnectionError|NameResolutionError|Failed to establish|name resolution|getaddrinfo|dns error|unreachable"
        r"|ConnectTimeout|ReadTimeout|timed out|Connection (refused|reset|aborted|broken)|error sending request"
        r"|IncompleteRead|ProxyError|tunnel|from versions: none",  # pip's message when no index was reachable
        "The packages cannot be downloaded: the package registry is not reachable. Check the network or the proxy"
        " (HTTPS_PROXY), or choose a mirror (PIP_INDEX_URL), and start again; finished steps are kept.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|certificate",
        "The registry's certificate is not trusted. Set PIP_CERT and start again.",
    ),
    (
        r"Permission denied|Access is denied|Errno 13",
        "This folder is not writable. Move the program to a folder that you can write to.",
    ),
    (
        r"No matching distribution|no version of|not have a wheel",
        "A package has no build for this machine or this version of Python.",
    ),
)


def explain_pip_failure(output: str) -> str:
    """Explain an installer's error output in one or two sentences."""
    for pattern, sentence in _PIP_FAILURES:
        if re.search(pattern, output, re.IGNORECASE):
            return sentence
    return "The installer failed; see its output above."
