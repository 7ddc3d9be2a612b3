"""Recent requests: their events, to follow and replay, and a way to cancel them.

In: the events of a `SpeechSession`. Out: plain dicts for JSON, in order, for any number of followers. Bounded: finished
requests are evicted, oldest first. Belongs to one event loop. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen3tts_webui.errors import (
    ALREADY_USED,
    ANOTHER_VALUE,
    AUDIO,
    UNUSED,
    ErrorDetail,
    InvalidValue,
    NotFound,
    SpeechError,
)
from qwen3tts_webui.server.http import JsonObject
from qwen3tts_webui.speech import (
    Event,
    Flushed,
    Report,
    SegmentEnded,
    SegmentFailed,
    SegmentStarted,
    SpeechSession,
    TextWarning,
    WordsTimed,
)

_MAX_MEASURE_S = 180.0
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_REQUEST = ErrorDetail("request", "request")


def to_json(value: Any) -> Any:
    """Convert dataclasses to dicts for JSON: like `dataclasses.asdict`, without copying every leaf."""
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    return {name: to_json(getattr(value, name)) for name in value.__dataclass_fields__}


def words_to_json(report: Report) -> dict[str, Any]:
    """Return where the words of a request are, as `done` has it."""
    return {"words": to_json(report.words), "words_estimated": report.words_estimated}


class RequestRecord:
    """One accepted request. `events` holds all events so far, for JSON.

    `audio_path` resolves to the path of the finished audio, None if there is none; it is None if history is disabled.
    `measured` resolves once the similarity of the segments is in the report; it is None if it is not measured.
    """

    def __init__(self, request_id: str, session: SpeechSession, received: float) -> None:
        self.id = request_id
        self.session = session
        self.events: list[JsonObject] = []
        self.ended = False
        self.audio_path: Future[Path | None] | None = None
        self.measured: Future[None] | None = None
        self._received = received
        self._first_pcm_ms: float | None = None
        self._changed = asyncio.Event()

    def restart_latency_clock(self) -> None:
        """Measure latency from now: the first text arrived after the request."""
        self._received = time.monotonic()

    @property
    def elapsed_ms(self) -> float:
        """The time since the request was received."""
        return (time.monotonic() - self._received) * 1000

    def mark_first_pcm(self) -> None:
        """Record that audio is handed to the socket; the first call defines the reported latency."""
        if self._first_pcm_ms is None:
            self._first_pcm_ms = round(self.elapsed_ms, 3)

    def record_event(self, event: Event, message: str = "") -> None:
        """Append an event; `message` is the localized message of a failure or warning."""
        if isinstance(event, SegmentStarted):
            segment = event.segment
            self._append("segment_started", index=segment.index, line=segment.line, text=segment.text,
                         start_sample=event.start_sample, voice_source=event.voice_source)  # fmt: skip
        elif isinstance(event, SegmentEnded):
            segment = event.segment
            self._append("segment_ended", index=segment.index, line=segment.line, start_sample=event.start_sample,
                         num_samples=event.num_samples, finish_reason=event.finish_reason,
                         timings=to_json(event.timings))  # fmt: skip
        elif isinstance(event, SegmentFailed):
            segment = event.segment
            self._append("segment_failed", index=segment.index, line=segment.line, code=event.error.code,
                         message=message)  # fmt: skip

        elif isinstance(event, TextWarning):
            self._append("warning", **to_json(event), message=message)
        elif isinstance(event, Flushed):
            self._append("flushed", sample=event.sample)
        elif isinstance(event, WordsTimed):
            self._append("words", index=event.segment.index, line=event.segment.line, estimated=event.estimated,
                         words=to_json(event.words))  # fmt: skip

    def end(self, error: SpeechError | None = None, message: str = "") -> None:
        """Append the last event: `done` with the report, or `error`. Idempotent."""
        if self.ended:
            return
        self.ended = True
        if error is None:
            done = self._report_json(replace(self.session.report, segments=()))
            del done["segments"]  # each had its own event
            self._append("done", **done)
        else:
            self._append("error", code=error.code, message=message)

    @property
    def report(self) -> JsonObject:
        """The report as JSON; `server_first_pcm_ms` is the time from the request to its first audio on the socket."""
        return self._report_json(self.session.report)

    @property
    def changed(self) -> asyncio.Event:
        """Set at the next event; each event creates a new one for its successor."""
        return self._changed

    async def finished(self) -> None:
        """Wait for the last event."""
        while not self.ended:
            await self._changed.wait()

    async def fully_measured(self) -> None:
        """Wait for the last event, and until the similarity of the segments is known, if it is measured."""
        await self.finished()
        if self.measured is not None:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self.measured)), _MAX_MEASURE_S)

    async def finished_audio_path(self, what: ErrorDetail = AUDIO) -> Path:
        """Wait for the finished audio on disk. Raises `NotFound`, naming `what`, if none was kept."""
        await self.finished()
        path = None if self.audio_path is None else await asyncio.wrap_future(self.audio_path)
        if path is None:
            raise NotFound(what=what, got=self.id)
        return path

    def _report_json(self, report: Report) -> JsonObject:
        return {"request_id": self.id, **to_json(report), "server_first_pcm_ms": self._first_pcm_ms}

    def _append(self, kind: str, **fields: object) -> None:
        self.events.append({"type": kind, **fields})
        self._changed.set()
        self._changed = asyncio.Event()


class RequestRegistry:
    """Recent requests by id: all unfinished ones, and at most `max_ended` finished ones with `max_events` in total."""

    def __init__(self, *, max_ended: int = 100, max_events: int = 50_000) -> None:
        self._max_ended = max_ended
        self._max_events = max_events
        self._records: dict[str, RequestRecord] = {}

    def new_id(self, requested: str | None = None) -> str:
        """Return the client's id if it is valid and unused, a random one if it sent none. Raises `InvalidValue`."""
        if requested is None:
            return secrets.token_urlsafe(12)
        if not _ID.fullmatch(requested):
            raise InvalidValue(field="X-Request-Id", expected="[A-Za-z0-9_-]{8,64}", got=ANOTHER_VALUE)
        self.require_new_id(requested)
        return requested

    def open(self, request_id: str, session: SpeechSession, received: float) -> RequestRecord:
        """Register an accepted request. If its id is taken, cancels the session and raises `InvalidValue`."""
        try:
            self.require_new_id(request_id)
        except InvalidValue:
            session.cancel()
            raise
        self._evict()
        record = self._records[request_id] = RequestRecord(request_id, session, received)
        return record

    def get(self, request_id: str) -> RequestRecord:
        """Raises `NotFound`."""
        try:
            return self._records[request_id]
        except KeyError:
            raise NotFound(what=_REQUEST, got=request_id if _ID.fullmatch(request_id) else "?") from None

    def abort_all(self, error: SpeechError) -> None:
        """End all sessions with `error`: the server is shutting down."""
        for record in self._records.values():
            record.session.abort(error)

    def require_new_id(self, request_id: str) -> None:
        """Raises `InvalidValue` for an id that is taken."""
        if request_id in self._records:
            raise InvalidValue(field="X-Request-Id", expected=UNUSED, got=ALREADY_USED)

    def _evict(self) -> None:
        ended = [record for record in self._records.values() if record.ended]
        num_events = sum([len(record.events) for record in ended])
        for position, record in enumerate(ended):
            if len(ended) - position < self._max_ended and num_events <= self._max_events:
                return
            num_events -= len(record.events)
            del self._records[record.id]
