"""What the program writes about itself: one line a request, as text or as JSON, with the request's id.

No line holds what a user wrote: neither text nor description, no query, no id from an address. Of an exception the kind
and the places are written, never its words, which may quote a user.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import json
import logging
import queue
import re
import time
import traceback
from contextvars import ContextVar
from logging.handlers import QueueHandler, QueueListener
from types import TracebackType
from typing import Any, Literal

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_cut: ContextVar[bool] = ContextVar("cut", default=False)
_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

log = logging.getLogger(__name__)


_MOST_LINES = 10_000  # that wait for a reader
_LAST_WORDS_S = 1.0


def configure(level: str, form: Literal["text", "json"]) -> None:
    """Let all that is logged leave by stderr in this form. Called once, by the command line.

    A thread of its own writes: a terminal that nobody reads (a marked line in a Windows console, Ctrl+S, a full pipe)
    stops whoever writes to it, and that must not be the server. Lines that find too many waiting are dropped.
    """
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(_MOST_LINES)
    handler = _Waiting(waiting)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    QueueListener(waiting, logging.StreamHandler()).start()
    atexit.register(_finish, waiting)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _Waiting(QueueHandler):
    """Formats where the line was written, so that the request is known, and never waits."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


def _finish(waiting: queue.Queue[logging.LogRecord]) -> None:
    """Let what is left be written, for as long as anyone would wait at the end of a program."""
    end = time.monotonic() + _LAST_WORDS_S
    while waiting.unfinished_tasks and time.monotonic() < end:
        time.sleep(0.01)


def cut_short(why: str) -> None:
    """Write that the answer of this request ends in the middle, on purpose, because of the error `why`."""
    log.warning("the sound was cut: %s", why)
    _cut.set(True)


def not_said_before(record: logging.LogRecord) -> bool:
    """A filter: uvicorn calls every answer without an end an error of the app; one that was cut on purpose is none."""
    return not (_cut.get() and record.msg == "ASGI callable returned without completing response.")


class TextLines(logging.Formatter):
    """`LEVEL logger: message`, for people."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record = copy.copy(record)
        record.exc_text = None  # another handler may have left the words here
        return super().format(record)

    def formatException(self, ei: _ExcInfo) -> str:
        return _places(ei)


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id, and what `extra` gave."""

    _KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if _request_id.get():
            line["request_id"] = _request_id.get()
        line |= {name: value for name, value in vars(record).items() if name not in self._KNOWN}
        if record.exc_info:
            line["exception"] = _places(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _places(info: Any) -> str:
    """The kind of an exception and where it passed, innermost last; none of its words."""
    kind, _, trace = info
    frames = traceback.extract_tb(trace)
    where = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{kind.__name__} at {where}" if kind is not None else ""
