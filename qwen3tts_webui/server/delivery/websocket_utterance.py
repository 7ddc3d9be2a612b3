"""One utterance of a WebSocket: its events as JSON and its audio as binary frames, in order.

In: a `RequestRecord` and its `TextStreamSession`. Out: messages to a `MessageSink`. Knows no connection; the owner of
the connection passes it text.
"""

from __future__ import annotations

import base64
import logging
import time
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Protocol

from qwen3tts_webui.audio import OutputFormat
from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server.delivery.recorder import EventRecorder
from qwen3tts_webui.server.delivery.request_context import RequestContext
from qwen3tts_webui.server.delivery.request_registry import RequestRecord, to_json, words_to_json
from qwen3tts_webui.server.http import IdleTimer, RequestTimeout
from qwen3tts_webui.server.schemas import Open, pack_frame
from qwen3tts_webui.speech import (
    AudioChunk,
    Event,
    Flushed,
    SegmentEnded,
    SegmentFailed,
    SegmentStarted,
    SpeechSession,
    TextStreamSession,
    TextWarning,
    WordsTimed,
    heard_chars,
)

log = logging.getLogger(__name__)


class MessageSink(Protocol):
    """Sends messages to the client. Both methods raise `ConnectionError` once the client no longer reads."""

    async def send_json(self, kind: str, **fields: Any) -> None: ...

    async def send_bytes(self, data: bytes) -> None: ...


class UtteranceSession:
    """From `open` to `done` or `error`. Without new text for `text_timeout_s` it ends and frees its slot."""

    def __init__(
        self,
        number: int,
        opened: Open,
        record: RequestRecord,
        text_stream: TextStreamSession,
        context: RequestContext,
        *,
        text_timeout_s: float,
    ) -> None:
        self.id = opened.id
        self.number = number
        self.request_id = record.id
        self.session: SpeechSession = record.session
        self._record = record
        self._text_stream = text_stream
        self._localize = context.localize
        self._events = EventRecorder(record, context.server.recorder, context.localize, context.server.meter)
        self.output_format = OutputFormat.of(opened.format, opened.sample_rate, packet_ms=opened.packet_ms)
        self._as_base64 = opened.audio == "base64"
        self._encoder = self.output_format.encoder()
        self._error: SpeechError | None = None
        self._num_frames = 0
        self._num_played: int | None = None
        self._first_text_at: float | None = None
        self._first_audio_ms: float | None = None
        timeout = RequestTimeout(limit_s=round(text_timeout_s))
        self._text_timer = IdleTimer(text_timeout_s, lambda: self.session.abort(timeout))
        self._text_timer.restart()

    def write(self, text: str) -> None:
        """Add text. Raises `TextTooLong` or, after `close`, `InvalidValue`; the utterance continues without it."""
        if self._first_text_at is None:
            self._first_text_at = time.monotonic()
            self._record.restart_latency_clock()
        self._text_timer.restart()
        self._text_stream.write(text)

    def flush(self) -> None:
        """Synthesize all text so far to its end; a `flushed` message says when its audio was sent."""
        self._text_timer.restart()
        self._text_stream.flush()

    def close(self) -> None:
        """Signal that no more text will come."""
        self._text_timer.stop()
        self._text_stream.close()

    def cancel(self, played_sample: int | None) -> None:
        """Stop at once. The client has played its audio up to `played_sample`, if it says so."""
        self._num_played = played_sample
        self.session.cancel()

    def end(self) -> None:
        """Cancel what is left and finish the record. Idempotent."""
        self._text_timer.stop()
        self._events.end(self._error)

    async def run(self, sink: MessageSink) -> None:
        """Send everything until the end, then `end`. Raises `ConnectionError`."""
        try:
            async with aclosing(self.session.__aiter__()) as events:
                async for event in events:
                    await self._send_event(event, sink)
                    self._events.on_event(event)
            await self._send_audio(sink, await self._encoder.flush())
            await sink.send_json("done", id=self.id, **self._report())
        except SpeechError as error:
            self._error = error
            await self._send_error(error, sink)
        except ConnectionError:
            raise
        except Exception:
            log.exception("an utterance failed")
            self._error = SpeechError()
            await self._send_error(self._error, sink)
        finally:
            self.end()

    async def _send_event(self, event: Event, sink: MessageSink) -> None:
        if isinstance(event, AudioChunk):
            await self._send_audio(sink, await self._encoder.push(event.pcm))
        elif isinstance(event, Flushed):
            await self._send_audio(sink, await self._encoder.drain())
            await sink.send_json("flushed", id=self.id, sample=event.sample)
        elif isinstance(event, SegmentStarted):
            if self._first_audio_ms is None:
                self._first_audio_ms = round((time.monotonic() - (self._first_text_at or time.monotonic())) * 1000, 3)
                await sink.send_json("started", id=self.id, first_audio_ms=self._first_audio_ms)
            await sink.send_json(
                "segment", id=self.id, index=event.segment.index, text=event.segment.text,
                voice_source=event.voice_source, start_sample=event.start_sample,
            )  # fmt: skip
        elif isinstance(event, SegmentEnded):
            await sink.send_json(
                "timings", id=self.id, index=event.segment.index, start_sample=event.start_sample,
                num_samples=event.num_samples, finish_reason=event.finish_reason, timings=asdict(event.timings),
            )  # fmt: skip
        elif isinstance(event, WordsTimed):
            words = to_json(event.words)
            await sink.send_json("words", id=self.id, index=event.segment.index, estimated=event.estimated, words=words)
        elif isinstance(event, TextWarning):
            await sink.send_json("warning", id=self.id, **asdict(event), **self._localize(event))
        elif isinstance(event, SegmentFailed):
            error = self._localize(event.error)
            await sink.send_json("segment_failed", id=self.id, index=event.segment.index, **error)

    async def _send_audio(self, sink: MessageSink, data: bytes) -> None:
        """Send one message with audio, none for no bytes."""
        if not data:
            return
        self._record.mark_first_pcm()
        sequence = self._num_frames
        self._num_frames += 1
        if self._as_base64:
            audio = base64.b64encode(data).decode("ascii")
            await sink.send_json("audio", id=self.id, sequence=sequence, audio=audio)
        else:
            frame = pack_frame(data, format=self.output_format.format, number=self.number, sequence=sequence)
            await sink.send_bytes(frame)

    async def _send_error(self, error: SpeechError, sink: MessageSink) -> None:
        await sink.send_json("error", id=self.id, fatal=True, **self._localize(error), **retry_after(error))

    def _report(self) -> dict[str, Any]:
        report = self.session.report
        return {
            "finish_reason": report.finish_reason,
            "num_samples": report.num_samples,
            "num_frames": self._num_frames,
            "first_audio_ms": self._first_audio_ms,
            "seed": report.seed,
            "engine": report.engine,
            "engine_label": report.label,
            "preview": report.preview,
            "timings": asdict(report.timings),
            "spoken_chars": report.spoken_chars,
            "heard_chars": None if self._num_played is None else heard_chars(report.words, self._num_played),
            **words_to_json(report),
        }


def retry_after(error: SpeechError) -> dict[str, object]:
    """Return `retry_after_s` if the error has it."""
    return {"retry_after_s": error.params["retry_after_s"]} if "retry_after_s" in error.params else {}
