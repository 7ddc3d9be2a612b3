"""The speed of a model on this machine before it is downloaded: measured once with random weights, then cached.

In: a model size ("1.7B"). Out: seconds of speech per second. `run(size)` does the measurement; see `bench_speed`.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from qwen3tts_webui.atomic_files import write_atomically
from qwen3tts_webui.types import FRAMES_PER_SECOND

_log = logging.getLogger(__name__)

_TIMEOUT_S = 600


def bench_speed(size: str, options: Sequence[str] = ()) -> float:
    """Return seconds of speech per second, from `bench latency` with random weights in a process of its own.

    Raises OSError, ValueError or subprocess.SubprocessError if it cannot be measured.
    """
    command = [sys.executable, "-m", "qwen3tts_webui", "bench", "latency", "--synthetic", size]
    command += ["--frames", "25", "--runs", "2", "--slots", "1", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    report = json.loads(done.stdout.splitlines()[-1])
    return round(float(report["frames_per_second"]["p50"]) / FRAMES_PER_SECOND, 2)


class SpeedMeter:
    """Measures one size at a time in the background and keeps the results in `file`."""

    def __init__(self, file: Path, run: Callable[[str], float] = bench_speed) -> None:
        self._file = file
        self._run = run
        self._lock = threading.Lock()
        self._speeds: dict[str, float] = {}
        with suppress(OSError, ValueError):
            self._speeds = {str(size): float(speed) for size, speed in json.loads(file.read_text()).items()}
        self.measuring: str | None = None
        self.failed: str | None = None

    def speed(self, size: str) -> float | None:
        """Return seconds of speech per second, None if not measured yet."""
        return self._speeds.get(size)

    def start(self, size: str) -> bool:
        """Measure `size` in the background; False while another measurement runs."""
        with self._lock:
            if self.measuring is not None:
                return False
            self.measuring, self.failed = size, None
        threading.Thread(target=self._measure, args=(size,), name="speed", daemon=True).start()
        return True

    def _measure(self, size: str) -> None:
        try:
            self._speeds = {**self._speeds, size: self._run(size)}
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._file, json.dumps(self._speeds).encode())
        except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
            _log.warning("the speed of %s could not be measured: %s", size, error)
            self.failed = size
        finally:
            self.measuring = None
