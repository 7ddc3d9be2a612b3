"""What stays of a request while it is heard: its events for whoever follows it, its sound for the history.

In: a `Run` and what its listener hears. Out: nothing: the run and the recorder have it. Knows no network.
"""

from __future__ import annotations

from collections.abc import Callable

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server.recording import Recorder
from qwen3tts_webui.server.runs import Run
from qwen3tts_webui.speech import Event, SegmentFailed, Sound


class Kept:
    """`hear` each event once the listener has it, then `end`. `told` is an error in the listener's language."""

    def __init__(self, run: Run, recorder: Recorder, told: Callable[[SpeechError], dict[str, str]]) -> None:
        self._run = run
        self._recording = recorder.begin(run)
        self._told = told

    def hear(self, event: Event) -> None:
        if isinstance(event, SegmentFailed):
            self._run.note(event, self._told(event.error)["message"])
        elif not isinstance(event, Sound):
            self._run.note(event)
        elif self._recording is not None:
            self._recording.push(event.pcm)

    def end(self, error: SpeechError | None) -> None:
        """The listener has all of it, or has left: nothing more will be spoken. Idempotent."""
        if self._run.ended:
            return
        self._run.speaking.cancel()
        try:
            if self._recording is not None:
                self._recording.end(lambda: self._run.account)
        finally:
            self._run.end(error, "" if error is None else self._told(error)["message"])
