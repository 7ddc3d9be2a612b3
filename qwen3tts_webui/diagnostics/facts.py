"""The facts that the doctor judges. In: the running system and the settings. Out: `Facts`. Judges nothing.

torch is not imported: what its build can do stands in its own version file. Whatever cannot be asked is None.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import platform
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil
import pynvml

from qwen3tts_webui.checkpoints import LocalStore, MemoryBudget, free_bytes
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import CheckpointError, NestedError


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuFacts:
    """One NVIDIA GPU; `compute` is its compute capability."""

    name: str
    compute: tuple[int, int]
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchFacts:
    """The installed build; `cuda` is the version of CUDA that it was made for, None for a build without."""

    version: str
    cuda: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Sizes in bytes. `cpu_flags` None: this system does not tell. `port_free` None: we hold the port ourselves."""

    system: str
    arch: str
    python: tuple[int, int]
    cores: int
    cpu_flags: frozenset[str] | None
    memory: int
    memory_free: int
    gpus: tuple[GpuFacts, ...]
    driver: tuple[int, ...] | None
    torch: TorchFacts | None
    preview: bool
    model: str | None
    model_problem: str | None
    models_folder: str
    models_free: int
    outputs: str
    outputs_writable: bool
    outputs_free: int
    host: str
    port: int
    port_free: bool | None


def collect_facts(settings: Settings, store: LocalStore, *, serving: bool = False) -> Facts:
    """Read this machine, in some ten milliseconds. `serving`: we are the ones who listen on the port."""
    gpus, driver = _gpus()
    model, problem = _model(settings, store)
    memory = psutil.virtual_memory()
    outputs = settings.outputs.expanduser().absolute()
    return Facts(
        system=platform.system(),
        arch=platform.machine(),
        python=sys.version_info[:2],
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        cpu_flags=_cpu_flags(),
        memory=memory.total,
        memory_free=memory.available,
        gpus=gpus,
        driver=driver,
        torch=_torch(),
        preview=importlib.util.find_spec("onnxruntime") is not None,
        model=model,
        model_problem=problem,
        models_folder=str(store.folder),
        models_free=free_bytes(store.folder),
        outputs=str(outputs),
        outputs_writable=_writable(outputs),
        outputs_free=free_bytes(outputs),
        host=settings.host,
        port=settings.port,
        port_free=None if serving else _free(settings.host, settings.port),
    )


def memory_budget(facts: Facts, device: str = "auto", dtype: str = "auto") -> MemoryBudget:
    """Where a model would be loaded, by the rules of `engine.hardware`; a test compares them."""
    has_cuda = bool(facts.gpus) and facts.torch is not None and facts.torch.cuda is not None
    if device == "auto":
        device = "cuda:0" if has_cuda else "mps" if facts.system == "Darwin" and facts.arch == "arm64" else "cpu"
    if device.startswith("cuda") and facts.gpus:
        index = int(device.partition(":")[2] or 0)
        gpu = facts.gpus[min(index, len(facts.gpus) - 1)]
        best = "bfloat16" if gpu.compute >= (8, 0) else "float16"
        return MemoryBudget(device=device, dtype=best if dtype == "auto" else dtype, free_bytes=gpu.free_bytes)
    native = bool((facts.cpu_flags or frozenset()) & {"amx_bf16", "avx512_bf16"})
    best = "float16" if device == "mps" else "bfloat16" if native else "float32"
    return MemoryBudget(device=device, dtype=best if dtype == "auto" else dtype, free_bytes=facts.memory_free)


def _gpus() -> tuple[tuple[GpuFacts, ...], tuple[int, ...] | None]:
    """All GPUs that the driver shows, and the driver's version; nothing without a driver."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return (), None
    try:
        version = pynvml.nvmlSystemGetDriverVersion()
        driver = tuple(int(part) for part in re.findall(r"\d+", str(version)))
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
            memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
            name = str(pynvml.nvmlDeviceGetName(handle))
            found.append(GpuFacts(name=name, compute=(major, minor), free_bytes=int(memory.free)))
        return tuple(found), driver
    except pynvml.NVMLError:
        return (), None
    finally:
        pynvml.nvmlShutdown()


def _cpu_flags() -> frozenset[str] | None:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                return frozenset(line.partition(":")[2].split())
    except OSError:
        pass
    return None


def _torch() -> TorchFacts | None:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    version = re.search(r"__version__ = '([^']+)'", text)
    cuda = re.search(r"^cuda[^=]*= '([\d.]+)'", text, re.MULTILINE)
    return TorchFacts(
        version=version[1] if version else "?",
        cuda=tuple(int(part) for part in cuda[1].split(".")) if cuda else None,
    )


def _model(settings: Settings, store: LocalStore) -> tuple[str | None, str | None]:
    """The name of the checkpoint that would speak, and what is wrong with the one that is asked for."""
    try:
        folder = store.find(settings.model)
    except CheckpointError as error:
        return None, NestedError(error)
    if folder is None:
        return None, None
    return (folder.relative_to(store.folder).as_posix() if folder.is_relative_to(store.folder) else str(folder)), None


def _writable(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _free(host: str, port: int) -> bool:
    """True when nobody listens there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True
