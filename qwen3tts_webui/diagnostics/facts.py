"""Collect facts about this machine. In: the running system and the settings. Out: `Facts`, without judgement.

torch is not imported: its own version file says what the build supports. What cannot be determined is None.
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

from qwen3tts_webui.bootstrap.machine import read_cpu_flags
from qwen3tts_webui.checkpoints import LocalStore, MemoryBudget, free_disk_bytes
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import CheckpointError, InvalidValue, NestedError
from qwen3tts_webui.hardware import GpuDevice, Hardware, choose_device, free_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TorchFacts:
    """The installed build. `cuda` is the CUDA version it was built for, None for a build without CUDA."""

    version: str
    cuda: tuple[int, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Sizes are in bytes. `cpu_flags` is None if unknown, `port_free` None while the port is our own."""

    system: str
    arch: str
    python: tuple[int, int]
    cores: int
    cpu_flags: frozenset[str] | None
    memory: int
    memory_free: int
    gpus: tuple[GpuDevice, ...]
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
    """Collect the facts, in some ten milliseconds. With `serving`, the port is our own."""
    gpus, driver = _read_gpus()
    model, problem = _find_model(settings, store)
    memory = psutil.virtual_memory()
    outputs = settings.outputs.expanduser().absolute()
    return Facts(
        system=platform.system(),
        arch=platform.machine(),
        python=sys.version_info[:2],
        cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        cpu_flags=read_cpu_flags(),
        memory=memory.total,
        memory_free=memory.available,
        gpus=gpus,
        driver=driver,
        torch=_read_torch(),
        preview=importlib.util.find_spec("onnxruntime") is not None,
        model=model,
        model_problem=problem,
        models_folder=str(store.folder),
        models_free=free_disk_bytes(store.folder),
        outputs=str(outputs),
        outputs_writable=_is_writable(outputs),
        outputs_free=free_disk_bytes(outputs),
        host=settings.host,
        port=settings.port,
        port_free=None if serving else _is_port_free(settings.host, settings.port),
    )


def hardware_of(facts: Facts) -> Hardware:
    """Return what torch could use, without importing it; `engine.probe_hardware` asks torch itself."""
    has_cuda = facts.torch is not None and facts.torch.cuda is not None
    return Hardware(
        gpus=facts.gpus if has_cuda else (),
        mps=facts.system == "Darwin" and facts.arch == "arm64",
        cores=facts.cores,
        cpu_bf16=bool((facts.cpu_flags or frozenset()) & {"amx_bf16", "avx512_bf16"}),
        free_bytes=facts.memory_free,
    )


def memory_budget(facts: Facts, device: str = "auto", dtype: str = "auto") -> MemoryBudget:
    """Return where a model would be loaded, and how much memory is free there.

    A device or dtype that this machine lacks counts as "auto": starting the engine reports it.
    """
    hardware = hardware_of(facts)
    try:
        choice = choose_device(hardware, device=device, dtype=dtype)
    except InvalidValue:
        choice = choose_device(hardware)
    may_narrow = choice.device == "cpu" and dtype == "auto" and importlib.util.find_spec("numba") is not None
    dtypes = (choice.dtype, "int8") if may_narrow else (choice.dtype,)
    return MemoryBudget(device=choice.device, dtypes=dtypes, free_bytes=free_bytes(hardware, choice.device))


def _read_gpus() -> tuple[tuple[GpuDevice, ...], tuple[int, ...] | None]:
    """Return all GPUs that the driver reports, and its version; nothing without a driver."""
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
            found.append(
                GpuDevice(
                    name=name,
                    capability=(major, minor),
                    free_bytes=int(memory.free),
                    total_bytes=int(memory.total),
                )
            )
        return tuple(found), driver
    except pynvml.NVMLError:
        return (), None
    finally:
        pynvml.nvmlShutdown()


def _read_torch() -> TorchFacts | None:
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


def _find_model(settings: Settings, store: LocalStore) -> tuple[str | None, str | None]:
    """Return the name of the checkpoint that would be loaded, and what is wrong with the configured one."""
    try:
        folder = store.find(settings.model)
    except CheckpointError as error:
        return None, NestedError(error)
    if folder is None:
        return None, None
    return (folder.relative_to(store.folder).as_posix() if folder.is_relative_to(store.folder) else str(folder)), None


def _is_writable(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _is_port_free(host: str, port: int) -> bool:
    """Return True if no program listens there."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            if sys.platform != "win32":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.errno not in (errno.EADDRINUSE, errno.EACCES)
    return True
