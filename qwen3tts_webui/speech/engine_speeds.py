"""How fast each engine was in its last utterance, so that a player knows whether to collect audio before it plays.

In: the results of utterances. Out: seconds of speech per second; before the first, what the engine predicts.
"""

from __future__ import annotations

from collections.abc import Callable

from qwen3tts_webui.types import SAMPLE_RATE, EngineInfo, SynthesisResult

OnResult = Callable[[EngineInfo, SynthesisResult], None]

_MIN_SAMPLES = SAMPLE_RATE // 2


class EngineSpeeds:
    """The speed of the last utterance of each engine, by model, device and dtype. Only on the event loop."""

    def __init__(self) -> None:
        self._measured: dict[tuple[str, ...], float] = {}

    def add(self, info: EngineInfo, result: SynthesisResult) -> None:
        """Keep the speed of an utterance, unless it was cut, too short, or slowed by a warm-up."""
        timings = result.timings
        is_typical = result.finish_reason != "cancelled" and not timings.includes_warmup
        if timings.total_ms is None or result.num_samples < _MIN_SAMPLES or not is_typical:
            return
        elapsed_s = (timings.total_ms - (timings.queued_ms or 0.0)) / 1000
        if elapsed_s > 0:
            self._measured[_key(info)] = result.num_samples / SAMPLE_RATE / elapsed_s

    def speed(self, info: EngineInfo) -> float | None:
        """Return seconds of speech per second; None if nothing is known."""
        return self._measured.get(_key(info), info.speed)


def _key(info: EngineInfo) -> tuple[str, ...]:
    return info.name, info.model, info.device, info.dtype
