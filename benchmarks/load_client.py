"""The clients of `load_server.py`, in a process of their own and as cheap as possible: raw HTTP on asyncio protocols.

In, on stdin: one line of JSON per task, such as `["leavers", 8000, 40, 20]`. Out, on stdout: the results, as JSON.
Knows nothing of the server except its port, and of the engine only its audio for a text.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from qwen3tts_webui.audio import to_s16le
from qwen3tts_webui.testing import audio_of

_LONGEST_S = 120.0


@dataclass(slots=True)
class Answer:
    """The result of one request. `status` is 0 without a response; `sound` is None if it was incomplete."""

    status: int = 0
    first_ms: float | None = None
    ms: float = 0.0
    sound: bytes | None = None
    left: bool = False


class _Asking(asyncio.Protocol):
    """One request on one connection: records when the first audio arrived and when the response ended."""

    def __init__(self, request: bytes, leave_after: int | None) -> None:
        self.over: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._request = request
        self._leave_after = leave_after
        self._answer = Answer()
        self._data = bytearray()
        self._head = -1
        self._begun = time.perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._head < 0:
            self._head = self._data.find(b"\r\n\r\n")
        if self._answer.first_ms is None and 0 <= self._head < len(self._data) - 8:
            self._answer.first_ms = 1000 * (time.perf_counter() - self._begun)
        if self._leave_after is not None and len(self._data) >= self._leave_after:
            self._answer.left = True
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        answer = self._answer
        answer.ms = 1000 * (time.perf_counter() - self._begun)
        if self._data.startswith(b"HTTP/1.1 "):
            answer.status = int(self._data[9:12])
        if self._head >= 0 and answer.status == 200:
            answer.sound = unchunked(bytes(self._data[self._head + 4 :]))
        if not self.over.done():
            self.over.set_result(answer)


def unchunked(body: bytes) -> bytes | None:
    """Return the content of a chunked body; None if it is incomplete."""
    pieces: list[bytes] = []
    place = 0
    while (end := body.find(b"\r\n", place)) >= 0:
        size = int(body[place:end], 16)
        if size == 0:
            return b"".join(pieces) if body[end:] == b"\r\n\r\n" else None
        pieces.append(body[end + 2 : end + 2 + size])
        place = end + 2 + size + 2
    return None


async def speak(
    port: int, text: str, *, path: str = "/api/tts", leave_after: int | None = None, key: str = ""
) -> Answer:
    """One streamed request on a connection of its own; with `leave_after` bytes the client drops it."""
    body = json.dumps({"text": text, "streaming": True}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    head += f"Authorization: Bearer {key}\r\n" if key else ""
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    loop = asyncio.get_running_loop()
    try:
        _, asking = await loop.create_connection(lambda: _Asking(request, leave_after), "127.0.0.1", port)
    except OSError:
        return Answer()
    return await asyncio.wait_for(asking.over, _LONGEST_S)  # a hanging request ends the whole benchmark


def _spread(values: list[float]) -> dict[str, float]:
    found = np.percentile(values or [np.nan], [50, 95])
    return {"p50": round(float(found[0]), 2), "p95": round(float(found[1]), 2)}


async def streams(port: int, count: int, seconds: float, num_frames: int) -> dict[str, Any]:
    """Run `count` clients that send requests for `seconds`, and compare every byte."""
    end = time.perf_counter() + seconds
    first: list[float] = []
    requests = wrong = 0

    async def client(number: int) -> None:
        nonlocal requests, wrong
        await asyncio.sleep(random.random() * min(1.0, seconds / 10))
        asked = 0
        while time.perf_counter() < end or not asked:
            text = f"Client {number}, request {asked}."
            asked += 1
            answer = await speak(port, text)
            wrong += answer.sound != to_s16le(audio_of(text, num_frames))
            first.append(answer.first_ms or np.nan)
            requests += 1

    await asyncio.gather(*(client(number) for number in range(count)))
    return {"requests": requests, "wrong_or_incomplete": wrong, "first_packet_ms": _spread(first)}


async def burst(port: int, holders: int, count: int, num_frames: int) -> dict[str, Any]:
    """Fill all slots with `holders` streams, send `count` more requests at once, and return which response each got."""
    texts = [f"Holder {number}." for number in range(holders)]
    holding = [asyncio.create_task(speak(port, text)) for text in texts]
    await asyncio.sleep(0.5)
    answers = await asyncio.gather(*(speak(port, f"Burst {number}.") for number in range(count)))
    held = await asyncio.gather(*holding)
    complete = sum(
        answer.sound == to_s16le(audio_of(text, num_frames)) for text, answer in zip(texts, held, strict=True)
    )
    return {
        "answers": {str(status): number for status, number in Counter(answer.status for answer in answers).items()},
        "answer_ms": _spread([answer.ms for answer in answers]),
        "holders_complete": complete,
    }


async def leavers(port: int, count: int, seconds: float) -> dict[str, Any]:
    """Run `count` clients, 30 % of which disconnect before the end."""
    end = time.perf_counter() + seconds
    left = asked = 0

    async def client(number: int) -> None:
        nonlocal left, asked
        while time.perf_counter() < end:
            leave = random.randrange(1, 60_000) if random.random() < 0.3 else None
            answer = await speak(port, f"Leaver {number}.", leave_after=leave)
            left += answer.left
            asked += 1

    await asyncio.gather(*(client(number) for number in range(count)))
    return {"requests": asked, "left": left}


async def turn(port: int, path: str, requests: int, at_once: int, num_frames: int, spread_s: float) -> dict[str, Any]:
    """Send `requests` to one route, `at_once` at a time; the clients start at random times within `spread_s`."""
    expected = to_s16le(audio_of("Hello there.", num_frames))
    first: list[float] = []
    wrong = 0

    async def client() -> None:
        nonlocal wrong
        await asyncio.sleep(random.random() * spread_s)
        for _ in range(requests // at_once):
            answer = await speak(port, "Hello there.", path=path)
            wrong += answer.sound != expected
            first.append(answer.first_ms or np.nan)

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(at_once)))
    return {"rate": len(first) / (time.perf_counter() - begun), "first_packet_ms": _spread(first), "wrong": wrong}


async def sharing(port: int, others: int, greedy: str, modest: str, seconds: float, num_frames: int) -> dict[str, Any]:
    """Run `others` clients of the key `greedy` without pauses, and one of `modest` with a request now and then."""
    end = time.perf_counter() + seconds
    first: list[float] = []
    asked = wrong = 0

    async def other(number: int) -> None:
        nonlocal asked, wrong
        while time.perf_counter() < end:
            text = f"Other {number}."
            answer = await speak(port, text, key=greedy)
            wrong += answer.sound != to_s16le(audio_of(text, num_frames))
            asked += 1

    asking = [asyncio.create_task(other(number)) for number in range(others)]
    await asyncio.sleep(min(2.0, seconds / 5))
    while time.perf_counter() < end:
        answer = await speak(port, "Mine.", key=modest)
        wrong += answer.sound != to_s16le(audio_of("Mine.", num_frames))
        first.append(answer.first_ms or np.nan)
        await asyncio.sleep(random.random())
    await asyncio.gather(*asking)
    return {
        "requests": len(first), "requests_of_others": asked, "wrong_or_incomplete": wrong,
        "first_packet_ms": _spread(first),
    }  # fmt: skip


TASKS: dict[str, Callable[..., Any]] = {
    "streams": streams,
    "burst": burst,
    "leavers": leavers,
    "turn": turn,
    "sharing": sharing,
}


def main() -> None:
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(asyncio.run(TASKS[name](*arguments))), flush=True)


if __name__ == "__main__":
    main()
