"""Progress: bytes, speed and time left, from a clock that the test turns."""

from __future__ import annotations

from qwen3tts_webui.checkpoints import ProgressTracker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_known_at_first():
    progress = ProgressTracker("m", clock=Clock()).progress
    assert (progress.state, progress.total_bytes, progress.bytes_per_s, progress.left_s) == ("asking", None, None, None)


def test_speed_and_time_left():
    clock = Clock()
    tracker = ProgressTracker("m", clock=clock)
    tracker.begin(1_000)
    for done in range(0, 300, 100):
        tracker.update(done + 100, "receiving", received=100)
        clock.now += 1
    progress = tracker.progress
    assert (progress.done_bytes, progress.total_bytes) == (300, 1_000)
    assert progress.bytes_per_s == 200 / 3
    assert progress.left_s == 700 / (200 / 3)


def test_existing_bytes_do_not_count_as_speed():
    clock = Clock()
    tracker = ProgressTracker("m", clock=clock)
    tracker.begin(1_000)
    tracker.update(600, "checking")
    clock.now += 1
    assert tracker.progress.bytes_per_s is None
    assert tracker.progress.done_bytes == 600


def test_an_old_burst_is_forgotten():
    clock = Clock()
    tracker = ProgressTracker("m", clock=clock)
    tracker.begin(10_000)
    tracker.update(5_000, "receiving", received=5_000)
    for second in range(10):
        clock.now += 1
        tracker.update(5_010 + 10 * second, "receiving", received=10)
    assert tracker.progress.bytes_per_s == 10
