"""Load test: many streams at once on the real server, with engines of a fixed rate and the clients in another process.

    python benchmarks/load_server.py [--streams 200] [--seconds 60] [--over 1000] [--rounds 5] [--only PART]
        [--output FILE]

Parts, in this order:

- `streams`: every stream complete and byte-exact, the first packet, memory.
- `over_the_limit`: connections over the limit while all slots are taken; all must get 429, and the others their audio.
- `leavers`: 30 % of the clients disconnect before the end, after which no request or memory may be left behind.
- `against_bare`: the same bytes from the same engine by a bare Starlette route in the same process, alternately: with
an
  engine in real time under the load of `streams`, and with one that costs nothing, where all that is left to measure is
  the server: one request at a time, and as many at once as keep one core busy (there, latency is throughput).
- `fairness`: 50 clients of one API key send requests without pauses; one client of another key now and then. The p95 of
its
  first packet may be 1.5 times that of the same client alone.

The last line of stdout is one JSON object; `--output` also writes it to a file.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from asyncio import all_tasks
from collections.abc import AsyncIterator, Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from qwen3tts_webui.audio import to_s16le
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app, make_server
from qwen3tts_webui.server.auth import ApiKeyStore
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.testing import Job, RealTimeSynthesizer, ZeroCostSynthesizer
from qwen3tts_webui.types import Utterance
from qwen3tts_webui.voices import Presets

_FRAMES = 25
_ROUTES = ("/api/tts", "/bare")
_MAX_RATIO = 1.5
_MAX_GROWTH_MIB = 5.0


class Clients:
    """The process of the clients; one task at a time."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("load_client.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def do(self, task: str, *arguments: object) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([task, *arguments]) + "\n")
        self._process.stdin.flush()
        result: dict[str, Any] = json.loads(self._process.stdout.readline())
        return result


class InRealTime(RealTimeSynthesizer):
    """Records no requests, so that growing memory is the server's."""

    def start(self, jobs: list[Job]) -> None:
        super().start(jobs)
        self.utterances.clear()


class Served:
    """A server for one engine, in a thread, with a bare Starlette route next to the app; counts its open resources."""

    def __init__(self, synthesizer: ZeroCostSynthesizer, keys_file: Path | None = None) -> None:
        settings = Settings(rate_limit="100000000/minute", client_streams=1_000_000, api_keys_file=keys_file)
        self._synthesizer = synthesizer
        app = create_app(Speech(synthesizer, Presets.load()), settings)
        self._server = make_server(_WithBareRoute(app, bare(synthesizer)), client_timeout_s=30)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Served:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]
        self._loop = self._server.servers[0].get_loop()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._synthesizer.close()

    def holdings(self) -> dict[str, int]:
        """Return the open resources of the process once it is idle."""
        end = time.monotonic() + 30
        while time.monotonic() < end and (self._synthesizer.load.running or self._server.server_state.connections):
            time.sleep(0.05)
        time.sleep(0.5)
        gc.collect()
        return {
            "slots": self._synthesizer.load.running + self._synthesizer.load.queued,
            "tasks": len(all_tasks(self._loop)),
            "connections": len(self._server.server_state.connections),
            "fds": psutil.Process().num_fds(),
            "threads": threading.active_count(),
        }


def bare(synthesizer: ZeroCostSynthesizer) -> Starlette:
    """The minimal route that streams this engine's audio: no checks, no report, no metrics, no log."""

    async def speak(request: Request) -> StreamingResponse:
        stream = PcmStream()
        synthesizer.submit([(Utterance(text=(await request.json())["text"]), stream)])

        async def pieces() -> AsyncIterator[bytes]:
            async for pcm in stream:
                yield to_s16le(pcm)

        return StreamingResponse(pieces(), media_type="audio/pcm")

    return Starlette(routes=[Route("/bare", speak, methods=["POST"])])


class _WithBareRoute:
    """ASGI: the app, and at /bare the other one."""

    def __init__(self, app: Any, other: Starlette) -> None:
        self._app = app
        self._other = other
        self.state = app.state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (self._other if scope.get("path") == "/bare" else self._app)(scope, receive, send)


def watched(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run `work`; return its result and the memory of this process in its second and in its last fifth."""
    samples: list[float] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.25):
            samples.append(psutil.Process().memory_info().rss / 2**20)

    thread = threading.Thread(target=sample)
    thread.start()
    result = work()
    done.set()
    thread.join()
    fifth = max(1, len(samples) // 5)
    early, late = statistics.median(samples[fifth : 2 * fifth] or [0.0]), statistics.median(samples[-fifth:] or [0.0])
    return {**result, "rss_mib": {"early": round(early, 1), "late": round(late, 1), "growth": round(late - early, 1)}}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def compared(
    served: Served, clients: Clients, rounds: int, requests: int, at_once: int, *, spread_s: float = 0.0
) -> dict[str, Any]:
    """Alternate between both routes; return the medians of the rounds, and ours relative to the bare route's."""
    figures: dict[str, dict[str, list[float]]] = {route: {} for route in _ROUTES}
    for number in range(rounds):
        for route in _ROUTES if number % 2 else reversed(_ROUTES):
            cpu_s = _cpu_s()
            result = clients.do("turn", served.port, route, requests, at_once, _FRAMES, spread_s)
            assert result["wrong"] == 0, f"{route} returned different audio"
            for name, value in (
                ("first_packet_ms_p50", result["first_packet_ms"]["p50"]),
                ("first_packet_ms_p95", result["first_packet_ms"]["p95"]),
                ("requests_per_s", result["rate"]),
                ("cpu_ms_per_request", 1000 * (_cpu_s() - cpu_s) / requests),  # the engine's included
            ):
                figures[route].setdefault(name, []).append(value)
    medians = {
        route: {name: round(statistics.median(values), 2) for name, values in named.items()}
        for route, named in figures.items()
    }
    ours, theirs = (medians[route] for route in _ROUTES)
    return {
        "at_once": at_once,
        **medians,
        "latency_ratio": round(ours["first_packet_ms_p95"] / theirs["first_packet_ms_p95"], 2),
        "rate_ratio": round(theirs["requests_per_s"] / ours["requests_per_s"], 2),
    }


def streams(args: argparse.Namespace, clients: Clients) -> dict[str, Any]:
    with Served(InRealTime(num_frames=50, slots=args.streams, queue_size=args.streams)) as served:
        result = watched(lambda: clients.do("streams", served.port, args.streams, args.seconds, 50))
    passed = result["wrong_or_incomplete"] == 0 and result["rss_mib"]["growth"] <= _MAX_GROWTH_MIB
    return {"at_once": args.streams, "seconds": args.seconds, **result, "passed": passed}


def over_the_limit(args: argparse.Namespace, clients: Clients) -> dict[str, Any]:
    with Served(InRealTime(num_frames=100, slots=args.streams, queue_size=0)) as served:
        result = clients.do("burst", served.port, args.streams, args.over, 100)
    passed = result["answers"] == {"429": args.over} and result["holders_complete"] == args.streams
    return {"holders": args.streams, "connections": args.over, **result, "passed": passed}


def leavers(args: argparse.Namespace, clients: Clients) -> dict[str, Any]:
    with Served(InRealTime(num_frames=15, rate=4, slots=64, queue_size=64)) as served:
        clients.do("leavers", served.port, 20, 1.0)
        before = served.holdings()
        result = clients.do("leavers", served.port, 40, min(args.seconds, 20))
        after = served.holdings()
    return {**result, "before": before, "after": after, "passed": before == after}


def against_bare(args: argparse.Namespace, clients: Clients) -> dict[str, Any]:
    with Served(InRealTime(num_frames=_FRAMES, slots=args.streams, queue_size=args.streams)) as served:
        together = compared(served, clients, args.rounds, 2 * args.streams, args.streams)
        loaded = compared(served, clients, args.rounds, 4 * args.streams, args.streams, spread_s=_FRAMES * 0.08)
    with Served(ZeroCostSynthesizer(num_frames=_FRAMES)) as served:
        clients.do("turn", served.port, "/api/tts", 100, 8, _FRAMES, 0)  # warm-up
        alone = compared(served, clients, args.rounds, 400, 1)
        busy = [compared(served, clients, args.rounds, 400, at_once) for at_once in (8, 32)]
    ratios = [one["latency_ratio"] for one in (loaded, alone, *busy)]
    return {
        "engine_in_real_time": loaded,
        "engine_in_real_time_all_asked_at_one_moment": together,  # reported without a limit: it is CPU time
        "engine_of_no_cost": [alone, *busy],
        "max_latency_ratio": max(ratios),
        "passed": max(ratios) <= _MAX_RATIO,
    }


def fairness(args: argparse.Namespace, clients: Clients) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        store = ApiKeyStore(Path(folder) / "keys.json")
        (_, greedy), (_, modest) = store.create(), store.create()
        engine = InRealTime(num_frames=_FRAMES, rate=2, slots=8, queue_size=64)
        with Served(engine, Path(folder) / "keys.json") as served:
            seconds = args.seconds / 2
            alone = clients.do("sharing", served.port, 0, greedy, modest, seconds, _FRAMES)
            shared = clients.do("sharing", served.port, 50, greedy, modest, seconds, _FRAMES)
    ratio = shared["first_packet_ms"]["p95"] / alone["first_packet_ms"]["p95"]
    wrong = alone["wrong_or_incomplete"] + shared["wrong_or_incomplete"]
    passed = ratio <= _MAX_RATIO and wrong == 0 and shared["requests_of_others"] > 0
    return {"alone": alone, "with_50_others": shared, "p95_ratio": round(ratio, 2), "passed": passed}


PARTS: dict[str, Callable[[argparse.Namespace, Clients], dict[str, Any]]] = {
    "streams": streams, "over_the_limit": over_the_limit, "leavers": leavers, "against_bare": against_bare,
    "fairness": fairness,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--over", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    with Clients() as clients:
        result = {name: part(args, clients) for name, part in PARTS.items() if args.only in (None, name)}
    line = json.dumps(
        {
            "benchmark": "load_server",
            **result,
            "limits": {"latency_ratio": _MAX_RATIO, "rss_growth_mib": _MAX_GROWTH_MIB},
            "passed": all(part["passed"] for part in result.values()),
            "device": f"{platform.machine()}, {psutil.cpu_count()} cores",
            "versions": {
                name: version(name) for name in ("uvicorn", "starlette", "fastapi", "uvloop")
            } | {"python": platform.python_version()},
            "date": date.today().isoformat(),
        }
    )  # fmt: skip
    if args.output is not None:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(line + "\n", encoding="utf-8")
    print(line)


if __name__ == "__main__":
    main()
