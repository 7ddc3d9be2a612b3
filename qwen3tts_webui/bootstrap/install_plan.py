"""What to install here. In: a `Machine`, our pyproject.toml and constraints.txt. Out: a `InstallPlan`, or a `SetupError`.

Pure: every decision is a function of its arguments, so that tables of machines can test it.
"""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass

from qwen3tts_webui.bootstrap.machine import Gpu, Machine

TORCH_INDEX = "https://download.pytorch.org/whl/"
MEMORY_FOR_THE_MODEL = 6 * 2**30  # 1.7B weights in bfloat16, the codec, the program and room for the system
_GB = 1_000_000_000


class SetupError(Exception):
    """The set-up cannot go on; the message is one plain sentence for the person who started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchBuild:
    """One of the builds of torch: `name` as its index calls it, and the reason for it. Sizes in GB, to tell a person.

    `local` is the version's local part ("+cpu"), "" where the registry's plain build is the right one.
    """

    name: str
    why: str
    local: str
    download_gb: float
    disk_gb: float


@dataclass(frozen=True, slots=True)
class InstallOption:
    """One way to install something: arguments for pip or uv, and what a person should know before it is gone."""

    arguments: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPlan:
    """What will be installed; `torch` are the ways to get it, to be tried in order."""

    build: TorchBuild
    torch: tuple[InstallOption, ...]
    requirements: tuple[str, ...]
    download_gb: float
    disk_gb: float
    notes: tuple[str, ...]


def choose_torch(machine: Machine) -> TorchBuild:
    """The build of torch for this machine; `SetupError` where none exists.

    CUDA 13 needs driver 580 and compute capability 7.5, CUDA 12 needs driver 525; 12.6 still has the cards before 7.5
    and has none from 10.0 on (NVIDIA's compatibility table; PyTorch's release matrix for 2.13).
    """
    if machine.system == "Darwin":
        if machine.arch != "arm64":
            raise SetupError(
                "There is no torch for Macs with an Intel processor any more: this program cannot run here."
            )
        return TorchBuild(name="mps", why="an Apple GPU", local="", download_gb=0.1, disk_gb=0.5)
    if machine.gpu is None:
        return _cpu(machine, "no NVIDIA GPU was found")
    if machine.gpu.driver < (525,):
        driver = ".".join(map(str, machine.gpu.driver))
        return _cpu(machine, f"the NVIDIA driver {driver} is too old; with 580 or newer the GPU can be used")
    cuda = _cuda(machine.gpu)
    registry_has_it = cuda == "cu130" and machine.system == "Linux"
    local = "" if registry_has_it else f"+{cuda}"
    return TorchBuild(name=cuda, why=f"for {machine.gpu.name}", local=local, download_gb=3.0, disk_gb=7.0)


def _cuda(gpu: Gpu) -> str:
    if gpu.driver >= (580,) and gpu.compute >= (7, 5):
        return "cu130"
    return "cu129" if gpu.compute >= (10, 0) else "cu126"


def _cpu(machine: Machine, why: str) -> TorchBuild:
    """Without a GPU. The plain build in the registry is this one on Windows; on Linux it brings CUDA along."""
    local = "+cpu" if machine.system == "Linux" else ""
    return TorchBuild(name="cpu", why=why, local=local, download_gb=0.2, disk_gb=0.8)


def torch_ways(build: TorchBuild, version: str) -> tuple[InstallOption, ...]:
    """First as this machine's own pip settings allow, then from PyTorch's index, then whatever the registry has."""
    plain = f"torch=={version}"
    if not build.local:
        return (InstallOption((plain,)),)
    pinned = plain + build.local
    return (
        InstallOption((pinned,)),
        InstallOption((pinned, "--extra-index-url", TORCH_INDEX + build.name)),
        InstallOption(
            (plain,), note=f"{TORCH_INDEX} does not answer: taking the registry's build, which may be 3 GB larger."
        ),
    )


def requirements(pyproject: str, extras: tuple[str, ...]) -> tuple[str, ...]:
    """The dependencies in the text of our pyproject.toml and those of `extras` (Python 3.10 has no TOML reader)."""
    lists = dict(re.findall(r"^([a-z]+) = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL))
    unknown = set(extras) - set(lists)
    if unknown:
        raise SetupError(f"There is no extra named {min(unknown)} in pyproject.toml.")
    return tuple(item for name in ("dependencies", *extras) for item in ast.literal_eval(f"[{lists[name]}]"))


def pinned_torch(constraints: str) -> str:
    """The version of torch that constraints.txt pins."""
    found = re.search(r"^torch==([\d.]+)$", constraints, re.MULTILINE)
    assert found, "constraints.txt pins torch"
    return found[1]


def plan_install(machine: Machine, constraints: str, wanted: tuple[str, ...]) -> InstallPlan:
    """All decisions for one machine and the requirements `wanted`; `SetupError` when it cannot work here."""
    build = choose_torch(machine)
    download, disk = build.download_gb + 0.5, build.disk_gb + 1.7
    if machine.disk_free < disk * _GB:
        free = machine.disk_free / _GB
        raise SetupError(
            f"The set-up needs {disk:.1f} GB of disk space and {free:.1f} GB are free. Make room and try again."
        )
    notes = []
    if 0 < machine.memory < MEMORY_FOR_THE_MODEL:
        has = machine.memory / 2**30
        notes.append(f"This machine has {has:.1f} GiB of memory: enough for the preview voice, not for Qwen3-TTS 1.7B.")
    if machine.avx2 is False:
        notes.append("This processor has no AVX2: the preview voice is for it, Qwen3-TTS would be far too slow.")
    return InstallPlan(
        build=build,
        torch=torch_ways(build, pinned_torch(constraints)),
        requirements=wanted,
        download_gb=download,
        disk_gb=disk,
        notes=tuple(notes),
    )


def stamp_key(constraints: str, python: tuple[int, int]) -> str:
    """Changes whenever everything has to be installed anew."""
    return hashlib.sha256(f"{python[0]}.{python[1]}\n{constraints}".encode()).hexdigest()


_SENTENCES = (
    (
        r"No space left|Errno 28|not enough space",
        "The disk is full. Make room and start again: what was installed is kept.",
    ),
    (
        r"ensurepip is not available|No module named '?(venv|ensurepip)",
        "Python's venv module is missing. On Debian or Ubuntu: sudo apt install python3-venv. Then start again.",
    ),
    (
        r"NewConnectionError|NameResolutionError|Failed to establish|name resolution|getaddrinfo|dns error|unreachable"
        r"|ConnectTimeout|ReadTimeout|timed out|Connection (refused|reset|aborted|broken)|error sending request"
        r"|IncompleteRead|ProxyError|tunnel|from versions: none",  # pip's last words when it could ask nobody
        "The packages cannot be downloaded: there is no working connection to the package registry. Check the network"
        " or the proxy (HTTPS_PROXY), or choose a mirror (PIP_INDEX_URL), and start again: what was installed is kept.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|certificate",
        "The registry's certificate is not trusted. Set PIP_CERT and start again.",
    ),
    (
        r"Permission denied|Access is denied|Errno 13",
        "This folder may not be written to. Move the program to a folder of your own.",
    ),
    (
        r"No matching distribution|no version of|not have a wheel",
        "A package has no build for this machine or this Python.",
    ),
)


def explain_pip_failure(output: str) -> str:
    """What an installer's complaint means for the person who waits, as one or two sentences."""
    for pattern, sentence in _SENTENCES:
        if re.search(pattern, output, re.IGNORECASE):
            return sentence
    return "The installer failed; its own words stand above."
