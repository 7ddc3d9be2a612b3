"""The speed of an engine: predicted at first, then that of its last complete utterance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qwen3tts_webui.speech.engine_speeds import EngineSpeeds
from qwen3tts_webui.testing import ZeroCostSynthesizer
from qwen3tts_webui.types import SAMPLE_RATE, SynthesisResult, Timings

TWO_SECONDS = SynthesisResult(
    num_samples=2 * SAMPLE_RATE, finish_reason="stop", timings=Timings(queued_ms=1_000, total_ms=5_000)
)
INFO = replace(ZeroCostSynthesizer().info, speed=3.0)


def test_the_last_utterance_replaces_the_prediction_of_its_engine_only() -> None:
    speeds = EngineSpeeds()
    assert speeds.speed(INFO) == 3.0
    speeds.add(INFO, TWO_SECONDS)
    assert speeds.speed(INFO) == 0.5
    assert speeds.speed(replace(INFO, dtype="int8")) == 3.0


@pytest.mark.parametrize(
    "result",
    [
        replace(TWO_SECONDS, finish_reason="cancelled"),
        replace(TWO_SECONDS, num_samples=1_920),
        replace(TWO_SECONDS, timings=Timings(queued_ms=0, total_ms=9_000, includes_warmup=True)),
        replace(TWO_SECONDS, timings=Timings()),
    ],
)
def test_what_says_nothing_of_the_speed_is_ignored(result: SynthesisResult) -> None:
    speeds = EngineSpeeds()
    speeds.add(INFO, result)
    assert speeds.speed(INFO) == 3.0
