"""The first words of a freshly loaded model, spoken to nobody: they show that it can speak, and warm everything up.

In: a runner with all slots free. Out: nothing, or the error that an utterance would have met. Knows no thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from qwen3tts_webui.engine.core import Floor
from qwen3tts_webui.engine.device import Choice
from qwen3tts_webui.engine.model_runner import Runner
from qwen3tts_webui.engine.sequence import Clock, Seat
from qwen3tts_webui.model import ModelConfig
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.types import PcmSink, Utterance, Voice, VoiceReference

Load = Callable[[Choice], Runner]
"""Puts the model on the device that a `Choice` names, in its type. Called on the engine's thread."""

_FIRST_WORDS = Utterance(text="Hello.", max_frames=4)


def _first_words(spec: ModelConfig) -> Utterance:
    """A Base checkpoint says nothing without a voice to clone; numbers that stand for no one will do here."""
    if spec.kind != "base":
        return _FIRST_WORDS
    x_vector = np.zeros(spec.talker.stack.hidden_size, np.float32)
    return replace(_FIRST_WORDS, voice=Voice(reference=VoiceReference(x_vector=x_vector, mode="xvector")))


def warm_up(runner: Runner, seat: Callable[[Utterance, PcmSink], Seat], *, clock: Clock) -> None:
    """Speak four frames in three packets. Raises what went wrong, NumericalError among it."""
    stream = PcmStream()
    floor = Floor(runner, [seat(_first_words(runner.model.config), stream)], group=1, clock=clock)
    while floor.turn():
        pass
    for _, error in floor.unheard:
        raise error
    while stream.read() is not None:
        pass
