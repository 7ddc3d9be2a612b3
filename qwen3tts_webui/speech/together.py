"""Several requests that start together: the engine takes the first segments of all, or of none."""

from __future__ import annotations

from collections.abc import Sequence

from qwen3tts_webui.types import EngineInfo, EngineLoad, PcmSink, Synthesizer, Utterance


class Together:
    """A synthesizer before another: it holds what it is asked until `release`, and passes on what comes later."""

    def __init__(self, engine: Synthesizer) -> None:
        self._engine = engine
        self._held: list[tuple[Utterance, PcmSink]] | None = []

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    @property
    def ready(self) -> bool:
        return self._engine.ready

    @property
    def load(self) -> EngineLoad:
        return self._engine.load

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        if self._held is None:
            self._engine.submit(jobs)
        else:
            self._held += jobs

    def release(self) -> None:
        """Raises what the engine's `submit` raises; then nothing of it was taken."""
        held, self._held = self._held or [], None
        self._engine.submit(held)

    def close(self, *, grace_s: float = 0.0) -> None:
        self._engine.close(grace_s=grace_s)
