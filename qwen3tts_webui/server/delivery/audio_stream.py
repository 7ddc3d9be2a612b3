"""The encoded audio of one request, independent of the transport.

In: a `RequestRecord`. Out: bytes in the requested format. Also passes the events to an `EventRecorder`. Knows no HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from qwen3tts_webui.audio import OutputFormat
from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server.delivery.recorder import EventRecorder
from qwen3tts_webui.server.delivery.request_context import RequestContext
from qwen3tts_webui.server.delivery.request_registry import RequestRecord
from qwen3tts_webui.speech import AudioChunk, SegmentFailed, SegmentStarted


class AudioStream:
    """Iterate `chunks` once, then call `end` in any case.

    `error` ended the whole request, `truncated_by` the audio before its end; `first_segment_error` is why a segment is
    missing.
    """

    def __init__(self, record: RequestRecord, output_format: OutputFormat, context: RequestContext) -> None:
        self.record = record
        self.output_format = output_format
        self.context = context
        self.error: SpeechError | None = None
        self.truncated_by: SpeechError | None = None
        self.first_segment_error: SpeechError | None = None
        self._events = EventRecorder(record, context.server.recorder, context.localize, context.server.meter)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield bytes as soon as they are ready.

        Raises `SpeechError` for a failure before the first chunk, or any failure if the output is one file. A later
        failure ends the iteration and sets `truncated_by`.
        """
        started = False
        encoder = self.output_format.encoder()
        try:
            async with aclosing(self.record.session.__aiter__()) as events:
                async for event in events:
                    if isinstance(event, AudioChunk):
                        chunk = await encoder.push(event.pcm)
                        if chunk:
                            started = True
                            yield chunk
                    elif isinstance(event, SegmentStarted):
                        self.truncated_by = None
                    elif isinstance(event, SegmentFailed):
                        self.truncated_by = event.error
                        self.first_segment_error = self.first_segment_error or event.error
                    self._events.on_event(event)  # after the client, who is waiting
        except SpeechError as error:
            self.error = self.truncated_by = error
            if self.output_format.as_file or not started:
                raise
        rest = await encoder.flush()
        if rest:
            yield rest

    def end(self) -> None:
        """Cancel what is left and finish the record: the client has everything, or has left. Idempotent."""
        self._events.end(self.error)
