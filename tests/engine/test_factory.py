"""Starting an engine from a folder; the memory estimate and the default number of slots."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch

from qwen3tts_webui.engine import factory, plan_on_cpu, probe_hardware
from qwen3tts_webui.engine.cpu_speed import CpuSpeed
from qwen3tts_webui.engine.factory import start_engine
from qwen3tts_webui.engine.sizing import Sizing
from qwen3tts_webui.errors import CheckpointError, InsufficientMemory, InvalidValue
from qwen3tts_webui.hardware import DeviceChoice, Dtype, GpuDevice, Hardware
from qwen3tts_webui.model import Qwen3TTS, numba_available, stored_dtype, synthetic_config
from qwen3tts_webui.model.synthetic import Size
from tests.support.engine import CHECKPOINT, PLAIN, assert_matches_reference, submit

GIB = 2**30


def test_an_engine_is_started_from_a_folder(model: Qwen3TTS) -> None:
    running = start_engine(CHECKPOINT, name="Tiny", device="cpu", dtype="float32", slots=2, kv_length=256)
    try:
        (sink,) = submit(running, PLAIN)
        assert_matches_reference(model, PLAIN, sink.wait())
        assert (running.info.model, running.info.slots) == ("Tiny", 2)
        assert running.memory_bytes is not None and running.memory_bytes > 1_000_000
    finally:
        running.close()


@dataclass
class Release:
    """Memory of another engine, free once the test says so."""

    num_bytes: int
    granted: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        assert self.granted.wait(60)


def test_loading_waits_for_memory_that_another_engine_frees(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is free now is too little, what will be free suffices; the real amount is probed when it is free."""
    full, empty = (replace(probe_hardware(), free_bytes=size) for size in (1 << 20, 4 << 30))
    monkeypatch.setattr(factory, "probe_hardware", lambda: empty if release.granted.is_set() else full)
    release = Release(1 << 20)
    options: dict[str, Any] = {"device": "cpu", "dtype": "float32", "slots": 1, "kv_length": 256}
    with pytest.raises(InsufficientMemory):
        start_engine(CHECKPOINT, **options)
    with pytest.raises(InsufficientMemory):
        start_engine(CHECKPOINT, release=release, **options)
    release.num_bytes = 2 << 30
    running = start_engine(CHECKPOINT, release=release, **options)
    try:
        assert not running.ready
        release.granted.set()
        assert submit(running, PLAIN)[0].wait().error is None
    finally:
        running.close()


def test_errors_are_raised_before_loading() -> None:
    with pytest.raises(CheckpointError):
        start_engine(CHECKPOINT / "nowhere")
    with pytest.raises(InvalidValue):
        start_engine(CHECKPOINT, device="cpu", dtype="fp8")
    with pytest.raises(InsufficientMemory):
        start_engine(CHECKPOINT, device="cpu", dtype="float32", slots=10_000_000)


def sizing(size: Size, *, stored: torch.dtype = torch.bfloat16, slots: int = 0) -> Sizing:
    return Sizing(spec=synthetic_config(size), stored=stored, slots=slots, kv_length=2048)


@pytest.mark.parametrize(
    ("size", "device", "dtype", "gib"),
    [
        ("1.7B", "cuda:0", "bfloat16", 3.6),
        ("1.7B", "cuda:0", "float32", 7.2),
        ("0.6B", "cuda:0", "bfloat16", 1.7),
        ("1.7B", "cpu", "float32", 3.0),  # without the text embedding, and as wide as on disk
        ("0.6B", "cpu", "bfloat16", 1.1),
        ("1.7B", "cpu", "int8", 1.6),
        ("1.7B", "cpu", "int4", 1.0),
    ],
)
def test_the_memory_estimate_of_the_language_model(size: Size, device: str, dtype: Dtype, gib: float) -> None:
    needed = sizing(size).needed_bytes(DeviceChoice(device=device, dtype=dtype, reason=""), slots=4)
    assert needed["language model"] / GIB == pytest.approx(gib, rel=0.1)
    kv_bytes = 4 if dtype in ("float32", "int8", "int4") else 2
    assert needed["kv cache"] == 4 * 2048 * 28 * 2 * 8 * 128 * kv_bytes


def test_a_checkpoint_in_float32_takes_twice_the_memory() -> None:
    choice = DeviceChoice(device="cpu", dtype="float32", reason="")
    wide, half = (
        sizing("1.7B", stored=stored).needed_bytes(choice, slots=1)["language model"]
        for stored in (torch.float32, torch.bfloat16)
    )
    assert wide == pytest.approx(2 * half, rel=0.05)
    assert stored_dtype(CHECKPOINT) in (torch.float32, torch.bfloat16)


@pytest.mark.parametrize(("free_gib", "slots"), [(78, 64), (32, 64), (23, 16), (16, 16), (8, 8), (6, 2)])
def test_a_small_gpu_has_fewer_slots(free_gib: int, slots: int) -> None:
    gpu = GpuDevice(name="GPU", capability=(9, 0), free_bytes=free_gib * GIB, total_bytes=(free_gib + 1) * GIB)
    choice = DeviceChoice(device="cuda:0", dtype="bfloat16", reason="")
    assert sizing("1.7B").fitting_slots(Hardware(gpus=(gpu,)), choice) == slots


@pytest.mark.parametrize(("free_gib", "slots"), [(16, 4), (4, 2), (3, 1)])
def test_little_memory_has_fewer_slots(free_gib: int, slots: int) -> None:
    hardware = Hardware(free_bytes=free_gib * GIB)
    assert sizing("1.7B").fitting_slots(hardware, DeviceChoice(device="cpu", dtype="int8", reason="")) == slots


def test_memory_decides_about_the_dtype_of_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = CpuSpeed(read_bytes_s=1e12, flops=1e15)
    monkeypatch.setattr("qwen3tts_webui.engine.cpu_speed.measure_cpu", lambda _threads: fast)
    for free_gib, dtype in ((8, "float32"), (4, "int8")):
        choice = sizing("1.7B").choose(Hardware(free_bytes=free_gib * GIB), device="auto", dtype="auto")
        assert choice.dtype == (dtype if numba_available() else "float32")


def test_slots_depend_on_the_chosen_gpu_and_dtype() -> None:
    """The second of two GPUs, and float32 after float16: neither the first GPU nor the smaller dtype counts."""
    small, large = (
        GpuDevice(name="GPU", capability=(7, 5), free_bytes=gib * GIB, total_bytes=gib * GIB) for gib in (6, 16)
    )

    def slots(device: str, dtype: Dtype) -> int:
        choice = DeviceChoice(device=device, dtype=dtype, reason="")
        return sizing("1.7B").fitting_slots(Hardware(gpus=(small, large)), choice)

    assert slots("cuda:0", "float16") < slots("cuda:1", "float16")
    assert slots("cuda:1", "float32") < slots("cuda:1", "float16")


def test_the_plan_for_a_cpu_names_speed_and_kernels() -> None:
    plan = plan_on_cpu(synthetic_config("tiny"), device="cpu", dtype="int8" if numba_available() else "float32")
    assert plan is not None and plan.speed > 0
    assert ("step" in plan.kernels) == numba_available()
