"""One request's audio as an HTTP response: streamed, or as one file at the end.

In: an `AudioStream`. Out: ASGI messages. Nothing is sent before the first audio exists, so failures before it return an
error status. Audio that is truncated later ends without the last chunk, so clients can detect it. Closing the
connection cancels synthesis.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from qwen3tts_webui.audio import OutputFormat
from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server.delivery.audio_stream import AudioStream
from qwen3tts_webui.server.observability import mark_truncated
from qwen3tts_webui.types import EngineInfo, Timings


class AudioResponse(Response):
    """Sends an audio stream, and ends it whatever the client does."""

    def __init__(self, stream: AudioStream, warnings: Sequence[str] = ()) -> None:
        """`warnings` come before those of the session in the header X-Warning."""
        self.background = None
        self.stream = stream
        self._warnings = warnings
        self.context = stream.context
        self._info = stream.record.session.info

    @property
    def mime(self) -> str:
        """The content type."""
        return self.stream.output_format.mime

    def wrap(self, chunk: bytes) -> bytes:
        """Return a chunk as it is sent."""
        return chunk

    def closing(self) -> bytes | None:
        """Return what follows the last chunk. None breaks the connection: truncated audio has no other signal."""
        return b"" if self.stream.truncated_by is None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        stream = self.stream
        try:
            async with cancel_on_disconnect(receive, stream.record.session.cancel):
                await (self._send_file if stream.output_format.as_file else self._send_stream)(send)
        except SpeechError as error:
            headers = {"X-Request-Id": stream.record.id}
            context = self.context
            await context.errors.response(error, context.accept_language, headers)(scope, receive, send)
        except Exception:
            stream.error = SpeechError()
            raise
        finally:
            stream.end()

    async def _send_stream(self, send: Send) -> None:
        started = False
        async with aclosing(self.stream.chunks()) as chunks:
            async for chunk in chunks:
                if not started:
                    started = True
                    await send(self._start())
                self.stream.record.mark_first_pcm()
                await send({"type": "http.response.body", "body": self.wrap(chunk), "more_body": True})
        if not started:
            await send(self._start())
        closing = self.closing()
        if closing is None:
            error = self.stream.truncated_by
            mark_truncated("" if error is None else error.code)
            return  # uvicorn closes the connection of an incomplete response without the last chunk
        await send({"type": "http.response.body", "body": closing, "more_body": False})

    async def _send_file(self, send: Send) -> None:
        async with aclosing(self.stream.chunks()) as chunks:
            body = b"".join([chunk async for chunk in chunks])
        if self.stream.first_segment_error is not None:
            raise self.stream.first_segment_error
        await send(self._start(length=len(body)))
        self.stream.record.mark_first_pcm()
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _start(self, length: int | None = None) -> Message:
        record = self.stream.record
        headers = audio_headers(self.stream.output_format, self._info, record.id) | {
            "content-type": self.mime,
            "x-seed": str(record.session.seed),
            "server-timing": server_timing(record.session.report.timings, record.elapsed_ms),
        }
        if warnings := [*self._warnings, *map(str, record.session.warnings)]:
            headers["x-warning"] = "; ".join(warnings)
        if length is not None:
            headers["content-length"] = str(length)
        return response_start(headers)


@asynccontextmanager
async def cancel_on_disconnect(receive: Receive, cancel: Callable[[], None]) -> AsyncIterator[None]:
    """Call `cancel` if the client disconnects while the block runs."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def audio_headers(output_format: OutputFormat, info: EngineInfo, request_id: str) -> dict[str, str]:
    """Return the headers that describe the audio and the engine."""
    return {
        "cache-control": "no-store",
        "x-accel-buffering": "no",
        "x-sample-rate": str(output_format.sample_rate),
        "x-channels": "1",
        "x-format": output_format.label,
        "x-engine": info.name,
        "x-engine-label": info.label,
        "x-model": info.model,
        "x-request-id": request_id,
    }


def server_timing(timings: Timings, first_audio_ms: float) -> str:
    """Return the value of `Server-Timing`: what is known by now; the engine reports its part at the end."""
    durations = {
        "queue": timings.queued_ms,
        "prefill": timings.prefill_ms,
        "codec": timings.codec_ms,
        "first-audio": first_audio_ms,
    }
    return ", ".join(f"{name};dur={ms:.1f}" for name, ms in durations.items() if ms is not None)


def response_start(headers: Mapping[str, str]) -> Message:
    """Return the ASGI start of a 200 response."""
    encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": 200, "headers": encoded}
