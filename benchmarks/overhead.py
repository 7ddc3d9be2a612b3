"""Latency of everything between a synthesizer that costs nothing and the socket.

    python benchmarks/overhead.py [--requests 200]

Serves the app with `ZeroCostSynthesizer` from uvicorn in a process of its own, requests `POST /api/tts` (streaming)
over a raw socket, a new connection each time, and measures from the first byte sent to the first byte of audio
received. The last line is JSON; the targets are p50 under 5 ms and p95 under 15 ms.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SERVER = """
import sys
sys.path.insert(0, {root!r})
import uvicorn
from pathlib import Path
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.voices.presets import Presets
from qwen3tts_webui.testing import ZeroCostSynthesizer

history = HistoryStore(Path({folder!r})) if {keep} else None
speech = Speech(ZeroCostSynthesizer(num_frames=25), Presets.load(), history)
app = create_app(speech, Settings())
uvicorn.run(app, fd={fd}, log_level="warning", access_log=False)
"""
TEXT = "Good evening, and welcome back. 今晚的天气很好。"
DESCRIPTION = "A warm, unhurried woman in her forties, low pitch, like a radio host late at night."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--no-outputs", dest="keep", action="store_false", help="keep nothing on disk")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        code = SERVER.format(root=str(ROOT), fd=listener.fileno(), folder=folder, keep=args.keep)
        server = subprocess.Popen([sys.executable, "-c", code], pass_fds=[listener.fileno()])
        try:
            address = listener.getsockname()
            for _ in range(10):  # the listener exists before the server: the first waits for it, all warm up
                first_sound_ms(address)
            figures = [first_sound_ms(address) for _ in range(args.requests)]
        finally:
            server.terminate()
            server.wait()
    print(json.dumps(report(figures, kept=args.keep)))


def first_sound_ms(address: tuple[str, int]) -> float:
    """Send one request on a new connection; return the milliseconds to the first byte of audio. Reads it all."""
    body = json.dumps({"text": TEXT, "voice_desc": DESCRIPTION, "language": "auto", "streaming": True}).encode()
    head = f"POST /api/tts HTTP/1.1\r\nHost: {address[0]}\r\nContent-Type: application/json\r\nConnection: close\r\n"
    asked = head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    with socket.create_connection(address, timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = time.perf_counter()
        connection.sendall(asked)
        got = b""
        while True:
            got += connection.recv(65_536)
            head_end = got.find(b"\r\n\r\n")
            if head_end >= 0 and len(got) > got.find(b"\r\n", head_end + 4) + 2 > head_end + 4:
                break
        elapsed_ms = (time.perf_counter() - started) * 1000
        assert got.startswith(b"HTTP/1.1 200"), got[:200]
        while connection.recv(65_536):
            pass
    return elapsed_ms


def report(figures: list[float], *, kept: bool) -> dict[str, object]:
    return {
        "benchmark": "overhead",
        "requests": len(figures),
        "p50_ms": round(float(np.percentile(figures, 50)), 3),
        "p95_ms": round(float(np.percentile(figures, 95)), 3),
        "p99_ms": round(float(np.percentile(figures, 99)), 3),
        "max_ms": round(max(figures), 3),
        "outputs_kept": kept,
        "device": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_1min": round(os.getloadavg()[0], 2),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("fastapi", "starlette", "uvicorn", "uvloop", "httptools")},
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


if __name__ == "__main__":
    main()
