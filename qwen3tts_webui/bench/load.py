"""Many strangers: open-loop Poisson arrivals over HTTP against the real server, with its routes, queue and encoders.

In: a rate and a duration. Out: time to the first byte and to the first playable packet (40 ms of sound), underruns of
one who plays without a buffer, refusals and errors. t0 is when the request is sent; a late server does not slow the
arrivals. The method of the public Nari benchmark, shorter where `--seconds` says so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn

from qwen3tts_webui.bench.engine_under_test import DESCRIPTION, TEXT, opened, stalls
from qwen3tts_webui.bench.report import spread, table, tell
from qwen3tts_webui.config import Settings
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import FRAMES_PER_SECOND, SAMPLE_RATE
from qwen3tts_webui.voices import Presets

PLAYABLE_S = 0.04


@dataclass(eq=False, slots=True)
class Call:
    """One request: its status, when its first byte came, and when each piece of sound did (seconds, samples)."""

    status: int = 0
    first_byte_s: float | None = None
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    error: str = ""

    @property
    def playable_s(self) -> float | None:
        """When there was enough to play."""
        heard = 0
        for moment, samples in self.arrivals:
            heard += samples
            if heard >= PLAYABLE_S * SAMPLE_RATE:
                return moment
        return None


def run(args: argparse.Namespace) -> None:
    """Warm up for `--warm-up` seconds, then measure `--seconds`, at each of `--rates` requests a second."""
    rows: list[dict[str, object]] = []
    with opened(args) as subject, served(subject.engine) as address:
        for rate in (float(rate) for rate in args.rates.split(",")):
            for seed in range(args.seeds):
                asyncio.run(
                    offer(address, rate, args.warm_up, seconds=args.frames / FRAMES_PER_SECOND, seed=1_000 + seed)
                )
                began = time.monotonic()
                calls = asyncio.run(
                    offer(address, rate, args.seconds, seconds=args.frames / FRAMES_PER_SECOND, seed=seed)
                )
                rows.append(summary(rate, seed, calls, time.monotonic() - began))
        facts = subject.facts
    head = ["rate/s", "seed", "requests", "429", "errors", "first byte p95", "playable p50", "p95", "p99", "underruns"]
    table(head, [_line(row) for row in rows])
    results = {"frames": args.frames, "seconds": args.seconds, "warm_up_s": args.warm_up, "rates": rows}
    tell("load", facts, results, args.output)


@contextmanager
def served(engine: Engine) -> Iterator[tuple[str, int]]:
    """The real server on a free port of this machine, in a thread, with no limit on one client."""
    settings = Settings(rate_limit="1000000/second", client_streams=100_000)
    app = create_app(Speech(engine, Presets.load(), None), settings)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[:2]
    finally:
        server.should_exit = True
        thread.join()


async def offer(address: tuple[str, int], rate: float, duration_s: float, *, seconds: float, seed: int) -> list[Call]:
    """Send requests for `seconds` of speech at `rate` for `duration_s`, whatever becomes of them; wait for all."""
    source, tasks = random.Random(seed), []
    began, moment = time.perf_counter(), 0.0
    while (moment := moment + source.expovariate(rate)) < duration_s:
        await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
        tasks.append(asyncio.create_task(call(address, seconds, source.randrange(2**31))))
    return list(await asyncio.gather(*tasks))


async def call(address: tuple[str, int], seconds: float, seed: int) -> Call:
    """One request on a connection of its own, read to its end."""
    made = Call()
    body = {"text": TEXT, "voice_desc": DESCRIPTION, "language": "en", "streaming": True, "seed": seed}
    data = json.dumps(body | {"max_duration_s": seconds}).encode()
    head = f"POST /api/tts HTTP/1.1\r\nHost: {address[0]}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    began = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(head.encode() + f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        made.status = int((await reader.readline()).split()[1])
        while (await reader.readline()).strip():
            pass
        while made.status == 200 and (size := int((await reader.readline()).strip() or b"0", 16)):
            made.first_byte_s = made.first_byte_s or time.perf_counter() - began
            await reader.readexactly(size + 2)
            made.arrivals.append((time.perf_counter() - began, size // 2))
        writer.close()
    except (OSError, ValueError, asyncio.IncompleteReadError, IndexError) as error:
        made.error = type(error).__name__
    return made


def summary(rate: float, seed: int, calls: list[Call], wall_s: float) -> dict[str, object]:
    """The figures of one run; times in milliseconds."""
    good = [made for made in calls if made.status == 200 and not made.error]
    underruns = [stalls(made.arrivals)[0] for made in good]
    return {
        "rate": rate,
        "seed": seed,
        "requests": len(calls),
        "refused": sum(made.status == 429 for made in calls),
        "errors": len(calls) - len(good) - sum(made.status == 429 for made in calls),
        "first_byte_ms": spread([1e3 * made.first_byte_s for made in good if made.first_byte_s is not None]),
        "playable_ms": spread([1e3 * at for made in good if (at := made.playable_s) is not None]),
        "underruns": sum(underruns),
        "calls_with_underruns": sum(count > 0 for count in underruns),
        "wall_s": round(wall_s, 1),
    }


def _line(row: dict[str, object]) -> list[object]:
    first, playable = row["first_byte_ms"], row["playable_ms"]
    assert isinstance(first, dict) and isinstance(playable, dict)
    points = [first.get("p95"), playable.get("p50"), playable.get("p95"), playable.get("p99")]
    return [*(row[name] for name in ("rate", "seed", "requests", "refused", "errors")), *points, row["underruns"]]
