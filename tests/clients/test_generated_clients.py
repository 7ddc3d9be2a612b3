"""Clients generated from /openapi.json, Gradio's client, and the bytes that Java's HttpClient sends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

TEXT = "Hello there, this is a test."


def test_openapi_python_client(url: str, tmp_path: Path) -> None:
    pytest.importorskip("openapi_python_client")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{url}/openapi.json"]
    done = subprocess.run(
        [*command, "--output-path", tmp_path / "made", "--meta", "none"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(tmp_path))
    try:
        from made import Client
        from made.api.default import get_info, get_requests_subtitles
        from made.api.speech import post_tts
        from made.models import TtsBody

        client = Client(base_url=url)
        body = TtsBody.from_dict({"text": TEXT, "format": "pcm", "seed": 1})
        answer = post_tts.sync_detailed(client=client, body=body, x_request_id="generated-1")
        assert answer.status_code == 200 and len(answer.content) > 24_000
        assert get_info.sync_detailed(client=client).status_code == 200
        words = get_requests_subtitles.sync_detailed("generated-1", client=client, by="word")
        assert b"Hello" in words.content
    finally:
        sys.path.remove(str(tmp_path))


def test_openapi_typescript(url: str, tmp_path: Path) -> None:
    modules = os.environ.get("QWEN3TTS_NODE_MODULES")
    if modules is None:
        pytest.skip("QWEN3TTS_NODE_MODULES is not set")
    (tmp_path / "openapi.json").write_text(httpx.get(f"{url}/openapi.json").text, encoding="utf-8")
    program = Path(modules) / ".bin/openapi-typescript"
    done = subprocess.run(
        [program, "openapi.json", "-o", "made.ts"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = (tmp_path / "made.ts").read_text(encoding="utf-8")
    assert "post_tts" in made and "TtsBody" in made


def test_gradio_client(url: str) -> None:
    gradio_client = pytest.importorskip("gradio_client")
    client = gradio_client.Client(url, verbose=False)
    assert "/generate" in client.view_api(return_format="dict")["named_endpoints"]
    path = client.predict(TEXT, "English", "A calm woman.", api_name="/generate")
    assert Path(path).read_bytes()[:4] == b"RIFF"


def test_java_http_client(url: str) -> None:
    """Java's HttpClient offers HTTP/2 with each request without TLS, and sends the body with it."""
    host, port = url.removeprefix("http://").split(":")
    body = b'{"text": "Hello there.", "format": "pcm"}'
    head = (
        f"POST /api/tts HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: {len(body)}\r\n"
        f"Host: {host}:{port}\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n"
        "User-Agent: Java-http-client/21.0.2\r\nContent-Type: application/json\r\n\r\n"
    )
    for pieces in ((head.encode() + body,), (head.encode(), body)):
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            for piece in pieces:
                connection.sendall(piece)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
