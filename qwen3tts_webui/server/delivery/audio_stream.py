"""One request's sound on its way to one listener, whatever carries it.

In: a `Run`. Out: bytes in the form that was asked for. What stays of it is `Kept`. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from qwen3tts_webui.audio.output_format import Form
from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server.delivery.recorder import Kept, Recorder
from qwen3tts_webui.server.delivery.request_registry import Run
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.speech import SegmentFailed, SegmentStarted, Sound


class Delivery:
    """`pieces` once, then `end`, whatever happened in between. `wish` is the listener's `Accept-Language`.

    `error` ended the whole request, `cut` the sound before its end, and `missing` is why some of it is.
    """

    def __init__(self, run: Run, form: Form, recorder: Recorder, problems: Problems, wish: str) -> None:
        self.run = run
        self.form = form
        self.error: SpeechError | None = None
        self.cut: SpeechError | None = None
        self.missing: SpeechError | None = None
        self._kept = Kept(run, recorder, self.told)
        self._problems = problems
        self._wish = wish

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """What may leave, as soon as it may. Raises `SpeechError` if it fails before the first piece left, or at all if
        the sound is one whole file; a later failure ends the sound well, and `cut` says what it was."""
        begun = False
        packer = self.form.packer()
        try:
            async with aclosing(self.run.speaking.__aiter__()) as events:
                async for event in events:
                    if isinstance(event, Sound):
                        piece = await packer.push(event.pcm)
                        if piece:
                            begun = True
                            yield piece
                    elif isinstance(event, SegmentStarted):
                        self.cut = None
                    elif isinstance(event, SegmentFailed):
                        self.cut = event.error
                        self.missing = self.missing or event.error
                    self._kept.hear(event)  # after the listener, who waits for it
        except SpeechError as error:
            self.error = self.cut = error
            if self.form.whole or not begun:
                raise
        rest = await packer.flush()
        if rest:
            yield rest

    def told(self, error: SpeechError) -> dict[str, str]:
        """`error` in the listener's language."""
        return self._problems.told(error, self._wish)

    def end(self) -> None:
        """The listener has all of it, or has left: nothing more will be spoken. Idempotent."""
        self._kept.end(self.error)
