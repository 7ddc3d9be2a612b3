"""Run the app on a real uvicorn, in a thread, on a free port; and open raw HTTP requests."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import websockets.sync.client
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from qwen3tts_webui.config import Settings
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.server import create_app, make_server
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import Synthesizer
from qwen3tts_webui.voices import Presets
from tests.support.wait import wait_until


@contextmanager
def run_server(
    synthesizer: Synthesizer,
    *,
    outputs: Path | None = None,
    max_text: int = 20_000,
    grace_s: float = 0.0,
    page: bool = False,
    **options: Any,
) -> Iterator[str]:
    """Serve until the block ends; yield the base URL. With `outputs`, the history is stored there.

    `grace_s` is how long running requests may take when the block ends; with `page`, the page is served too; `options`
    are further settings.
    """
    settings = Settings(max_text=max_text, **options)
    history = None if outputs is None else HistoryStore(outputs)
    speech = Speech(synthesizer, Presets.load(), history, max_text=max_text)
    app = asyncio.run(_app_with_page(speech, settings)) if page else create_app(speech, settings)
    server = make_server(app, client_timeout_s=settings.client_timeout_s, grace_s=grace_s)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        if history is not None:
            history.close()


async def _app_with_page(speech: Speech, settings: Settings) -> FastAPI:
    """Build the app in an event loop: where Gradio finds none, it leaves one unclosed."""
    from qwen3tts_webui.ui import mount_page  # it imports Gradio, which takes seconds

    return create_app(speech, settings, page=lambda app: mount_page(app, speech, settings))


connect = partial(websockets.sync.client.connect, open_timeout=60)


def make_client(app: ASGIApp, **options: Any) -> TestClient:
    """Return a client of `app` without a network, under a host name that the server accepts."""
    return TestClient(app, **{"base_url": "http://127.0.0.1", **options})


def open_request(url: str, body: object, headers: str = "") -> socket.socket:
    """Return a socket on which `POST /api/tts` was just sent, with nothing read yet."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    data = json.dumps(body).encode()
    head = (
        f"POST /api/tts HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n{headers}\r\n"
    )
    connection.sendall(head.encode() + data)
    return connection
