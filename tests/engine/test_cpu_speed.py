"""The dtype of "auto" on a CPU follows from the speed of the machine and the size of the model."""

from __future__ import annotations

import pytest

from qwen3tts_webui.engine.cpu_speed import CpuSpeed, choose_cpu_dtype, frames_per_second, measure_cpu
from qwen3tts_webui.hardware import DeviceChoice
from qwen3tts_webui.model.cpu.jit import numba_available
from qwen3tts_webui.model.synthetic import synthetic_config

WIDE = DeviceChoice(
    device="cpu", dtype="bfloat16", threads=2, reason="cpu (no GPU that torch can use); bfloat16 (native)"
)


def speed(gigabytes_s: float, gflops: float = 400) -> CpuSpeed:
    return CpuSpeed(read_bytes_s=gigabytes_s * 1e9, flops=gflops * 1e9)


@pytest.mark.skipif(not numba_available(), reason="numba is not installed")
@pytest.mark.parametrize(
    ("size", "gigabytes_s", "dtype"),
    [
        ("0.6B", 200, "bfloat16"),
        ("0.6B", 40, "int8"),
        ("1.7B", 80, "int8"),
        ("1.7B", 40, "int4"),
        ("1.7B", 10, "int8"),  # nothing keeps real time: the more faithful one
    ],
)
def test_the_widest_dtype_that_keeps_real_time(size: str, gigabytes_s: float, dtype: str) -> None:
    choice = choose_cpu_dtype(WIDE, synthetic_config(size), speed(gigabytes_s))  # type: ignore[arg-type]
    assert (choice.device, choice.dtype, choice.threads) == ("cpu", dtype, 2)
    assert choice.speed is not None and (choice.speed < 1) == (gigabytes_s == 10)
    assert choice.reason.startswith("cpu (no GPU that torch can use); ") and f"{dtype} about" in choice.reason
    assert ("changes how the voice sounds" in choice.reason) == (dtype == "int4")
    assert ("below real time" in choice.reason) == (gigabytes_s == 10)


@pytest.mark.skipif(not numba_available(), reason="numba is not installed")
@pytest.mark.parametrize(
    ("fitting", "dtype"), [(("bfloat16", "int8", "int4"), "bfloat16"), (("int8", "int4"), "int8"), ((), "int8")]
)
def test_a_dtype_that_does_not_fit_is_not_chosen(fitting: tuple[str, ...], dtype: str) -> None:
    choice = choose_cpu_dtype(WIDE, synthetic_config("0.6B"), speed(200), fits=lambda name: name in fitting)
    assert choice.dtype == dtype


def test_fewer_bytes_and_a_smaller_model_are_faster() -> None:
    small, large = synthetic_config("0.6B"), synthetic_config("1.7B")
    rates = [frames_per_second(large, dtype, speed(40)) for dtype in ("bfloat16", "int8", "int4")]
    assert rates == sorted(rates)
    assert frames_per_second(small, "int8", speed(40)) > rates[1]


def test_the_prediction_includes_the_codec() -> None:
    spec = synthetic_config("0.6B")
    assert frames_per_second(spec, "int8", speed(1e6, gflops=50)) == pytest.approx(10, rel=0.01)


def test_a_machine_is_measured_in_bytes_and_operations_per_second() -> None:
    measured = measure_cpu(1)
    assert 1e8 < measured.read_bytes_s < 1e13
    assert 1e8 < measured.flops < 1e15
