"""Sample the GPU's utilization and memory from the driver, in a thread of its own.

In: a GPU's number. Out: the latest `GpuSample`, or None without NVML. Knows neither torch nor the engine.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import pynvml

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSample:
    """`util_percent` is the driver's figure over its last sampling period; bytes are those of the whole card."""

    util_percent: int
    used_bytes: int
    total_bytes: int


class GpuMonitor:
    """Queries NVML every `period_s`; `latest` never blocks. Without a driver it stays None and no thread starts.

    `gpu` is the number or UUID of the GPU, as in NVML and CUDA_VISIBLE_DEVICES (`visible_gpu`).
    """

    def __init__(self, *, gpu: str = "0", period_s: float = 1.0) -> None:
        self._period_s = period_s
        self._latest: GpuSample | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        try:
            pynvml.nvmlInit()
            by_number = gpu.isdecimal()
            self._handle = (
                pynvml.nvmlDeviceGetHandleByIndex(int(gpu)) if by_number else pynvml.nvmlDeviceGetHandleByUUID(gpu)
            )
            self._latest = self._sample()
        except pynvml.NVMLError as error:
            log.info("no GPU utilization: %s", error)
            return
        self._thread = threading.Thread(target=self._run, name="gpu-monitor", daemon=True)
        self._thread.start()

    @property
    def latest(self) -> GpuSample | None:
        """The newest sample; None without NVML, or since the driver stopped answering."""
        return self._latest

    def close(self) -> None:
        """Stop sampling. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            pynvml.nvmlShutdown()

    def _run(self) -> None:
        while not self._stop.wait(self._period_s):
            try:
                self._latest = self._sample()
            except pynvml.NVMLError as error:
                log.warning("the GPU driver stopped answering: %s", error)
                self._latest = None
                return

    def _sample(self) -> GpuSample:
        memory = pynvml.nvmlDeviceGetMemoryInfo(self._handle)
        return GpuSample(
            util_percent=int(pynvml.nvmlDeviceGetUtilizationRates(self._handle).gpu),
            used_bytes=int(memory.used),
            total_bytes=int(memory.total),
        )


def visible_gpu(device: str, visible: str | None) -> str:
    """Return the GPU that torch calls `device` ("cuda:1"; anything else is the first), for `GpuMonitor`.

    `visible` is CUDA_VISIBLE_DEVICES, which renumbers the GPUs; None if unset.
    """
    number = int(device.partition(":")[2]) if device.startswith("cuda:") else 0
    names = [name.strip() for name in visible.split(",")] if visible else []
    return names[number] if number < len(names) else str(number)
