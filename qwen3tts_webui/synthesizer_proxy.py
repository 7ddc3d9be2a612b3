"""A base class for wrappers around an engine: delegates everything; subclasses override what they intercept."""

from __future__ import annotations

from collections.abc import Sequence

from qwen3tts_webui.types import EngineInfo, EngineLoad, PcmSink, Synthesizer, Utterance


class SynthesizerProxy:
    """Implements `Synthesizer` by delegating to an engine."""

    def __init__(self, engine: Synthesizer) -> None:
        self._engine = engine

    @property
    def info(self) -> EngineInfo:
        """What the engine is and can do."""
        return self._engine.info

    @property
    def ready(self) -> bool:
        """True once the next utterance needs no warm-up."""
        return self._engine.ready

    @property
    def load(self) -> EngineLoad:
        """How busy the engine is."""
        return self._engine.load

    def submit(self, requests: Sequence[tuple[Utterance, PcmSink]]) -> None:
        """Submit to the engine; see `Synthesizer.submit`."""
        self._engine.submit(requests)

    def close(self, *, grace_s: float = 0.0) -> None:
        """Close the engine; see `Synthesizer.close`."""
        self._engine.close(grace_s=grace_s)
