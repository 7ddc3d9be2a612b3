"""Per-client limits: requests per time window, concurrent streams, and the size and duration of an incoming request.

In: ASGI requests with an identified caller. Out: the same, or 429, 413, 431 or 408 before any work.
While the server shuts down, new streams are rejected.
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from limits import parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen3tts_webui.errors import CLOSING, NotReady, TooManyRequests
from qwen3tts_webui.fair_share import ServiceTime, retry_after_s
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import BodyTooLarge, HeadersTooLarge, RequestTimeout, UrlTooLong

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32_768
MAX_URL_BYTES = 8_192
MAX_BODY_BYTES = 80 * 2**20  # the largest upload of any route, a voice or audio file; routes have their own limits
_SYNTHESIS_ROUTES = ("/api/tts", "/v1/audio/speech")


def caller_of(scope: Scope) -> str:
    """Return the id of the client's API key, as set by access control, or its address."""
    client = scope.get("client")
    return str(scope.get("qwen3tts.caller") or (client[0] if client else "?"))


class _Counters(Storage):
    """Storage of the limits library for one thread; its own `MemoryStorage` starts a thread with every request."""

    _MAX_KEYS = 10_000

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, tuple[int, float]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        count, until = self._counts.get(key, (0, 0.0))
        if until <= now:
            if len(self._counts) >= self._MAX_KEYS:
                self._counts = {kept: entry for kept, entry in self._counts.items() if entry[1] > now}
            count, until = 0, now + expiry
        self._counts[key] = (count + amount, until)
        return count + amount

    def get(self, key: str) -> int:
        count, until = self._counts.get(key, (0, 0.0))
        return count if until > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counts.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        num_keys = len(self._counts)
        self._counts.clear()
        return num_keys

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)


class RateLimiter:
    """Counts requests and streams per client. `rate` in the notation of the limits library ("1200/minute"). Belongs to
    one event loop."""

    def __init__(self, rate: str, max_streams: int) -> None:
        self._rate = parse(rate)
        self._limiter = FixedWindowRateLimiter(_Counters())
        self._max_streams = max_streams
        self._streams: Counter[str] = Counter()
        self._service_time = ServiceTime()
        self._closed = False

    @property
    def stream_retry_after_s(self) -> int:
        """Whole seconds after which one of a client's streams is likely to have ended, from their measured duration."""
        return retry_after_s(self._service_time.mean_s, waiting=0, slots=self._max_streams)

    @property
    def active_streams(self) -> int:
        """How many streams all clients have open."""
        return self._streams.total()

    def close(self) -> None:
        """Reject new streams from now on."""
        self._closed = True

    def hit(self, caller: str, action: str = "synthesize") -> None:
        """Count one request; raises `TooManyRequests`."""
        if not self._limiter.hit(self._rate, action, caller):
            reset = self._limiter.get_window_stats(self._rate, action, caller).reset_time
            raise TooManyRequests(retry_after_s=max(1, math.ceil(reset - time.time())))

    @contextmanager
    def acquire_stream(self, caller: str) -> Iterator[None]:
        """Hold one of the client's streams. Raises `TooManyRequests`, and `NotReady` while the server shuts down."""
        if self._closed:
            raise NotReady(reason=CLOSING)
        if self._streams[caller] >= self._max_streams:
            raise TooManyRequests(retry_after_s=self.stream_retry_after_s)
        self._streams[caller] += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self._service_time.add(time.monotonic() - began)
            self._streams[caller] -= 1
            if not self._streams[caller]:
                del self._streams[caller]


class RateLimitMiddleware:
    """ASGI: rejects requests beyond the limits. A client may take the settings' `client_timeout_s` between two parts of
    a body, and five times as long for the whole.
    """

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._limiter = context.rate_limiter
        self._errors = context.errors
        self._body_timeout_s = context.settings.client_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        synthesizes = scope["method"] == "POST" and scope["path"].startswith(_SYNTHESIS_ROUTES)
        try:
            _check_size(scope)
            with ExitStack() as stack:
                if synthesizes:
                    self._limiter.hit(caller_of(scope))
                if synthesizes or scope["path"].startswith("/api/stream/"):
                    stack.enter_context(self._limiter.acquire_stream(caller_of(scope)))
                await self._app(scope, TimedBody(receive, self._body_timeout_s), send)
        except (BodyTooLarge, HeadersTooLarge, UrlTooLong, TooManyRequests, NotReady) as error:
            accept_language = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
            await self._errors.for_path(scope["path"]).response(error, accept_language)(scope, receive, send)


class TimedBody:
    """Wraps `receive` with limits: raises `RequestTimeout` if nothing arrives for `timeout_s`, or not the whole body in
    five times as long; `BodyTooLarge` beyond `MAX_BODY_BYTES`.
    """

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + 5 * timeout_s
        self._complete = False
        self._length = 0

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        remaining_s = max(0.0, min(self._timeout_s, self._deadline - time.monotonic()))
        try:
            message = await _receive_within(remaining_s, self._receive)
        except asyncio.TimeoutError:
            raise RequestTimeout(limit_s=round(self._timeout_s)) from None
        self._complete = not message.get("more_body", False)
        self._length += len(message.get("body", b""))
        if self._length > MAX_BODY_BYTES:
            raise BodyTooLarge(limit_kib=MAX_BODY_BYTES // 1024)
        return message


if sys.version_info >= (3, 11):

    async def _receive_within(seconds: float, receive: Receive) -> Message:
        async with asyncio.timeout(seconds):  # before Python 3.12, `wait_for` creates a task
            return await receive()

else:

    async def _receive_within(seconds: float, receive: Receive) -> Message:
        return await asyncio.wait_for(receive(), seconds)


def _check_size(scope: Scope) -> None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_URL_BYTES:
        raise UrlTooLong(limit=MAX_URL_BYTES)
    headers = scope["headers"]
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        raise HeadersTooLarge()
    declared = dict(headers).get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > MAX_BODY_BYTES:
        raise BodyTooLarge(limit_kib=MAX_BODY_BYTES // 1024)
