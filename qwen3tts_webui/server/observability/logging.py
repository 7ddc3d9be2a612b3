"""Log setup and formats: one line per record, as text or JSON, with the id of the request.

Log lines hold no user text: neither text nor description, no query string, no id taken from a URL. Exceptions are
logged by type and stack location only, because their messages may quote user text.
"""

from __future__ import annotations

import atexit
import contextlib
import copy
import json
import logging
import queue
import time
import traceback
from contextvars import ContextVar
from logging.handlers import QueueHandler, QueueListener
from types import TracebackType
from typing import Any, Literal

request_id_var: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that the current task handles; set by the access log."""

_truncated: ContextVar[bool] = ContextVar("truncated", default=False)
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_MAX_PENDING_LINES = 10_000
_FLUSH_TIMEOUT_S = 1.0

log = logging.getLogger(__name__)


def configure_logging(level: str, log_format: Literal["text", "json"]) -> None:
    """Send all log records to stderr in this format. Called once, by the command line.

    A separate thread writes: a terminal that blocks (a selection in a Windows console, Ctrl+S, a full pipe) must not
    block the server. Lines beyond `_MAX_PENDING_LINES` are dropped.
    """
    pending: queue.Queue[logging.LogRecord] = queue.Queue(_MAX_PENDING_LINES)
    handler = NonBlockingQueueHandler(pending)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    QueueListener(pending, logging.StreamHandler()).start()
    atexit.register(_flush, pending)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class NonBlockingQueueHandler(QueueHandler):
    """Formats on the calling thread, where the request id is known, and never blocks."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


def _flush(pending: queue.Queue[logging.LogRecord]) -> None:
    """Wait at exit until the pending lines are written, at most `_FLUSH_TIMEOUT_S`."""
    end = time.monotonic() + _FLUSH_TIMEOUT_S
    while pending.unfinished_tasks and time.monotonic() < end:
        time.sleep(0.01)


def mark_truncated(code: str) -> None:
    """Log that this response ends early on purpose, because of the error `code`."""
    log.warning("audio truncated: %s", code)
    _truncated.set(True)


def suppress_truncation_error(record: logging.LogRecord) -> bool:
    """Log filter: drop uvicorn's error about an incomplete response if it was truncated on purpose."""
    return not (_truncated.get() and record.msg == "ASGI callable returned without completing response.")


def suppress_websocket_error(record: logging.LogRecord) -> bool:
    """Log filter: drop the errors about handshakes that were refused, and about text that is not UTF-8: mistakes of
    the client, which were answered."""
    return record.msg not in (
        "opening handshake failed",
        "ASGI callable returned without completing handshake.",
        "Invalid UTF-8 sequence received from client.",
    )


class TextLines(logging.Formatter):
    """`LEVEL logger: message`."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record = copy.copy(record)
        record.exc_text = None  # another handler may have cached the exception's message here
        return super().format(record)

    def formatException(self, ei: _ExcInfo) -> str:
        return redact_exception(ei)


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, message, request_id, and the fields of `extra`."""

    _STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id_var.get():
            line["request_id"] = request_id_var.get()
        line |= {name: value for name, value in vars(record).items() if name not in self._STANDARD}
        if record.exc_info:
            line["exception"] = redact_exception(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def redact_exception(info: Any) -> str:
    """Return an exception's type and stack, innermost frame first, without its message."""
    kind, _, trace = info
    frames = traceback.extract_tb(trace)
    where = " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{kind.__name__} at {where}" if kind is not None else ""
