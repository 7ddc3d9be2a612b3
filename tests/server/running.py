"""The app on a real uvicorn, in a thread, on a free port; and raw HTTP for what a polite client would hide."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import websockets.sync.client
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.uvicorn_server import make_server
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import Synthesizer
from qwen3tts_webui.voices.library import Library
from qwen3tts_webui.voices.presets import Presets


@contextmanager
def running(
    synthesizer: Synthesizer,
    *,
    outputs: Path | None = None,
    max_text: int = 20_000,
    grace_s: float = 0.0,
    **options: Any,
) -> Iterator[str]:
    """Serve until the block ends; gives the base URL. With `outputs`, what is spoken is kept there.

    `grace_s` is how long the server lets speech go on when the block ends; `options` are further settings.
    """
    settings = Settings(max_text=max_text, **options)
    library = None if outputs is None else Library(outputs)
    app = create_app(Speech(synthesizer, Presets.load(), library, max_text=max_text), settings)
    server = make_server(app, client_timeout_s=settings.client_timeout_s, grace_s=grace_s)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        if library is not None:
            library.close()


connect = partial(websockets.sync.client.connect, open_timeout=60)


def calling(app: ASGIApp, **options: Any) -> TestClient:
    """A client of `app` without a network, under a host name that the door knows."""
    return TestClient(app, **{"base_url": "http://127.0.0.1", **options})


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait for something that another thread brings about; fails loudly when it does not."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.002)


def ask(url: str, body: object, headers: str = "") -> socket.socket:
    """A socket on which `POST /api/tts` was just asked, with nothing read yet."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=60)
    data = json.dumps(body).encode()
    head = (
        f"POST /api/tts HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n{headers}\r\n"
    )
    connection.sendall(head.encode() + data)
    return connection
