"""Remember on disk which kernels were fastest, so that a second start does not time them again.

One JSON file in the user's cache folder: choices by name and number of threads, valid for one processor, instruction
set, torch, numba and source code of the kernels. Anything else in the file is ignored and replaced.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from qwen3tts_webui.atomic_files import write_atomically
from qwen3tts_webui.user_folders import cache_folder

_MAX_CHOICES = 256
_CPU_LINES = ("model name", "flags", "CPU implementer", "CPU part", "Features")
_OVERRIDES = ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")

log = logging.getLogger(__name__)


def recall(name: str) -> Any:
    """Return the remembered choice for `name`; None if there is none that is valid here."""
    return _choices().get(_key(name))


def remember(name: str, choice: Any) -> None:
    """Store `choice` (JSON) for `name`. Disk errors are logged."""
    choices = {**_choices(), _key(name): choice}
    newest = dict(list(choices.items())[-_MAX_CHOICES:])
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_file(), json.dumps({"machine": _digest(), "choices": newest}).encode())
    except OSError as error:
        log.warning("the choice of kernels is not remembered: %s", error)


def _file() -> Path:
    return cache_folder("kernels") / "choices.json"


def _choices() -> dict[str, Any]:
    try:
        content = json.loads(_file().read_bytes())
        return dict(content["choices"]) if content["machine"] == _digest() else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _key(name: str) -> str:
    return f"{name} ({torch.get_num_threads()} threads)"


@functools.cache
def _digest() -> str:
    facts = [platform.machine(), platform.processor(), torch.__version__, torch.backends.cpu.get_cpu_capability()]
    facts += [os.environ.get(name, "") for name in _OVERRIDES]
    with suppress(importlib.metadata.PackageNotFoundError):
        facts.append(importlib.metadata.version("numba"))
    with suppress(OSError):  # Linux
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts += sorted({line for line in lines if line.startswith(_CPU_LINES)})
    digest = hashlib.sha256("\0".join(facts).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
