"""Turn facts about this machine into findings: ok, warning or problem, each with one suggested action.

In: `Facts`. Out: `Finding`s without wording; `render_findings` takes that from a message catalog. Pure functions,
tested with tables of machines.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from qwen3tts_webui.checkpoints import DEFAULT_MODEL, estimate_memory
from qwen3tts_webui.diagnostics.facts import Facts, memory_budget
from qwen3tts_webui.types import EngineInfo

Level = Literal["ok", "warning", "problem"]

_GB = 1e9
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` names the message `doctor.<key>`; unless the level is ok, `doctor.<key>.action` suggests what to do."""

    topic: str
    level: Level
    key: str
    params: dict[str, object] = field(default_factory=dict)


def run_checks(facts: Facts) -> list[Finding]:
    """Return the findings of every topic."""
    return [finding for check in CHECKS for finding in check(facts)]


def check_engine(info: EngineInfo) -> Finding:
    """Return what the running engine computes with."""
    key = "engine.kernels" if info.kernels else "engine.ok"
    params: dict[str, object] = {"label": info.label, "dtype": info.dtype, "device": info.device}
    return Finding("engine", "ok", key, params | {"kernels": info.kernels})


def check_cpu_plan(label: str, *, dtype: str, speed: float, kernels: str) -> list[Finding]:
    """Return how a model would be computed on this CPU, `speed` in seconds of speech per second."""
    is_fast = speed >= 1
    params: dict[str, object] = {"label": label, "dtype": dtype, "speed": speed}
    findings = [Finding("speed", "ok" if is_fast else "warning", "speed.ok" if is_fast else "speed.slow", params)]
    return findings + ([Finding("kernels", "ok", "kernels", {"kernels": kernels})] if kernels else [])


def render_findings(findings: list[Finding], t: Callable[..., str]) -> list[dict[str, str]]:
    """Return the findings with their wording. `t(key, **params)` is a message catalog."""
    return [
        {
            "topic": finding.topic,
            "level": finding.level,
            "text": t(f"doctor.{finding.key}", **finding.params),
            "action": "" if finding.level == "ok" else t(f"doctor.{finding.key}.action", **finding.params),
        }
        for finding in findings
    ]


def _check_python(facts: Facts) -> Iterator[Finding]:
    version = ".".join(map(str, facts.python))
    supported = (3, 10) <= facts.python < (3, 14)
    level: Level = "ok" if supported else "problem"
    yield Finding("python", level, "python.ok" if supported else "python.wrong", {"version": version})


def _check_processor(facts: Facts) -> Iterator[Finding]:
    params: dict[str, object] = {"system": facts.system, "arch": facts.arch, "cores": facts.cores}
    if facts.system == "Darwin" and facts.arch == "x86_64":
        yield Finding("processor", "problem", "processor.intel_mac", params)
    elif facts.arch.lower() in ("x86_64", "amd64") and facts.cpu_flags is not None and "avx2" not in facts.cpu_flags:
        yield Finding("processor", "warning", "processor.no_avx2", params)
    else:
        yield Finding("processor", "ok", "processor.ok", params)


def _check_memory(facts: Facts) -> Iterator[Finding]:
    params: dict[str, object] = {"total": facts.memory / _GIB, "free": facts.memory_free / _GIB}
    is_low = facts.memory < 6 * _GIB
    yield Finding("memory", "warning" if is_low else "ok", "memory.little" if is_low else "memory.ok", params)


def _check_gpu(facts: Facts) -> Iterator[Finding]:
    if facts.system == "Darwin":
        yield Finding("gpu", "ok", "gpu.apple")
        return
    if not facts.gpus:
        yield Finding("gpu", "warning", "gpu.none")
        return
    for gpu in facts.gpus:
        compute = ".".join(map(str, gpu.capability))
        yield Finding("gpu", "ok", "gpu.ok", {"name": gpu.name, "compute": compute, "free": gpu.free_bytes / _GIB})
    driver = facts.driver or (0,)
    params: dict[str, object] = {"driver": ".".join(map(str, driver))}
    if driver < (525,):
        yield Finding("driver", "warning", "driver.old", params)
    else:
        yield Finding("driver", "ok", "driver.ok", params)


def _check_torch(facts: Facts) -> Iterator[Finding]:
    if facts.torch is None:
        yield Finding("torch", "problem", "torch.none")
        return
    cuda = facts.torch.cuda
    params: dict[str, object] = {"version": facts.torch.version, "cuda": ".".join(map(str, cuda or ()))}
    driver = facts.driver or (0,)
    required = {13: (580,), 12: (525,)}.get(cuda[0], (0,)) if cuda else (0,)
    if facts.gpus and cuda is None and driver >= (525,):
        yield Finding("torch", "warning", "torch.cpu_build", params)
    elif facts.gpus and driver < required:
        yield Finding("torch", "problem", "torch.driver", {**params, "needs": required[0]})
    else:
        yield Finding("torch", "ok", "torch.cuda" if cuda else "torch.ok", params)


def _check_model(facts: Facts) -> Iterator[Finding]:
    size = DEFAULT_MODEL.approximate_bytes / _GB
    if facts.model_problem is not None:
        yield Finding("model", "problem", "model.damaged", {"problem": facts.model_problem})
    elif facts.model is None:
        yield Finding("model", "warning", "model.none", {"size": size})
    else:
        yield Finding("model", "ok", "model.ok", {"model": facts.model})
    estimate = estimate_memory(DEFAULT_MODEL.counts, memory_budget(facts))
    params: dict[str, object] = {
        "needed": estimate.needed_bytes / _GIB,
        "free": estimate.free_bytes / _GIB,
        "device": estimate.device,
        "dtype": estimate.dtype,
    }
    yield Finding("fit", "ok" if estimate.fits else "warning", "fit.ok" if estimate.fits else "fit.no", params)
    yield Finding("preview", *(("ok", "preview.ok") if facts.preview else ("warning", "preview.none")))


def _check_disk(facts: Facts) -> Iterator[Finding]:
    params: dict[str, object] = {"folder": facts.models_folder, "free": facts.models_free / _GB}
    enough = facts.model is not None or facts.models_free > 1.1 * DEFAULT_MODEL.approximate_bytes
    yield Finding("disk", "ok" if enough else "warning", "disk.ok" if enough else "disk.little", params)
    params = {"folder": facts.outputs, "free": facts.outputs_free / _GB}
    if not facts.outputs_writable:
        yield Finding("outputs", "problem", "outputs.read_only", params)
    elif facts.outputs_free < _GB:
        yield Finding("outputs", "warning", "outputs.little", params)
    else:
        yield Finding("outputs", "ok", "outputs.ok", params)


def _check_port(facts: Facts) -> Iterator[Finding]:
    params: dict[str, object] = {"host": facts.host, "port": facts.port}
    if facts.port_free is None:
        yield Finding("port", "ok", "port.ours", params)
    elif facts.port_free:
        yield Finding("port", "ok", "port.ok", params)
    else:
        yield Finding("port", "warning", "port.taken", params)


def _check_browser(facts: Facts) -> Iterator[Finding]:
    is_local = _is_loopback(facts.host)
    yield Finding("browser", "ok" if is_local else "warning", "browser.ok" if is_local else "browser.insecure")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


CHECKS: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    _check_python,
    _check_processor,
    _check_memory,
    _check_gpu,
    _check_torch,
    _check_model,
    _check_disk,
    _check_port,
    _check_browser,
)
