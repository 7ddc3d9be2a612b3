"""Load: open-loop Poisson arrivals over HTTP against the real server, with its routes, queue and encoders.

In: a rate and a duration. Out: time to the first byte and to the first playable audio (40 ms), underruns of playback
without a buffer, rejections and errors. t0 is when the request is sent; a slow server does not slow the arrivals. The
method of the public Nari benchmark, shorter if `--seconds` is.
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

from qwen3tts_webui.bench.engine_under_test import DESCRIPTION, TEXT, count_underruns, open_engine
from qwen3tts_webui.bench.report import percentiles, print_table, write_result
from qwen3tts_webui.config import Settings
from qwen3tts_webui.engine import Engine
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import FRAMES_PER_SECOND, SAMPLE_RATE
from qwen3tts_webui.voices import Presets

PLAYABLE_S = 0.04


@dataclass(eq=False, slots=True)
class Exchange:
    """One request: its status, the time of its first byte, and the arrivals of audio as (seconds, samples)."""

    status: int = 0
    first_byte_s: float | None = None
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    error: str = ""

    @property
    def playable_s(self) -> float | None:
        """When `PLAYABLE_S` of audio had arrived; None if it never did."""
        received = 0
        for moment, samples in self.arrivals:
            received += samples
            if received >= PLAYABLE_S * SAMPLE_RATE:
                return moment
        return None


def run(args: argparse.Namespace) -> None:
    """Warm up for `--warm-up` seconds, then measure `--seconds`, at each of `--rates` requests per second."""
    rows: list[dict[str, object]] = []
    speech_s = args.frames / FRAMES_PER_SECOND
    with open_engine(args) as target, run_server(target.engine) as address:
        for rate in (float(rate) for rate in args.rates.split(",")):
            for seed in range(args.seeds):
                asyncio.run(send_requests(address, rate, args.warm_up, seconds=speech_s, seed=1_000 + seed))
                began = time.monotonic()
                records = asyncio.run(send_requests(address, rate, args.seconds, seconds=speech_s, seed=seed))
                rows.append(summarize(rate, seed, records, time.monotonic() - began))
        facts = target.facts
    head = ["rate/s", "seed", "requests", "429", "errors", "first byte p95", "playable p50", "p95", "p99", "underruns"]
    print_table(head, [_line(row) for row in rows])
    results = {"frames": args.frames, "seconds": args.seconds, "warm_up_s": args.warm_up, "rates": rows}
    write_result("load", facts, results, args.output)


@contextmanager
def run_server(engine: Engine) -> Iterator[tuple[str, int]]:
    """Run the real server on a free port, in a thread, without limits per client."""
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


async def send_requests(
    address: tuple[str, int], rate: float, duration_s: float, *, seconds: float, seed: int
) -> list[Exchange]:
    """Send requests for `seconds` of speech at `rate` for `duration_s`, whatever their outcome; wait for all."""
    source, tasks = random.Random(seed), []
    began, moment = time.perf_counter(), 0.0
    while (moment := moment + source.expovariate(rate)) < duration_s:
        await asyncio.sleep(max(0.0, began + moment - time.perf_counter()))
        tasks.append(asyncio.create_task(send_request(address, seconds, source.randrange(2**31))))
    return list(await asyncio.gather(*tasks))


async def send_request(address: tuple[str, int], seconds: float, seed: int) -> Exchange:
    """Send a request on a connection of its own and read the response to its end."""
    record = Exchange()
    body = {"text": TEXT, "voice_desc": DESCRIPTION, "language": "en", "streaming": True, "seed": seed}
    data = json.dumps(body | {"max_duration_s": seconds}).encode()
    head = f"POST /api/tts HTTP/1.1\r\nHost: {address[0]}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    began = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(head.encode() + f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
        record.status = int((await reader.readline()).split()[1])
        while (await reader.readline()).strip():
            pass
        while record.status == 200 and (size := int((await reader.readline()).strip() or b"0", 16)):
            record.first_byte_s = record.first_byte_s or time.perf_counter() - began
            await reader.readexactly(size + 2)
            record.arrivals.append((time.perf_counter() - began, size // 2))
        writer.close()
    except (OSError, ValueError, asyncio.IncompleteReadError, IndexError) as error:
        record.error = type(error).__name__
    return record


def summarize(rate: float, seed: int, records: list[Exchange], wall_s: float) -> dict[str, object]:
    """Return the figures of one run; times in milliseconds."""
    good = [record for record in records if record.status == 200 and not record.error]
    underruns = [count_underruns(record.arrivals)[0] for record in good]
    return {
        "rate": rate,
        "seed": seed,
        "requests": len(records),
        "refused": sum(record.status == 429 for record in records),
        "errors": len(records) - len(good) - sum(record.status == 429 for record in records),
        "first_byte_ms": percentiles([1e3 * record.first_byte_s for record in good if record.first_byte_s is not None]),
        "playable_ms": percentiles([1e3 * at for record in good if (at := record.playable_s) is not None]),
        "underruns": sum(underruns),
        "calls_with_underruns": sum(count > 0 for count in underruns),
        "wall_s": round(wall_s, 1),
    }


def _line(row: dict[str, object]) -> list[object]:
    first, playable = row["first_byte_ms"], row["playable_ms"]
    assert isinstance(first, dict) and isinstance(playable, dict)
    points = [first.get("p95"), playable.get("p50"), playable.get("p95"), playable.get("p99")]
    return [*(row[name] for name in ("rate", "seed", "requests", "refused", "errors")), *points, row["underruns"]]
