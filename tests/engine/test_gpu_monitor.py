"""The GPU's figures, where there may be no GPU."""

import threading

import pynvml
import pytest

from qwen3tts_webui.engine.gpu_monitor import GpuMonitor, visible_gpu


def test_absent_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    before = set(threading.enumerate())
    monitor = GpuMonitor()
    assert monitor.latest is None
    assert set(threading.enumerate()) <= before
    monitor.close()


@pytest.mark.parametrize(
    ("device", "visible", "gpu"),
    [
        ("auto", None, "0"),
        ("cuda:1", None, "1"),
        ("cuda", "3,5", "3"),
        ("cuda:1", "3,5", "5"),
        ("cuda:1", "GPU-a, GPU-b", "GPU-b"),
        ("cpu", "", "0"),
    ],
)
def test_the_gpu_that_is_used_is_the_one_that_is_watched(device: str, visible: str | None, gpu: str) -> None:
    assert visible_gpu(device, visible) == gpu


def test_a_gpu_can_be_named_by_its_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def handle(name: object) -> None:
        asked.append(name)
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    for function in ("nvmlDeviceGetHandleByUUID", "nvmlDeviceGetHandleByIndex"):
        monkeypatch.setattr(pynvml, function, handle)
    for gpu in ("GPU-b", "2"):
        GpuMonitor(gpu=gpu).close()
    assert asked == ["GPU-b", 2]


@pytest.mark.gpu
def test_figures_of_a_real_gpu() -> None:
    monitor = GpuMonitor()
    try:
        sample = monitor.latest
        assert sample is not None
        assert 0 <= sample.util_percent <= 100
        assert 0 < sample.used_bytes <= sample.total_bytes
    finally:
        monitor.close()
