"""Shutdown: running requests may finish within a limit, the rest is ended with an error, and no new ones start."""

from __future__ import annotations

from contextlib import ExitStack

import httpx
import pytest

from qwen3tts_webui.errors import NotReady, TooManyRequests
from qwen3tts_webui.server.middleware import RateLimiter
from tests.support.fakes import RealTimeSynthesizer, SteppedSynthesizer
from tests.support.server import open_request, run_server
from tests.support.wait import wait_until


def read_all(connection) -> bytes:  # type: ignore[no-untyped-def]
    raw = b""
    while piece := connection.recv(65_536):
        raw += piece
    return raw


def test_running_requests_may_finish_within_the_grace_period() -> None:
    synthesizer = RealTimeSynthesizer(rate=5.0, num_frames=40)
    with ExitStack() as server:
        url = server.enter_context(run_server(synthesizer, grace_s=60))
        with open_request(url, {"text": "Hello.", "streaming": True}) as connection:
            wait_until(lambda: synthesizer.load.running == 1)
            server.close()
            raw = read_all(connection)
    assert raw.endswith(b"0\r\n\r\n") and len(raw) > 40 * 3_840
    synthesizer.close()


def test_after_the_grace_period_requests_end_and_the_engine_is_free() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with ExitStack() as server:
        url = server.enter_context(run_server(synthesizer, grace_s=0.2))
        with open_request(url, {"text": "Hello.", "streaming": True}) as connection:
            wait_until(lambda: synthesizer.load.running == 1)
            server.close()
            assert b"engine_stopped" in read_all(connection)
    wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)


def test_a_closed_limiter_rejects_new_streams() -> None:
    limiter = RateLimiter("10/minute", 1)
    with limiter.acquire_stream("a"):
        assert limiter.active_streams == 1
        with pytest.raises(TooManyRequests), limiter.acquire_stream("a"):
            pass
        limiter.close()
        with pytest.raises(NotReady), limiter.acquire_stream("b"):
            pass
    assert limiter.active_streams == 0


def test_a_stopped_server_refuses_connections() -> None:
    with run_server(SteppedSynthesizer()) as url:
        assert httpx.get(f"{url}/health").status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
