"""The speed of a model before it is downloaded: measured once, stored, and a failure is no result."""

from __future__ import annotations

from pathlib import Path

from qwen3tts_webui.checkpoints import SpeedMeter
from tests.support.wait import wait_until


def measured(meter: SpeedMeter, size: str) -> float | None:
    assert meter.start(size)
    wait_until(lambda: meter.measuring is None)
    return meter.speed(size)


def test_a_speed_is_measured_once_and_stored(tmp_path: Path):
    file = tmp_path / "models" / "speed.json"
    assert measured(SpeedMeter(file, lambda size: 0.5), "1.7B") == 0.5
    again = SpeedMeter(file, lambda size: 9.9)
    assert (again.speed("1.7B"), again.speed("0.6B")) == (0.5, None)


def test_a_failed_measurement_and_a_damaged_file_are_no_result(tmp_path: Path):
    file = tmp_path / "speed.json"
    file.write_text("{")
    meter = SpeedMeter(file, lambda size: {"1.7B": 0.5}["another"])
    assert measured(meter, "1.7B") is None
    assert meter.failed == "1.7B"
