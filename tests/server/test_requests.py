"""Requests: their events, replayed to late followers, and their report."""

import json
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue, NotFound
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.delivery import RequestRegistry
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import SpeechRequest
from qwen3tts_webui.voices import Presets
from tests.support.fakes import FailingSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer
from tests.support.server import make_client, open_request, run_server
from tests.support.wait import wait_until

ID = "test-request-1"


def client_of(synthesizer: ZeroCostSynthesizer) -> TestClient:
    return make_client(create_app(Speech(synthesizer, Presets.load()), Settings()))


def speak(client: TestClient, text: str, request_id: str = ID, **headers: str) -> httpx.Response:
    body = {"text": text, "streaming": True, "seed": 3}
    return client.post("/api/tts", json=body, headers={"X-Request-Id": request_id, **headers})


def events_of(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in lines.splitlines() if line.startswith("data: ")]


def test_the_clients_own_id_is_used() -> None:
    client = client_of(ZeroCostSynthesizer())
    assert speak(client, "Hi.").headers["x-request-id"] == ID
    assert client.get(f"/api/requests/{ID}").json()["request_id"] == ID


def test_an_id_is_used_once() -> None:
    client = client_of(ZeroCostSynthesizer())
    speak(client, "Hi.")
    assert speak(client, "Hi.").json()["error"]["field"] == "X-Request-Id"


def test_a_late_follower_gets_all_events() -> None:
    client = client_of(ZeroCostSynthesizer())
    speak(client, "One.\nTwo.")
    answer = client.get(f"/api/requests/{ID}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    assert [event["type"] for event in events] == [
        *("segment_started", "words", "words", "segment_ended"),
        *("segment_started", "words", "words", "segment_ended"),
        "done",
    ]
    assert events[6] == {
        "type": "words",
        "index": 1,
        "line": 1,
        "estimated": True,
        "words": [{"text": "Two", "start": 5, "end": 8, "start_sample": 9_600, "end_sample": 19_200}],
    }
    assert events[4] == {
        "type": "segment_started",
        "index": 1,
        "line": 1,
        "text": "Two.",
        "start_sample": 9_600,
        "voice_source": "same_seed",
    }
    done = events[-1]
    assert (done["seed"], done["engine"], done["finish_reason"], done["num_samples"]) == (3, "fake", "stop", 19_200)
    assert done["spoken_chars"] == len("One.\nTwo")
    assert done["server_first_pcm_ms"] > 0 and done["timings"]["total_ms"] > 0


def test_an_early_follower_gets_events_as_they_happen() -> None:
    synthesizer = SteppedSynthesizer(num_frames=2)
    with (
        run_server(synthesizer) as url,
        open_request(url, {"text": "Hi.", "streaming": True}, f"X-Request-Id: {ID}\r\n"),
    ):
        wait_until(lambda: synthesizer.load.running == 1)
        with httpx.stream("GET", f"{url}/api/requests/{ID}/events") as answer:
            lines = answer.iter_lines()
            synthesizer.step()
            assert json.loads(next(line for line in lines if line.startswith("data"))[6:])["type"] == "segment_started"
            assert synthesizer.load.running == 1
            synthesizer.step()
            assert [event["type"] for event in events_of("\n".join(lines))] == [
                *("words", "words", "segment_ended"),
                "done",
            ]


def test_a_failed_segment_is_reported_in_the_clients_language() -> None:
    client = client_of(FailingSynthesizer(fails=lambda utterance: utterance.text == "Two."))
    speak(client, "One.\nTwo.", **{"Accept-Language": "zh"})
    failed = events_of(client.get(f"/api/requests/{ID}/events").text)[4]
    assert failed == {
        "type": "segment_failed",
        "index": 1,
        "line": 1,
        "code": "synthesis_failed",
        "message": "合成失败。文本已保留，请重试。",
    }


def test_a_request_that_failed_ends_its_events_with_the_error() -> None:
    client = client_of(FailingSynthesizer())
    assert speak(client, "Hi.").status_code == 500
    events = events_of(client.get(f"/api/requests/{ID}/events").text)
    assert [(event["type"], event.get("code")) for event in events] == [("error", "synthesis_failed")]


def test_a_deadline_during_synthesis_truncates_the_audio_and_is_reported() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    headers = f"X-Request-Id: {ID}\r\nX-Deadline-Ms: 400\r\n"
    with run_server(synthesizer) as url, open_request(url, {"text": "Hi.", "streaming": True}, headers) as connection:
        wait_until(lambda: synthesizer.load.running == 1)
        synthesizer.step()
        received = b""
        while piece := connection.recv(65_536):
            received += piece
        assert received.startswith(b"HTTP/1.1 200") and not received.endswith(b"0\r\n\r\n")
        events = events_of(httpx.get(f"{url}/api/requests/{ID}/events").text)
        assert (events[-1]["type"], events[-1]["code"]) == ("error", "deadline_exceeded")
        synthesizer.step()
        assert synthesizer.load.running == 0 and synthesizer.packets_made == 1


def test_unknown_requests_are_404() -> None:
    client = client_of(ZeroCostSynthesizer())
    for path in ("", "/events", "/audio"):
        answer = client.get(f"/api/requests/no-such-request{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_an_invalid_id_is_not_echoed() -> None:
    answer = client_of(ZeroCostSynthesizer()).get("/api/requests/%3Cscript%3E")
    assert answer.status_code == 404 and "script" not in answer.text


def test_the_number_of_finished_requests_is_bounded() -> None:
    client = client_of(ZeroCostSynthesizer(num_frames=1))
    for number in range(102):
        speak(client, "Hi.", f"request-{number}")
    known = [client.get(f"/api/requests/request-{number}").status_code for number in (0, 1, 2, 101)]
    assert known == [404, 404, 200, 200]


async def test_the_number_of_events_is_bounded() -> None:
    speech = Speech(ZeroCostSynthesizer(), Presets.load())
    registry = RequestRegistry(max_events=2)
    for number in range(4):
        record = registry.open(f"request-{number}", speech.speak(SpeechRequest(text="Hi.")), 0.0)
        record.end()
    with pytest.raises(NotFound):
        registry.get("request-0")
    assert [registry.get(f"request-{number}").id for number in (1, 2, 3)] == ["request-1", "request-2", "request-3"]


async def test_a_duplicate_id_cancels_the_second_request() -> None:
    synthesizer = SteppedSynthesizer()
    speech = Speech(synthesizer, Presets.load())
    registry = RequestRegistry()
    registry.open("request-1", speech.speak(SpeechRequest(text="Hi.")), 0.0)
    with pytest.raises(InvalidValue):
        registry.open("request-1", speech.speak(SpeechRequest(text="Hi.")), 0.0)
    synthesizer.step()
    assert synthesizer.load.running == 1 and synthesizer.packets_made == 1


async def test_a_running_request_is_never_evicted() -> None:
    speech = Speech(SteppedSynthesizer(), Presets.load())
    registry = RequestRegistry(max_ended=1)
    for number in range(3):
        registry.open(f"request-{number}", speech.speak(SpeechRequest(text="Hi.")), 0.0)
    assert [registry.get(f"request-{number}").ended for number in range(3)] == [False] * 3
