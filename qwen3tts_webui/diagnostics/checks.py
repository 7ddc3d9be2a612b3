"""The doctor's judgement: one line a topic, each ok, a warning or a problem, with one thing to do.

In: `Facts`. Out: `Finding`s, without words: `render_findings` fetches those from a catalog. Pure, so that tables of machines test it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from qwen3tts_webui.checkpoints import DEFAULT_MODEL, estimate_memory
from qwen3tts_webui.diagnostics.facts import Facts, memory_budget

Level = Literal["ok", "warning", "problem"]

_GB = 1e9
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """`key` names the sentence `doctor.<key>`; unless the level is ok, `doctor.<key>.do` says what to do."""

    topic: str
    level: Level
    key: str
    params: dict[str, object] = field(default_factory=dict)


def run_checks(facts: Facts) -> list[Finding]:
    """Every topic, in the order in which a person would look."""
    return [line for judge in _JUDGES for line in judge(facts)]


def render_findings(lines: list[Finding], say: Callable[..., str]) -> list[dict[str, str]]:
    """The lines with their words; `say(key, **params)` is a catalog."""
    return [
        {
            "topic": line.topic,
            "level": line.level,
            "text": say(f"doctor.{line.key}", **line.params),
            "action": "" if line.level == "ok" else say(f"doctor.{line.key}.do", **line.params),
        }
        for line in lines
    ]


def _python(facts: Facts) -> Iterator[Finding]:
    version = ".".join(map(str, facts.python))
    fits = (3, 10) <= facts.python < (3, 14)
    yield Finding("python", "ok" if fits else "problem", "python.ok" if fits else "python.wrong", {"version": version})


def _processor(facts: Facts) -> Iterator[Finding]:
    params: dict[str, object] = {"system": facts.system, "arch": facts.arch, "cores": facts.cores}
    if facts.system == "Darwin" and facts.arch == "x86_64":
        yield Finding("processor", "problem", "processor.intel_mac", params)
    elif facts.arch.lower() in ("x86_64", "amd64") and facts.cpu_flags is not None and "avx2" not in facts.cpu_flags:
        yield Finding("processor", "warning", "processor.no_avx2", params)
    else:
        yield Finding("processor", "ok", "processor.ok", params)


def _memory(facts: Facts) -> Iterator[Finding]:
    params: dict[str, object] = {"total": facts.memory / _GIB, "free": facts.memory_free / _GIB}
    little = facts.memory < 6 * _GIB
    yield Finding("memory", "warning" if little else "ok", "memory.little" if little else "memory.ok", params)


def _gpu(facts: Facts) -> Iterator[Finding]:
    if facts.system == "Darwin":
        yield Finding("gpu", "ok", "gpu.apple")
        return
    if not facts.gpus:
        yield Finding("gpu", "warning", "gpu.none")
        return
    for gpu in facts.gpus:
        compute = ".".join(map(str, gpu.compute))
        yield Finding("gpu", "ok", "gpu.ok", {"name": gpu.name, "compute": compute, "free": gpu.free_bytes / _GIB})
    driver = facts.driver or (0,)
    params: dict[str, object] = {"driver": ".".join(map(str, driver))}
    if driver < (525,):
        yield Finding("driver", "warning", "driver.old", params)
    else:
        yield Finding("driver", "ok", "driver.ok", params)


def _torch(facts: Facts) -> Iterator[Finding]:
    if facts.torch is None:
        yield Finding("torch", "problem", "torch.none")
        return
    cuda = facts.torch.cuda
    params: dict[str, object] = {"version": facts.torch.version, "cuda": ".".join(map(str, cuda or ()))}
    driver = facts.driver or (0,)
    needs = {13: (580,), 12: (525,)}.get(cuda[0], (0,)) if cuda else (0,)
    if facts.gpus and cuda is None and driver >= (525,):
        yield Finding("torch", "warning", "torch.cpu_build", params)
    elif facts.gpus and driver < needs:
        yield Finding("torch", "problem", "torch.driver", {**params, "needs": needs[0]})
    else:
        yield Finding("torch", "ok", "torch.cuda" if cuda else "torch.ok", params)


def _model(facts: Facts) -> Iterator[Finding]:
    size = DEFAULT_MODEL.approximate_bytes / _GB
    if facts.model_problem is not None:
        yield Finding("model", "problem", "model.damaged", {"problem": facts.model_problem})
    elif facts.model is None:
        yield Finding("model", "warning", "model.none", {"size": size})
    else:
        yield Finding("model", "ok", "model.ok", {"model": facts.model})
    found = estimate_memory(DEFAULT_MODEL.weights, memory_budget(facts))
    needs: dict[str, object] = {
        "needed": found.needed_bytes / _GIB,
        "free": found.free_bytes / _GIB,
        "device": found.device,
        "dtype": found.dtype,
    }
    yield Finding("fit", "ok" if found.fits else "warning", "fit.ok" if found.fits else "fit.no", needs)
    yield Finding("preview", *(("ok", "preview.ok") if facts.preview else ("warning", "preview.none")))


def _disk(facts: Facts) -> Iterator[Finding]:
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


def _port(facts: Facts) -> Iterator[Finding]:
    params: dict[str, object] = {"host": facts.host, "port": facts.port}
    if facts.port_free is None:
        yield Finding("port", "ok", "port.ours", params)
    elif facts.port_free:
        yield Finding("port", "ok", "port.ok", params)
    else:
        yield Finding("port", "warning", "port.taken", params)


def _browser(facts: Facts) -> Iterator[Finding]:
    local = _is_loopback(facts.host)
    yield Finding("browser", "ok" if local else "warning", "browser.ok" if local else "browser.insecure")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


_JUDGES = (_python, _processor, _memory, _gpu, _torch, _model, _disk, _port, _browser)
