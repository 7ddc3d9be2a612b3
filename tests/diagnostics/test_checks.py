"""The findings for other machines, and their suggested actions."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from qwen3tts_webui.diagnostics import (
    Facts,
    check_cpu_plan,
    check_engine,
    hardware_of,
    memory_budget,
    render_findings,
    run_checks,
)
from qwen3tts_webui.diagnostics.facts import TorchFacts
from qwen3tts_webui.hardware import GpuDevice, Hardware
from qwen3tts_webui.i18n import PAGE_LANGUAGES, Catalog, PageLanguage
from qwen3tts_webui.testing import ZeroCostSynthesizer

GIB = 1 << 30
H100 = GpuDevice(name="NVIDIA H100", capability=(9, 0), free_bytes=78 * GIB, total_bytes=80 * GIB)
T4 = GpuDevice(name="Tesla T4", capability=(7, 5), free_bytes=15 * GIB, total_bytes=16 * GIB)
CPU_TORCH = TorchFacts(version="2.13.0+cpu", cuda=None)
CUDA_TORCH = TorchFacts(version="2.13.0", cuda=(13, 0))

GOOD = Facts(
    system="Linux",
    arch="x86_64",
    python=(3, 12),
    cores=16,
    cpu_flags=frozenset({"avx", "avx2"}),
    memory=64 * GIB,
    memory_free=60 * GIB,
    gpus=(H100,),
    driver=(580, 65, 6),
    torch=CUDA_TORCH,
    preview=True,
    model="Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
    model_problem=None,
    models_folder="/home/a/models",
    models_free=100 * 10**9,
    outputs="/home/a/程序 outputs",
    outputs_writable=True,
    outputs_free=100 * 10**9,
    host="127.0.0.1",
    port=7860,
    port_free=True,
)
NO_GPU = replace(GOOD, gpus=(), driver=None, torch=CPU_TORCH)


def complaints(facts: Facts) -> dict[str, str]:
    """Key -> level of everything that is not ok."""
    return {line.key: line.level for line in run_checks(facts) if line.level != "ok"}


def test_a_good_machine_has_no_complaints():
    assert complaints(GOOD) == {}
    topics = [line.topic for line in run_checks(GOOD)]
    assert topics == [
        "python", "processor", "memory", "gpu", "driver", "torch", "model", "fit", "preview", "disk", "outputs", "port",
        "browser",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(GOOD, python=(3, 9)), {"python.wrong": "problem"}),
        (replace(GOOD, python=(3, 14)), {"python.wrong": "problem"}),
        (replace(GOOD, cpu_flags=frozenset({"sse2"})), {"processor.no_avx2": "warning"}),
        (replace(GOOD, cpu_flags=None), {}),
        (replace(GOOD, arch="aarch64", cpu_flags=frozenset({"asimd"})), {}),
        (replace(NO_GPU, system="Darwin", arch="x86_64"), {"processor.intel_mac": "problem"}),
        (replace(NO_GPU, system="Darwin", arch="arm64"), {}),
        (NO_GPU, {"gpu.none": "warning"}),
        (
            replace(NO_GPU, memory=4 * GIB, memory_free=3 * GIB),
            {"memory.little": "warning", "gpu.none": "warning", "fit.no": "warning"},
        ),
        (replace(GOOD, driver=(470, 1), torch=CPU_TORCH), {"driver.old": "warning"}),
        (replace(GOOD, torch=CPU_TORCH), {"torch.cpu_build": "warning"}),
        (replace(GOOD, driver=(550, 54, 14)), {"torch.driver": "problem"}),
        (replace(GOOD, driver=(550, 54, 14), torch=TorchFacts(version="2.13.0+cu126", cuda=(12, 6))), {}),
        (replace(GOOD, torch=None), {"torch.none": "problem"}),
        (replace(GOOD, gpus=(replace(H100, free_bytes=3 * GIB),)), {"fit.no": "warning"}),
        (replace(GOOD, model=None), {"model.none": "warning"}),
        (replace(GOOD, model=None, model_problem="x: truncated []"), {"model.damaged": "problem"}),
        (replace(GOOD, model=None, models_free=10**9), {"model.none": "warning", "disk.little": "warning"}),
        (replace(GOOD, models_free=10**9), {}),
        (replace(GOOD, preview=False), {"preview.none": "warning"}),
        (replace(GOOD, outputs_writable=False), {"outputs.read_only": "problem"}),
        (replace(GOOD, outputs_free=10**6), {"outputs.little": "warning"}),
        (replace(GOOD, port_free=False), {"port.taken": "warning"}),
        (replace(GOOD, port_free=None), {}),
        (replace(GOOD, host="0.0.0.0"), {"browser.insecure": "warning"}),
        (replace(GOOD, host="::1"), {}),
    ],
)
def test_what_is_wrong(facts: Facts, expected: dict[str, str]):
    assert complaints(facts) == expected


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_every_line_has_words_and_every_complaint_one_action(language: str):
    say = Catalog(language)
    keys = {key.removeprefix("doctor.") for key in say.messages if key.startswith("doctor.")}
    said = {key for key in keys if not key.endswith(".action")}
    machines = [
        GOOD,
        replace(NO_GPU, memory=GIB, memory_free=GIB, model=None, models_free=0, python=(3, 9), cpu_flags=frozenset()),
        replace(NO_GPU, system="Darwin", arch="x86_64", torch=None, preview=False, outputs_writable=False),
        replace(GOOD, driver=(470,), torch=CPU_TORCH, outputs_free=0, port_free=False, host="0.0.0.0"),
        replace(GOOD, torch=CPU_TORCH, model_problem="p", port_free=None),
        replace(GOOD, driver=(550,)),
    ]
    seen = set()
    for facts in machines:
        lines = run_checks(facts)
        seen |= {line.key for line in lines}
        for line, words in zip(lines, render_findings(lines, say), strict=True):
            assert words["text"]
            assert bool(words["action"]) == (line.level != "ok")
    running_or_planned = {"engine.ok", "engine.kernels", "speed.ok", "speed.slow", "kernels"}
    assert seen | {"torch.ok"} | running_or_planned == said


def test_a_path_in_chinese_is_shown_as_it_is():
    lines = render_findings(run_checks(GOOD), Catalog("en"))
    assert next(line["text"] for line in lines if line["topic"] == "outputs") == (
        "Audio is stored in /home/a/程序 outputs, 100.0 GB free"
    )


# where a model would be loaded


@pytest.mark.parametrize(
    ("gpus", "device", "dtype"),
    [((), "cpu", "bfloat16"), ((H100,), "cuda:0", "bfloat16"), ((T4,), "cuda:0", "float16")],
)
def test_the_hardware_that_torch_would_find(gpus: tuple[GpuDevice, ...], device: str, dtype: str):
    facts = replace(GOOD, gpus=gpus, cpu_flags=frozenset({"avx512_bf16"}))
    assert hardware_of(facts) == Hardware(gpus=gpus, cores=facts.cores, cpu_bf16=True, free_bytes=facts.memory_free)
    budget = memory_budget(facts)
    assert (budget.device, budget.dtypes[0]) == (device, dtype)
    assert budget.free_bytes == (gpus[0].free_bytes if gpus else facts.memory_free)


@pytest.mark.parametrize("flags", [None, frozenset({"avx2"})])
def test_a_cpu_without_bf16(flags: frozenset[str] | None):
    assert memory_budget(replace(GOOD, gpus=(), cpu_flags=flags)).dtypes == ("float32", "int8")


def test_a_device_that_the_machine_lacks_counts_as_auto():
    assert memory_budget(GOOD, "cuda:7").device == memory_budget(GOOD).device


def test_a_build_of_torch_without_cuda_has_no_gpu_memory():
    assert memory_budget(replace(GOOD, torch=CPU_TORCH)).device == "cpu"


@pytest.mark.parametrize(("device", "dtype"), [("cpu", "float32"), ("cuda:0", "float16")])
def test_a_requested_device_and_dtype_are_used(device: str, dtype: str):
    found = memory_budget(GOOD, device, dtype)
    assert (found.device, found.dtypes) == (device, (dtype,))


def test_an_apple_gpu_takes_half_precision():
    found = memory_budget(replace(NO_GPU, system="Darwin", arch="arm64"))
    assert (found.device, found.dtypes) == ("mps", ("float16",))


def test_the_doctor_needs_no_torch():
    import subprocess

    code = "import sys, qwen3tts_webui.diagnostics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kernels", ["", "int8: step avx2, prompt onednn (step avx2 0.31 ms, prompt onednn 2.10 ms)"])
@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_the_running_engine_is_named_with_its_kernels(kernels: str, language: PageLanguage):
    info = replace(ZeroCostSynthesizer().info, label="Qwen3-TTS, 1.7B", dtype="int8", kernels=kernels)
    (line,) = render_findings([check_engine(info)], Catalog(language))
    assert line["level"] == "ok" and line["action"] == ""
    assert all(part in line["text"] for part in ("Qwen3-TTS, 1.7B", "int8", "cpu", kernels))


@pytest.mark.parametrize(("speed", "level"), [(1.2, "ok"), (0.4, "warning")])
@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_the_speed_on_a_cpu_is_predicted(speed: float, level: str, language: PageLanguage):
    kernels = "int8: step madd, prompt madd"
    first, second = render_findings(
        check_cpu_plan("Qwen3-TTS-1.7B", dtype="int8", speed=speed, kernels=kernels), Catalog(language)
    )
    assert first["level"] == level and bool(first["action"]) == (level == "warning")
    assert all(part in first["text"] for part in ("Qwen3-TTS-1.7B", "int8", str(speed)))
    assert second["level"] == "ok" and kernels in second["text"]
    assert len(check_cpu_plan("Qwen3-TTS-1.7B", dtype="float32", speed=speed, kernels="")) == 1


def test_a_small_machine_without_a_gpu_fits_integer_weights():
    facts = replace(NO_GPU, memory=8 * GIB, memory_free=4 * GIB)
    findings = {finding.topic: finding for finding in run_checks(facts)}
    assert findings["fit"].level == "ok"
    assert findings["fit"].params["dtype"] == "int8"
    findings = {finding.topic: finding for finding in run_checks(replace(facts, memory_free=2 * GIB))}
    assert findings["fit"].level == "warning"
