"""Truncated audio on a real server: the response has no end, and what arrived is valid."""

from __future__ import annotations

import io
import logging
from contextlib import ExitStack

import av
import httpx
import pytest

from qwen3tts_webui.audio import to_s16le
from qwen3tts_webui.server.observability import suppress_truncation_error
from tests.support.fakes import FailingSynthesizer, SteppedSynthesizer, audio_of
from tests.support.server import open_request, run_server
from tests.support.wait import wait_until

ID = "my-request-1"


def cut_short(url: str, path: str = "/api/tts", **body: object) -> bytes:
    """What arrives before the connection breaks off; fails if it does not."""
    received = b""
    with httpx.stream("POST", url + path, json=body, headers={"X-Request-Id": ID}) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            for piece in answer.iter_raw():
                received += piece
    return received


def test_a_failure_during_synthesis_truncates_the_response() -> None:
    with run_server(FailingSynthesizer(after=3)) as url:
        assert cut_short(url, text="Hello.", streaming=True) == to_s16le(audio_of("Hello.", 3))
        events = httpx.get(f"{url}/api/requests/{ID}/events").text
        assert '"type": "segment_failed"' in events and '"code": "synthesis_failed"' in events


def test_a_truncation_is_one_warning_in_the_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with run_server(FailingSynthesizer(after=3)) as url:
        cut_short(url, text="Hello.", streaming=True)
    serious = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert serious == ["audio truncated: synthesis_failed"]


def test_an_incomplete_response_without_truncation_stays_an_error() -> None:
    assert suppress_truncation_error(
        logging.makeLogRecord({"msg": "ASGI callable returned without completing response."})
    )


@pytest.mark.parametrize("format", ["wav", "mp3", "opus", "flac"])
def test_a_truncated_file_of_any_format_is_playable(format: str) -> None:
    with run_server(FailingSynthesizer(after=10, num_frames=20)) as url:
        received = cut_short(url, text="Hello.", streaming=True, format=format)
    with av.open(io.BytesIO(received)) as file:
        seconds = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert seconds == pytest.approx(0.8, abs=0.1)


def test_openais_route_truncates_too_and_its_events_report_it() -> None:
    body = {"model": "tts-1", "input": "Hello.", "voice": "alloy"}
    with run_server(FailingSynthesizer(after=3)) as url:
        cut_short(url, "/v1/audio/speech", **body, response_format="pcm")
        events = httpx.post(f"{url}/v1/audio/speech", json={**body, "stream_format": "sse"}).text
    assert '"type": "error"' in events and "speech.audio.done" not in events


def test_a_later_successful_line_completes_the_response() -> None:
    with run_server(FailingSynthesizer(fails=lambda utterance: utterance.text == "Two.", after=1)) as url:
        answer = httpx.post(f"{url}/api/tts", json={"text": "One.\nTwo.\nThree.", "streaming": True})
        assert len(answer.content) == 2 * 1_920 * (5 + 1 + 5)
        cut_short(url, text="One.\nTwo.", streaming=True)


@pytest.mark.parametrize("format", ["wav", "mp3"])
def test_a_file_response_is_never_partial(format: str) -> None:
    with run_server(FailingSynthesizer(fails=lambda utterance: utterance.text == "Two.", after=1)) as url:
        answer = httpx.post(f"{url}/api/tts", json={"text": "One.\nTwo.\nThree.", "format": format})
        assert (answer.status_code, answer.json()["error"]["code"]) == (500, "synthesis_failed")


def test_shutdown_truncates_running_responses() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with ExitStack() as server:
        url = server.enter_context(run_server(synthesizer))
        with open_request(url, {"text": "Hello.", "streaming": True}) as connection:
            wait_until(lambda: synthesizer.load.running == 1)
            synthesizer.step()
            received = connection.recv(65_536)
            server.close()
            while piece := connection.recv(65_536):
                received += piece
    assert received.startswith(b"HTTP/1.1 200") and not received.endswith(b"0\r\n\r\n")
    wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)
