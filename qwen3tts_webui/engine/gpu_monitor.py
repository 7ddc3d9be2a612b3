"""How busy the GPU is, as the driver says it: sampled in a thread of its own, off the hot path.

In: a device index. Out: the latest `GpuSample`, or None where there is no NVML. Knows no torch and no engine.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import pynvml

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSample:
    """`util_percent` is the driver's own figure over its last sampling period; bytes of the whole card."""

    util_percent: int
    used_bytes: int
    total_bytes: int


class GpuMonitor:
    """Asks NVML every `period_s`; `latest` never blocks. Without a driver it stays None and no thread is started."""

    def __init__(self, *, index: int = 0, period_s: float = 1.0) -> None:
        self._period_s = period_s
        self._latest: GpuSample | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            self._latest = self._sample()
        except pynvml.NVMLError as error:
            log.info("no GPU figures: %s", error)
            return
        self._thread = threading.Thread(target=self._run, name="gpu-monitor", daemon=True)
        self._thread.start()

    @property
    def latest(self) -> GpuSample | None:
        """The newest sample; None without NVML, or since the driver stopped answering."""
        return self._latest

    def close(self) -> None:
        """Stop asking. Idempotent."""
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
