"""Report failures to sinks. In: any exception. Out: one of this project's errors."""

from __future__ import annotations

import logging

import torch

from qwen3tts_webui.engine.sequence import SequenceState
from qwen3tts_webui.errors import OutOfMemory, SpeechError, SynthesisError

log = logging.getLogger(__name__)


def as_speech_error(error: Exception) -> SpeechError:
    """Return `error` as one of this project's errors."""
    if isinstance(error, SpeechError):
        return error
    no_memory = "not enough memory" in str(error) or "out of memory" in str(error)
    no_memory = no_memory or isinstance(error, MemoryError | torch.OutOfMemoryError)
    converted = OutOfMemory() if no_memory else SynthesisError()
    converted.__cause__ = error
    return converted


def fail_sink(sequence: SequenceState, error: Exception) -> None:
    """End `sequence` with `error`. Errors that its sink raises are logged."""
    try:
        sequence.sink.fail(as_speech_error(error))
    except Exception:
        log.exception("the sink of a failed utterance failed")
