"""The GPU's figures, where there may be no GPU."""

import threading

import pynvml
import pytest

from qwen3tts_webui.engine.gpu_monitor import GpuMonitor


def test_absent_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", no_driver)
    before = set(threading.enumerate())
    monitor = GpuMonitor()
    assert monitor.latest is None
    assert set(threading.enumerate()) <= before
    monitor.close()


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
