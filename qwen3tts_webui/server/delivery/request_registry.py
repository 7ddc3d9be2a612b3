"""What the server remembers of recent requests: their events, to be followed and replayed, and a way to cancel them.

In: the events of a `Speaking`. Out: plain dicts for JSON, in order, to any number of followers. Bounded; the oldest
that have ended are forgotten first. Belongs to one event loop. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen3tts_webui.errors import InvalidValue, NotFound, SpeechError
from qwen3tts_webui.speech import Event, Report, SegmentEnded, SegmentFailed, SegmentStarted, Speaking

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
JsonObject = dict[str, Any]


def plain(value: Any) -> Any:
    """`value` for JSON, its dataclasses as dicts: what `dataclasses.asdict` gives, without its copies of every leaf."""
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}


class Run:
    """One request from the moment it was accepted; `events` is all that happened so far, for JSON.

    `kept` becomes the path of the finished sound, or None; it is None itself where nothing is kept.
    """

    def __init__(self, request_id: str, speaking: Speaking, received: float) -> None:
        self.id = request_id
        self.speaking = speaking
        self.events: list[JsonObject] = []
        self.ended = False
        self.kept: Future[Path | None] | None = None
        self._received = received
        self._first_pcm_ms: float | None = None
        self._news = asyncio.Event()

    def text_came(self) -> None:
        """The first of a text that comes later than the request: the latency counts from here."""
        self._received = time.monotonic()

    def sent_first_pcm(self) -> None:
        """The first sound is handed to the socket now: this is the TTS latency that is reported."""
        if self._first_pcm_ms is None:
            self._first_pcm_ms = round((time.monotonic() - self._received) * 1000, 3)

    def note(self, event: Event, message: str = "") -> None:
        """Tell the followers; `message` is how a `SegmentFailed` reads."""
        if isinstance(event, SegmentStarted):
            segment = event.segment
            self._tell("segment_started", index=segment.index, line=segment.line, text=segment.text,
                       start_sample=event.start_sample, voice=event.voice)  # fmt: skip
        elif isinstance(event, SegmentEnded):
            segment = event.segment
            self._tell("segment_ended", index=segment.index, line=segment.line, start_sample=event.start_sample,
                       num_samples=event.num_samples, stopped=event.stopped, timings=plain(event.timings))  # fmt: skip
        elif isinstance(event, SegmentFailed):
            segment = event.segment
            self._tell("segment_failed", index=segment.index, line=segment.line, code=event.error.code,
                       message=message)  # fmt: skip

    def end(self, error: SpeechError | None = None, message: str = "") -> None:
        """The last event: `done` with the account, or `error`."""
        if self.ended:
            return
        self.ended = True
        if error is None:
            done = self._json(replace(self.speaking.report, segments=()))
            del done["segments"]  # each was told when it ended
            self._tell("done", **done)
        else:
            self._tell("error", code=error.code, message=message)

    @property
    def account(self) -> JsonObject:
        """The report as JSON; `server_first_pcm_ms` is request received -> first PCM handed to the socket."""
        return self._json(self.speaking.report)

    @property
    def news(self) -> asyncio.Event:
        """Is set at the next event, and a new one made for the one after."""
        return self._news

    async def finished(self) -> None:
        """Returns once the last event was told."""
        while not self.ended:
            await self._news.wait()

    def _json(self, report: Report) -> JsonObject:
        return {"request_id": self.id, **plain(report), "server_first_pcm_ms": self._first_pcm_ms}

    def _tell(self, kind: str, **fields: object) -> None:
        self.events.append({"type": kind, **fields})
        self._news.set()
        self._news = asyncio.Event()


class Runs:
    """The recent requests by id: all that go on, and at most `max_ended` that have ended, of `max_events` together."""

    def __init__(self, *, max_ended: int = 100, max_events: int = 50_000) -> None:
        self._max_ended = max_ended
        self._max_events = max_events
        self._runs: dict[str, Run] = {}

    def new_id(self, wish: str | None) -> str:
        """The client's own id if it is well-formed and new, else a drawn one. Raises `InvalidValue`."""
        if wish is None:
            return secrets.token_urlsafe(12)
        if not _ID.fullmatch(wish):
            raise InvalidValue(field="X-Request-Id", expected="[A-Za-z0-9_-]{8,64}", got="something else")
        self.refuse_known(wish)
        return wish

    def open(self, request_id: str, speaking: Speaking, received: float) -> Run:
        """Remember a request that was accepted just now. Cancels it and raises `InvalidValue` if its id is taken."""
        try:
            self.refuse_known(request_id)
        except InvalidValue:
            speaking.cancel()
            raise
        self._forget()
        run = self._runs[request_id] = Run(request_id, speaking, received)
        return run

    def get(self, request_id: str) -> Run:
        """Raises `NotFound`."""
        try:
            return self._runs[request_id]
        except KeyError:
            shown = request_id if _ID.fullmatch(request_id) else "?"
            raise NotFound(what="request", got=shown) from None

    def end_all(self, error: SpeechError) -> None:
        """The server is going down: whoever still listens is told why."""
        for run in self._runs.values():
            run.speaking.end_with(error)

    def refuse_known(self, request_id: str) -> None:
        """Raises `InvalidValue` for an id that is taken."""
        if request_id in self._runs:
            raise InvalidValue(field="X-Request-Id", expected="new", got="one that was used before")

    def _forget(self) -> None:
        ended = [run for run in self._runs.values() if run.ended]
        num_events = sum([len(run.events) for run in ended])
        for position, run in enumerate(ended):
            if len(ended) - position < self._max_ended and num_events <= self._max_events:
                return
            num_events -= len(run.events)
            del self._runs[run.id]
