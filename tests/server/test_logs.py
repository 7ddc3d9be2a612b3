"""The log: one line per request with its id, as text or JSON, and never any user text."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
from fastapi import FastAPI

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.observability import JsonLines, TextLines
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import FailingSynthesizer, ZeroCostSynthesizer
from tests.support.server import make_client

SECRET = "sesame-open-up"


@pytest.fixture(params=[JsonLines, TextLines])
def written(request: pytest.FixtureRequest) -> Iterator[StringIO]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(request.param())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def app_of(synthesizer: ZeroCostSynthesizer) -> FastAPI:
    app = create_app(Speech(synthesizer, Presets.load()), Settings())

    @app.get("/broken/{name}")
    def broken(name: str) -> None:
        raise RuntimeError(f"no {name}")

    return app


def test_no_log_line_contains_user_text(written: StringIO) -> None:
    for synthesizer in (ZeroCostSynthesizer(), FailingSynthesizer()):
        client = make_client(app_of(synthesizer), raise_server_exceptions=False)
        client.post("/api/tts", json={"text": SECRET, "voice_desc": SECRET})
        client.post("/api/tts", json={"text": "a", SECRET: SECRET})
        client.post("/api/tts", content=SECRET, headers={"Content-Type": "application/json"})
        client.get(f"/broken/{SECRET}")
        client.get(f"/api/voices/{SECRET}?key={SECRET}")
        client.get(f"/{SECRET}")
        with client.websocket_connect("/ws/tts", headers={"Host": "127.0.0.1"}) as socket:
            socket.send_json({"type": "open"})
            socket.send_json({"type": "text", "text": SECRET})
            socket.send_json({"type": "close"})
            while json.loads(socket.receive().get("text") or '{"type": ""}')["type"] not in ("done", "error"):
                continue
    lines = written.getvalue()
    assert "/api/tts" in lines and "RuntimeError" in lines
    ours = [line for line in lines.splitlines() if "httpx" not in line]  # the client's own log, not the server's
    assert SECRET not in "\n".join(ours)


def test_a_json_line_names_the_request_and_how_it_went() -> None:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("qwen3tts_webui.server.middleware.access_log")
    log.addHandler(handler)
    log.setLevel("INFO")
    try:
        make_client(app_of(ZeroCostSynthesizer())).post(
            "/api/tts", json={"text": "Hi."}, headers={"X-Request-Id": "my-own-id-1"}
        )
    finally:
        log.removeHandler(handler)
        log.setLevel("NOTSET")
    line = json.loads(stream.getvalue())
    assert (line["request_id"], line["method"], line["route"], line["status"]) == (
        "my-own-id-1",
        "POST",
        "/api/tts",
        200,
    )
    assert line["level"] == "info" and line["ms"] > 0 and line["time"].endswith("Z")


def test_responses_carry_the_logged_id() -> None:
    answer = make_client(app_of(ZeroCostSynthesizer())).get("/health", headers={"X-Request-Id": "my-own-id-2"})
    assert answer.headers["x-request-id"] == "my-own-id-2"
    assert len(make_client(app_of(ZeroCostSynthesizer())).get("/health").headers["x-request-id"]) == 16


# configured, as the command line does it

LINES = """
import logging
from qwen3tts_webui.server.observability import configure_logging
configure_logging("info", "text")
for number in range({count}):
    logging.getLogger("here").info("line %d, %s", number, "x" * 100)
print("said", flush=True)
"""


def test_all_lines_are_written_before_exit() -> None:
    done = subprocess.run([sys.executable, "-c", LINES.format(count=500)], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == [f"INFO here: line {number}, {'x' * 100}" for number in range(500)]


def test_a_blocked_terminal_does_not_block_the_program() -> None:
    command = [sys.executable, "-c", LINES.format(count=20_000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"said\n"
        process.kill()
