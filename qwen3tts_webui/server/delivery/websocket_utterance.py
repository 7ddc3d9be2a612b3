"""One utterance of a WebSocket: its events as JSON, its sound as binary frames, both in the order in which they happen.

In: a `Run` with its `Feed`. Out: messages to a `Line`. Knows no connection; whoever holds it gives it text.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, Protocol

from qwen3tts_webui.audio.output_format import Form
from qwen3tts_webui.errors import SpeechError, RequestTimeout
from qwen3tts_webui.server.delivery.recorder import Kept
from qwen3tts_webui.server.delivery.request_registry import Run
from qwen3tts_webui.server.schemas.websocket import Open, framed
from qwen3tts_webui.speech import Event, Feed, SegmentEnded, SegmentFailed, SegmentStarted, Sound, Speaking

log = logging.getLogger(__name__)


class Line(Protocol):
    """Where messages go; both raise `ConnectionError` once nobody reads any more."""

    async def tell(self, kind: str, **fields: Any) -> None: ...

    async def send(self, data: bytes) -> None: ...


class Utterance:
    """From `open` to `done` or `error`. `text_s`: how long it waits for more text before it gives up its slot."""

    def __init__(self, number: int, opened: Open, run: Run, kept: Kept, feed: Feed, *, text_s: float) -> None:
        self.id = opened.id
        self.number = number
        self.request_id = run.id
        self.speaking: Speaking = run.speaking
        self._run = run
        self._kept = kept
        self._failed: SpeechError | None = None
        self._form = Form(format=opened.format, sample_rate=opened.sample_rate, packet_ms=opened.packet_ms)
        self._packer = self._form.packer()
        self._feed = feed
        self._text_s = text_s
        self._num_frames = 0
        self._asked: float | None = None
        self._first_audio_ms: float | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._wait_for_text()

    def write(self, text: str) -> None:
        """Raises `TextTooLong` or, after `close`, `InvalidValue`; the utterance goes on without that piece."""
        if self._asked is None:
            self._asked = time.monotonic()
            self._run.text_came()
        self._wait_for_text()
        self._feed.write(text)

    def flush(self) -> None:
        self._wait_for_text()
        self._feed.flush()

    def close(self) -> None:
        self._stop_waiting()
        self._feed.close()

    def end(self) -> None:
        """Nobody listens any more: the engine is free, and what was heard is kept. Idempotent."""
        self._stop_waiting()
        self._kept.end(self._failed)

    async def run(self, line: Line, told: Callable[[SpeechError], dict[str, str]]) -> None:
        """Speak until the end, then `end`. Raises `ConnectionError`."""
        try:
            async with aclosing(self.speaking.__aiter__()) as events:
                async for event in events:
                    await self._pass_on(event, line, told)
                    self._kept.hear(event)
            await self._send(line, await self._packer.flush())
            await line.tell("done", id=self.id, **self._account())
        except SpeechError as error:
            self._failed = error
            await line.tell("error", id=self.id, fatal=True, **told(error), **_retry(error))
        except ConnectionError:
            raise
        except Exception:
            log.exception("an utterance failed")
            self._failed = SpeechError()
            await line.tell("error", id=self.id, fatal=True, **told(self._failed))
        finally:
            self.end()

    async def _pass_on(self, event: Event, line: Line, told: Callable[[SpeechError], dict[str, str]]) -> None:
        if isinstance(event, Sound):
            await self._send(line, await self._packer.push(event.pcm))
        elif isinstance(event, SegmentStarted):
            if self._first_audio_ms is None:
                self._first_audio_ms = round((time.monotonic() - (self._asked or time.monotonic())) * 1000, 3)
                await line.tell("started", id=self.id, first_audio_ms=self._first_audio_ms)
            await line.tell(
                "segment", id=self.id, index=event.segment.index, text=event.segment.text, voice=event.voice,
                start_sample=event.start_sample,
            )  # fmt: skip
        elif isinstance(event, SegmentEnded):
            await line.tell(
                "timings", id=self.id, index=event.segment.index, start_sample=event.start_sample,
                num_samples=event.num_samples, stopped=event.stopped, timings=asdict(event.timings),
            )  # fmt: skip
        elif isinstance(event, SegmentFailed):
            await line.tell("segment_failed", id=self.id, index=event.segment.index, **told(event.error))

    async def _send(self, line: Line, data: bytes) -> None:
        """One binary frame; nothing for no bytes."""
        if data:
            self._run.sent_first_pcm()
            await line.send(framed(data, form=self._form.format, number=self.number, sequence=self._num_frames))
            self._num_frames += 1

    def _account(self) -> dict[str, Any]:
        report = self.speaking.report
        return {
            "stopped": report.stopped,
            "num_samples": report.num_samples,
            "num_frames": self._num_frames,
            "first_audio_ms": self._first_audio_ms,
            "seed": report.seed,
            "engine": report.engine,
            "engine_label": report.label,
            "preview": report.preview,
            "timings": asdict(report.timings),
        }

    def _wait_for_text(self) -> None:
        """A writer who says nothing for too long loses the slot."""
        self._stop_waiting()
        error = RequestTimeout(limit_s=round(self._text_s))
        self._patience = asyncio.get_running_loop().call_later(self._text_s, self.speaking.end_with, error)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def _retry(error: SpeechError) -> dict[str, object]:
    after = error.params.get("retry_after_s")
    return {} if after is None else {"retry_after_s": after}
