"""Warm up a freshly loaded model with a short utterance, which also proves that it works.

In: a runner with all slots free. Out: nothing, or the error that an utterance would have met. Knows no thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from qwen3tts_webui.engine.core import EngineCore
from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.engine.sequence import Clock, SequenceState
from qwen3tts_webui.model import ModelConfig
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.types import PcmSink, Utterance, Voice, VoiceReference

_WARMUP = Utterance(text="Hello.", max_frames=3, frames_per_packet=2)


def _warmup_utterance(spec: ModelConfig) -> Utterance:
    """Return a short utterance; for a Base checkpoint, which needs a voice to clone, with an x-vector of zeros."""
    if spec.kind != "base":
        return _WARMUP
    x_vector = np.zeros(spec.talker.stack.hidden_size, np.float32)
    return replace(_WARMUP, voice=Voice(reference=VoiceReference(x_vector=x_vector, mode="xvector")))


def warm_up(runner: ModelRunner, new_sequence: Callable[[Utterance, PcmSink], SequenceState], *, clock: Clock) -> None:
    """Synthesize three frames in packets of two and one. Raises whatever fails, including NumericalError."""
    stream = PcmStream()
    sequence = new_sequence(_warmup_utterance(runner.model.config), stream)
    core = EngineCore(runner, [sequence], max_prefill_batch=1, clock=clock)
    while core.step():
        pass
    for _, error in core.retryable:
        raise error
    while stream.read() is not None:
        pass
