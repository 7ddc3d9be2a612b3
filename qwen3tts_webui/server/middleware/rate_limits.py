"""How much one client may ask for: requests in a while, streams at once, and how long a request may take to arrive.

In: ASGI requests whose caller the door has named. Out: the same, or 429, 413, 431 or 408 before any work. Also knows
whether the server is going down: then nothing new begins.
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

from qwen3tts_webui.errors import CLOSING, BodyTooLarge, HeadersTooLarge, NotReady, TooManyRequests, RequestTimeout
from qwen3tts_webui.server.http.error_responses import Problems

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32_768
MAX_BODY_BYTES = 80 * 2**20  # the largest that any route takes, an uploaded voice or sound; routes have their own caps
_SPEAKING = ("/api/tts", "/v1/audio/speech")


def caller_of(scope: Scope) -> str:
    """Who asks: the id of the key, as the door found it, or the address."""
    client = scope.get("client")
    return str(scope.get("qwen3tts.caller") or (client[0] if client else "?"))


class _Counters(Storage):
    """Counters of the limits library, for one thread; its own `MemoryStorage` starts a thread with every request."""

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
        number = len(self._counts)
        self._counts.clear()
        return number

    def clear(self, key: str) -> None:
        self._counts.pop(key, None)


class Gate:
    """Counts what each caller does. `rate` is in the words of the limits library ("1200/minute"); one event loop."""

    def __init__(self, rate: str, streams: int) -> None:
        self._rate = parse(rate)
        self._limiter = FixedWindowRateLimiter(_Counters())
        self._streams = streams
        self._speaking: Counter[str] = Counter()
        self._closed = False

    @property
    def active(self) -> int:
        """Streams of all callers that go on now."""
        return self._speaking.total()

    def close(self) -> None:
        """From now on nothing new begins."""
        self._closed = True

    def ask(self, caller: str, what: str = "speak") -> None:
        """Count one request; raises `TooManyRequests`."""
        if not self._limiter.hit(self._rate, what, caller):
            reset = self._limiter.get_window_stats(self._rate, what, caller).reset_time
            raise TooManyRequests(retry_after_s=max(1, math.ceil(reset - time.time())))

    @contextmanager
    def stream(self, caller: str) -> Iterator[None]:
        """Hold one of the caller's places. Raises `TooManyRequests`, and `NotReady` when the server is going down."""
        if self._closed:
            raise NotReady(reason=CLOSING)
        if self._speaking[caller] >= self._streams:
            raise TooManyRequests(retry_after_s=1)
        self._speaking[caller] += 1
        try:
            yield
        finally:
            self._speaking[caller] -= 1
            if not self._speaking[caller]:
                del self._speaking[caller]


class Limits:
    """ASGI: lets through what is within bounds; `body_s` is how long a client may take between pieces of a body and,
    five times that, for all of it.
    """

    def __init__(self, app: ASGIApp, gate: Gate, problems: Problems, *, body_s: float) -> None:
        self._app = app
        self._gate = gate
        self._problems = problems
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        speaks = scope["method"] == "POST" and scope["path"].startswith(_SPEAKING)
        try:
            _check_size(scope)
            with ExitStack() as places:
                if speaks:
                    self._gate.ask(caller_of(scope))
                    places.enter_context(self._gate.stream(caller_of(scope)))
                await self._app(scope, _Arrival(receive, self._body_s), send)
        except (BodyTooLarge, HeadersTooLarge, TooManyRequests, NotReady) as error:
            wish = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
            await self._problems.at(scope["path"]).answer(error, wish)(scope, receive, send)


class _Arrival:
    """A body that has to arrive: `RequestTimeout` when nothing comes for `piece_s`, or not all of it in five times that."""

    def __init__(self, receive: Receive, piece_s: float) -> None:
        self._receive = receive
        self._piece_s = piece_s
        self._until = time.monotonic() + 5 * piece_s
        self._complete = False
        self._length = 0

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        patience = max(0.0, min(self._piece_s, self._until - time.monotonic()))
        try:
            message = await _within(patience, self._receive)
        except asyncio.TimeoutError:
            raise RequestTimeout(limit_s=round(self._piece_s)) from None
        self._complete = not message.get("more_body", False)
        self._length += len(message.get("body", b""))
        if self._length > MAX_BODY_BYTES:
            raise BodyTooLarge(limit_kib=MAX_BODY_BYTES // 1024)
        return message


if sys.version_info >= (3, 11):

    async def _within(seconds: float, receive: Receive) -> Message:
        async with asyncio.timeout(seconds):  # up to Python 3.11, `wait_for` makes a task of it
            return await receive()

else:

    async def _within(seconds: float, receive: Receive) -> Message:
        return await asyncio.wait_for(receive(), seconds)


def _check_size(scope: Scope) -> None:
    headers = scope["headers"]
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        raise HeadersTooLarge()
    declared = dict(headers).get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > MAX_BODY_BYTES:
        raise BodyTooLarge(limit_kib=MAX_BODY_BYTES // 1024)
