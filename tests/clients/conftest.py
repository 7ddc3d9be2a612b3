"""A real server with the preview voice, for the real packages of other projects.

`scripts/check-clients` runs these tests in an environment of their own; QWEN3TTS_SERVER is the command that serves.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

READY_S = 120.0


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the server, once its voice is ready."""
    command = os.environ.get("QWEN3TTS_SERVER")
    if command is None:
        pytest.skip("QWEN3TTS_SERVER is not set: run scripts/check-clients")
    folder: Path = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = ["serve", "--preview", "--no-browser", "--port", str(port), "--outputs", str(folder / "outputs")]
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen([*shlex.split(command), *flags], stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_ready(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(60)


def _wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        assert server.poll() is None, "the server has ended"
        try:
            if httpx.get(f"{address}/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"not ready after {READY_S:g} s")
