"""Waiting for an engine that loads in the background."""

from __future__ import annotations

import threading
import time

from qwen3tts_webui.errors import EngineStopped, NotReady, SpeechError, loading_reason
from qwen3tts_webui.types import Synthesizer

_POLL_S = 0.05


def load_failure(engine: Synthesizer) -> SpeechError | None:
    """Why `engine` will never be ready; None while it loads, once it is ready, or if it has nothing to load."""
    failure: SpeechError | None = getattr(engine, "failure", None)
    return failure


def wait_until_ready(
    engine: Synthesizer, *, timeout_s: float | None = None, cancelled: threading.Event | None = None
) -> None:
    """Block until `engine` is ready.

    Raises the error that prevents it, `NotReady` after `timeout_s`, and `EngineStopped` once `cancelled` is set.
    """
    cancelled = cancelled or threading.Event()
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while not engine.ready:
        failure = load_failure(engine)
        if failure is not None:
            raise failure
        if deadline is not None and time.monotonic() > deadline:
            raise NotReady(reason=loading_reason(engine.info.label))
        if cancelled.wait(_POLL_S):
            raise EngineStopped()
