"""wyoming_openai, which Home Assistant uses: text by its protocol, audio in chunks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time

import pytest

READY_S = 60.0


def test_wyoming_openai(url: str) -> None:
    python = os.environ.get("QWEN3TTS_WYOMING")
    if python is None:
        pytest.skip("QWEN3TTS_WYOMING is not set: it needs Python 3.12")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ["--uri", f"tcp://127.0.0.1:{port}", "--tts-openai-url", f"{url}/v1", "--tts-openai-key", "none"]
    command = [python, "-m", "wyoming_openai", *flags, "--tts-models", "tts-1", "--tts-voices", "alloy"]
    bridge = subprocess.Popen([*command, "--languages", "en"])
    try:
        with _connected(port, bridge) as connection, connection.makefile("rwb") as stream:
            stream.write(json.dumps({"type": "synthesize", "data": {"text": "Hello there."}}).encode() + b"\n")
            stream.flush()
            num_bytes, kind = 0, ""
            while kind != "audio-stop":
                event = json.loads(stream.readline())
                stream.read(event.get("data_length", 0))
                payload = stream.read(event.get("payload_length") or 0)
                kind = event["type"]
                num_bytes += len(payload) if kind == "audio-chunk" else 0
            assert num_bytes > 12_000
    finally:
        bridge.terminate()
        bridge.wait(60)


def _connected(port: int, bridge: subprocess.Popen[bytes]) -> socket.socket:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        assert bridge.poll() is None, "the bridge has ended"
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=60)
        except ConnectionRefusedError:
            time.sleep(0.2)
    raise AssertionError(f"not ready after {READY_S:g} s")
