"""Load: many streams at once on the real server, with an engine of a fixed rate; clients in a process of their own.

    python benchmarks/load_server.py [--streams 200] [--seconds 60] [--over 1000] [--rounds 5]

Measures, in this order: every stream complete and byte-exact, the first packet, memory; connections over the limit, all
of which must get 429; 30 % of clients that leave in mid-speech, after which nothing may be left; and the same bytes
from the same engine by a bare Starlette route in the same process, turn about. The last line
of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import platform
import random
import resource
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import date
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from starlette.requests import Request
from starlette.responses import StreamingResponse

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from qwen3tts_webui.audio.pcm import to_s16le  # noqa: E402
from qwen3tts_webui.config import Settings  # noqa: E402
from qwen3tts_webui.server import create_app  # noqa: E402
from qwen3tts_webui.server.serving import make_server  # noqa: E402
from qwen3tts_webui.speech import Speech  # noqa: E402
from qwen3tts_webui.stream import PcmStream  # noqa: E402
from qwen3tts_webui.types import Utterance  # noqa: E402
from qwen3tts_webui.voices.presets import Presets  # noqa: E402
from tests.fakes import RealTimeSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer, sound_of  # noqa: E402

# the client's side: raw HTTP over asyncio streams, as light as it gets


async def speak(port: int, text: str, *, path: str = "/api/tts", leave_after: int | None = None) -> dict[str, Any]:
    """One streamed request; `leave_after` bytes the client drops the connection."""
    body = json.dumps({"text": text, "streaming": True}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    begun = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        return {"status": 0, "error": type(error).__name__}
    try:
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer.split(b" ")[1])
        if status != 200:
            await reader.read()
            return {"status": status, "ms": 1000 * (time.perf_counter() - begun)}
        first, received = 0.0, bytearray()
        while (size := int(await reader.readline(), 16)) > 0:
            received += (await reader.readexactly(size + 2))[:-2]
            first = first or 1000 * (time.perf_counter() - begun)
            if leave_after is not None and len(received) >= leave_after:
                return {"status": status, "left": True}
        total = 1000 * (time.perf_counter() - begun)
        return {"status": status, "first_ms": first, "ms": total, "sound": bytes(received)}
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        return {"status": 0, "error": type(error).__name__}
    finally:
        writer.transport.abort()


async def streams(port: int, count: int, seconds: float, num_frames: int) -> dict[str, Any]:
    """`count` clients that ask again and again for `seconds`; compares every byte."""
    end = time.perf_counter() + seconds
    results: list[dict[str, Any]] = []
    wrong = 0

    async def client(number: int) -> None:
        nonlocal wrong
        await asyncio.sleep(random.random() * min(1.0, seconds / 10))
        asked = 0
        while time.perf_counter() < end or not asked:
            text = f"Client {number}, request {asked}."
            asked += 1
            result = await speak(port, text)
            wrong += result.pop("sound", b"") != to_s16le(sound_of(text, num_frames))
            results.append(result)

    await asyncio.gather(*(client(number) for number in range(count)))
    first = np.array([result["first_ms"] for result in results if "first_ms" in result] or [np.nan])
    return {
        "requests": len(results),
        "wrong_or_incomplete": wrong,
        "first_packet_ms_p50": round(float(np.percentile(first, 50)), 1),
        "first_packet_ms_p95": round(float(np.percentile(first, 95)), 1),
    }


async def burst(port: int, count: int) -> dict[str, Any]:
    """`count` requests at the same moment; how many got which answer."""
    answers = await asyncio.wait_for(asyncio.gather(*(speak(port, f"Burst {n}.") for n in range(count))), 120)
    statuses: dict[str, int] = {}
    for answer in answers:
        statuses[str(answer["status"])] = statuses.get(str(answer["status"]), 0) + 1
    refused = [answer["ms"] for answer in answers if answer["status"] == 429]
    return {"answers": statuses, "refused_ms_p95": round(float(np.percentile(refused or [np.nan], 95)), 1)}


async def leavers(port: int, count: int, seconds: float) -> dict[str, Any]:
    """`count` clients, 30 % of whom leave somewhere in the middle."""
    end = time.perf_counter() + seconds
    left = asked = 0

    async def client(number: int) -> None:
        nonlocal left, asked
        while time.perf_counter() < end:
            leave = random.randrange(1, 60_000) if random.random() < 0.3 else None
            result = await speak(port, f"Leaver {number}.", leave_after=leave)
            left += bool(result.get("left"))
            asked += 1

    await asyncio.gather(*(client(number) for number in range(count)))
    return {"requests": asked, "left": left}


async def compared(port: int, rounds: int, requests: int, at_once: int) -> dict[str, Any]:
    """Turn about on both routes: requests a second, and the p95 of the first packet, as medians of the rounds."""
    rates: dict[str, list[float]] = {"/api/tts": [], "/bare": []}
    firsts: dict[str, list[float]] = {"/api/tts": [], "/bare": []}

    async def client(path: str, number: int) -> list[float]:
        return [(await speak(port, "Hello there.", path=path))["first_ms"] for _ in range(requests // at_once)]

    for turn in range(2 * rounds):
        path = ("/api/tts", "/bare")[turn % 2]
        begun = time.perf_counter()
        measured = await asyncio.gather(*(client(path, number) for number in range(at_once)))
        rates[path].append(requests // at_once * at_once / (time.perf_counter() - begun))
        firsts[path].append(float(np.percentile(np.concatenate(measured), 95)))
    rate = {path: float(np.median(values)) for path, values in rates.items()}
    first = {path: float(np.median(values)) for path, values in firsts.items()}
    return {
        "requests_per_s": {path: round(value, 1) for path, value in rate.items()},
        "first_packet_ms_p95": {path: round(value, 2) for path, value in first.items()},
        "latency_ratio": round(first["/api/tts"] / first["/bare"], 2),
        "rate_ratio": round(rate["/bare"] / rate["/api/tts"], 2),
    }


CLIENTS: dict[str, Callable[..., Any]] = {
    "streams": streams, "burst": burst, "leavers": leavers, "compared": compared,
}  # fmt: skip


def clients(name: str, arguments: tuple[Any, ...], answer: Connection) -> None:
    """The other process."""
    answer.send(asyncio.run(CLIENTS[name](*arguments)))


def elsewhere(name: str, *arguments: Any) -> dict[str, Any]:
    """Run one of `CLIENTS` in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=clients, args=(name, arguments, theirs))
    process.start()
    theirs.close()
    try:
        result: dict[str, Any] = ours.recv()
    finally:
        process.join()
    return result


# the server's side


class Served:
    """A server for one engine, in a thread; counts what it holds."""

    def __init__(self, synthesizer: ZeroCostSynthesizer) -> None:
        settings = Settings(rate_limit="100000000/minute", client_streams=1_000_000)
        app = create_app(Speech(synthesizer, Presets.load()), settings)

        async def bare(request: Request) -> StreamingResponse:
            stream = PcmStream()
            synthesizer.submit([(Utterance(text=(await request.json())["text"]), stream)])

            async def pieces() -> AsyncIterator[bytes]:
                async for pcm in stream:
                    yield to_s16le(pcm)

            return StreamingResponse(pieces(), media_type="audio/pcm")

        self._app = _Beside(app, bare)
        self._synthesizer = synthesizer
        self._server = make_server(self._app, client_timeout_s=30)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Served:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._synthesizer.close()

    def holdings(self) -> dict[str, int]:
        """What the process holds once nothing is spoken any more."""
        end = time.monotonic() + 30
        while time.monotonic() < end and (self._synthesizer.load.active or self._server.server_state.connections):
            time.sleep(0.05)
        time.sleep(0.3)
        gc.collect()
        process = psutil.Process()
        return {
            "slots": self._synthesizer.load.active + self._synthesizer.load.waiting,
            "tasks": len(self._server.server_state.tasks),
            "connections": len(self._server.server_state.connections),
            "fds": process.num_fds(),
            "threads": threading.active_count(),
        }


class _Beside:
    """The app, and a bare Starlette route at /bare in the same process."""

    def __init__(self, app: Any, bare: Callable[[Request], Any]) -> None:
        from starlette.applications import Starlette
        from starlette.routing import Route

        self._app = app
        self._bare = Starlette(routes=[Route("/bare", bare, methods=["POST"])])
        self.state = app.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (self._bare if scope.get("path") == "/bare" else self._app)(scope, receive, send)


def rss_mib() -> float:
    return round(psutil.Process().memory_info().rss / 2**20, 1)


def watched(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """`work`, with the memory of this process at a fifth of it, and at its end."""
    samples: list[float] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.5):
            samples.append(rss_mib())

    thread = threading.Thread(target=sample)
    thread.start()
    result = work()
    done.set()
    thread.join()
    samples = samples or [rss_mib()]
    return {**result, "rss_mib_early": samples[len(samples) // 5], "rss_mib_late": samples[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--over", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    with Served(RealTimeSynthesizer(num_frames=50, slots=args.streams, queue_size=args.streams)) as served:
        loaded = watched(lambda: elsewhere("streams", served.port, args.streams, args.seconds, 50))
    with Served(SteppedSynthesizer(num_frames=1, slots=1, queue_size=0)) as served:
        filled = elsewhere_while_full(served, args.over)
    with Served(RealTimeSynthesizer(num_frames=15, rate=4, slots=64, queue_size=64)) as served:
        elsewhere("leavers", served.port, 20, 1.0)
        before = served.holdings()
        left = elsewhere("leavers", served.port, 40, min(args.seconds, 20))
        after = served.holdings()
    with Served(ZeroCostSynthesizer(num_frames=25)) as served:
        elsewhere("compared", served.port, 1, 100, 8)
        ratio = elsewhere("compared", served.port, args.rounds, 400, 8)
    print(
        json.dumps(
            {
                "benchmark": "load_server",
                "streams": {"at_once": args.streams, "seconds": args.seconds, **loaded},
                "over_the_limit": filled,
                "leavers": {**left, "before": before, "after": after},
                "against_bare_starlette": ratio,
                "device": platform.processor() or platform.machine(),
                "cores": psutil.cpu_count(),
                "python": platform.python_version(),
                "uvicorn": version("uvicorn"),
                "starlette": version("starlette"),
                "date": date.today().isoformat(),
            }
        )
    )


def elsewhere_while_full(served: Served, count: int) -> dict[str, Any]:
    """`count` connections while the only slot is taken and nothing may wait: every one should get 429."""
    result: list[dict[str, Any]] = []

    def hold() -> None:
        result.append(asyncio.run(_held(served, count)))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    return {"connections": count, **result[0]}


async def _held(served: Served, count: int) -> dict[str, Any]:
    holder = asyncio.create_task(speak(served.port, "I hold the only place."))
    while not served._synthesizer.load.active:
        await asyncio.sleep(0.01)
    answers = await asyncio.to_thread(elsewhere, "burst", served.port, count)
    holder.cancel()
    return answers


if __name__ == "__main__":
    main()
