"""The rules that choose a device and a dtype, by tables of machines that we do not have."""

import pytest

from qwen3tts_webui.errors import InsufficientMemory, InvalidValue
from qwen3tts_webui.hardware import (
    GpuDevice,
    Hardware,
    choose_device,
    ensure_fits,
    fallback_dtype,
    supports_bf16,
)

GIB = 2**30


def gpu(major: int, minor: int = 0, free_gib: int = 16) -> GpuDevice:
    return GpuDevice(name="Test GPU", capability=(major, minor), free_bytes=free_gib * GIB, total_bytes=24 * GIB)


@pytest.mark.parametrize(
    ("hardware", "device", "dtype"),
    [
        pytest.param(Hardware(gpus=(gpu(9),)), "cuda:0", "bfloat16", id="Hopper"),
        pytest.param(Hardware(gpus=(gpu(8),)), "cuda:0", "bfloat16", id="capability 8.0"),
        pytest.param(Hardware(gpus=(gpu(7, 5),)), "cuda:0", "float16", id="T4"),
        pytest.param(Hardware(gpus=(gpu(9),), mps=True), "cuda:0", "bfloat16", id="CUDA before MPS"),
        pytest.param(Hardware(mps=True, cpu_bf16=True), "mps", "float16", id="Apple"),
        pytest.param(Hardware(xpu=gpu(0), cpu_bf16=True), "xpu", "bfloat16", id="Intel"),
        pytest.param(Hardware(gpus=(gpu(11),)), "cuda:0", "bfloat16", id="AMD"),
        pytest.param(Hardware(), "cpu", "float32", id="plain CPU"),
        pytest.param(Hardware(cpu_bf16=True), "cpu", "bfloat16", id="CPU with native bf16"),
    ],
)
def test_auto(hardware: Hardware, device: str, dtype: str) -> None:
    choice = choose_device(hardware)
    assert (choice.device, choice.dtype, choice.codec_dtype) == (device, dtype, "float32")
    assert device in choice.reason and dtype in choice.reason


def test_a_requested_device_and_dtype_are_used() -> None:
    choice = choose_device(Hardware(gpus=(gpu(9), gpu(7))), device="cuda:1", dtype="float32")
    assert (choice.device, choice.dtype) == ("cuda:1", "float32")


def test_int8_is_supported_on_a_cpu() -> None:
    assert choose_device(Hardware(cores=4), device="cpu", dtype="int8").threads == 4


@pytest.mark.parametrize(
    ("device", "dtype", "named"),
    [("cuda", "auto", "cpu"), ("cuda:x", "auto", "cpu"), ("tpu", "auto", "cpu"), ("cpu", "fp8", "bfloat16")],
)
def test_a_device_or_dtype_that_the_machine_lacks(device: str, dtype: str, named: str) -> None:
    with pytest.raises(InvalidValue, match=named):
        choose_device(Hardware(), device=device, dtype=dtype)


def test_int8_is_rejected_on_a_gpu() -> None:
    with pytest.raises(InvalidValue, match="float16 on cuda"):
        choose_device(Hardware(gpus=(gpu(9),)), dtype="int8")


@pytest.mark.parametrize(
    ("dtype", "bf16", "fallback"),
    [
        ("float16", True, "bfloat16"),
        ("float16", False, "float32"),
        ("bfloat16", True, "float32"),
        ("float32", True, None),
    ],
)
def test_fallback_after_invalid_numbers(dtype: str, bf16: bool, fallback: str | None) -> None:
    assert fallback_dtype(dtype, bf16=bf16) == fallback  # type: ignore[arg-type]


def test_a_model_that_does_not_fit_is_rejected() -> None:
    hardware = Hardware(gpus=(gpu(8, free_gib=4),))
    choice = choose_device(hardware)
    ensure_fits(hardware, choice, {"weights": 2 * GIB, "caches": GIB // 2})
    with pytest.raises(InsufficientMemory, match=r"needs 4\.0 GiB on cuda:0, but 3\.0 GiB are free"):
        ensure_fits(hardware, choice, {"weights": 3 * GIB, "caches": GIB})


def test_bf16_support_depends_on_the_device() -> None:
    turing = GpuDevice(name="T4", capability=(7, 5), free_bytes=1, total_bytes=1)
    ampere = GpuDevice(name="A10", capability=(8, 6), free_bytes=1, total_bytes=1)
    hardware = Hardware(gpus=(turing, ampere), xpu=gpu(0), cpu_bf16=True)
    found = {device: supports_bf16(hardware, device) for device in ("cuda:0", "cuda:1", "xpu", "cpu", "mps")}
    assert found == {"cuda:0": False, "cuda:1": True, "xpu": True, "cpu": True, "mps": False}


def test_the_memory_of_an_intel_gpu_counts() -> None:
    hardware = Hardware(xpu=gpu(0, free_gib=4), free_bytes=64 * GIB)
    choice = choose_device(hardware, device="xpu")
    with pytest.raises(InsufficientMemory, match=r"needs 4\.0 GiB on xpu, but 3\.0 GiB are free"):
        ensure_fits(hardware, choice, {"weights": 4 * GIB})


def test_an_absent_intel_gpu_is_refused() -> None:
    with pytest.raises(InvalidValue, match="auto or one of cpu"):
        choose_device(Hardware(), device="xpu")
