"""`continue_from`: a text continues the voice of a recent segment, or one clear error says why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import Voice
from qwen3tts_webui.voices import Presets
from tests.server.test_saved_voices import NamingSynthesizer
from tests.server.test_websocket import talking
from tests.support.fakes import ContinuingSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer, codes_of
from tests.support.server import make_client, open_request, run_server
from tests.support.wait import wait_until

ID = "spoken-lately-1"


def client_of(synthesizer: ZeroCostSynthesizer) -> TestClient:
    """A client that had two lines spoken under the id `ID`."""
    client = make_client(create_app(Speech(synthesizer, Presets.load()), Settings()))
    body = {"text": "One.\nTwo.", "seed": 3, "streaming": True}
    if "description" in synthesizer.info.features:
        body["voice_desc"] = "warm"
    assert client.post("/api/tts", json=body, headers={"X-Request-Id": ID}).status_code == 200
    return client


def asked(synthesizer: ZeroCostSynthesizer, source: dict[str, Any], **body: Any) -> Voice:
    """The voice that the engine receives."""
    answer = client_of(synthesizer).post("/api/tts", json={"text": "Three.", "continue_from": source, **body})
    assert answer.status_code == 200, answer.text
    return synthesizer.utterances[-1].voice


@pytest.mark.parametrize(
    ("source", "text"),
    [({"segment": 1}, "Two."), ({"segment": 0}, "One."), ({}, "One."), ({"segment": None}, "One.")],
)
def test_the_engine_continues_from_the_text_and_codes_of_the_segment(source: dict[str, Any], text: str) -> None:
    voice = asked(ContinuingSynthesizer(), {"request_id": ID, **source})
    assert voice.acoustic_prompt is not None and voice.acoustic_prompt.text == text
    assert np.array_equal(voice.acoustic_prompt.codes, codes_of(text, 5))
    assert voice.description == "warm"


def test_a_description_is_appended() -> None:
    assert asked(ContinuingSynthesizer(), {"request_id": ID}, voice_desc="slower").description == "warm slower"


def test_the_seed_is_new_unless_given() -> None:
    client = client_of(synthesizer := ContinuingSynthesizer())
    for seed in ({}, {}, {"seed": 9}):
        client.post("/api/tts", json={"text": "Two.", "continue_from": {"request_id": ID}, **seed})
    first, second, given = [utterance.seed for utterance in synthesizer.utterances[-3:]]
    assert len({3, first, second}) == 3 and given == 9


def test_an_engine_with_voice_ids_gets_its_id_back() -> None:
    assert asked(NamingSynthesizer(), {"request_id": ID, "segment": 1}).engine_voice_id == "voice-3"


def test_every_text_of_a_batch_continues_it() -> None:
    client = client_of(synthesizer := ContinuingSynthesizer())
    client.post("/api/tts", json={"text": ["A.", "B."], "continue_from": {"request_id": ID, "segment": 1}})
    passages = [utterance.voice.acoustic_prompt for utterance in synthesizer.utterances[-2:]]
    assert [passage and passage.text for passage in passages] == ["Two.", "Two."]


def test_a_request_that_continued_can_be_continued() -> None:
    client = client_of(synthesizer := ContinuingSynthesizer())
    body = {"text": "Three.", "continue_from": {"request_id": ID}}
    again = client.post("/api/tts", json=body).headers["x-request-id"]
    client.post("/api/tts", json={"text": "Four.", "continue_from": {"request_id": again}})
    passage = synthesizer.utterances[-1].voice.acoustic_prompt
    assert passage is not None and passage.text == "Three."


def test_a_websocket_utterance_continues_the_voice_of_the_one_before() -> None:
    synthesizer = ContinuingSynthesizer()
    with talking(synthesizer) as talk:
        talk.speak("One.", id="a", seed=3)
        source = {"request_id": talk.events[0]["request_id"], "segment": 0}
        talk.speak("Two.", id="b", continue_from=source)
        passage = synthesizer.utterances[-1].voice.acoustic_prompt
        assert passage is not None and passage.text.strip() == "One."
        talk.say("open", id="c", continue_from={"request_id": "never-spoken-1"})
        error = talk.until("error")
        assert (error["id"], error["code"], error["fatal"]) == ("c", "not_found", True)


UNTOUCHED = ContinuingSynthesizer()


@pytest.fixture(scope="module")
def spoken_before() -> TestClient:
    return client_of(UNTOUCHED)


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"continue_from": {"request_id": "never-spoken-1"}}, 404, "not_found", "continue_from.request_id"),
        ({"continue_from": {"request_id": "../../etc/passwd"}}, 404, "not_found", "continue_from.request_id"),
        ({"continue_from": {"request_id": ID, "segment": 2}}, 422, "invalid_value", "continue_from.segment"),
        ({"continue_from": {"request_id": ID, "segment": -1}}, 422, "invalid_value", "continue_from.segment"),
        ({"continue_from": {"request_id": ID, "segment": 10**400}}, 422, "invalid_value", "continue_from.segment"),
        ({"continue_from": {"request_id": ID, "segment": "1"}}, 422, "invalid_value", "continue_from.segment"),
        ({"continue_from": {"request_id": ID, "line": 1}}, 422, "invalid_value", "continue_from.line"),
        ({"continue_from": {"segment": 1}}, 422, "invalid_value", "continue_from.request_id"),
        ({"continue_from": ID}, 422, "invalid_value", "continue_from"),
        ({"continue_from": {"request_id": ID}, "voice": "en-service"}, 422, "invalid_value", "continue_from"),
        ({"continue_from": {"request_id": ID}, "speaker": "Vivian"}, 422, "invalid_value", "continue_from"),
    ],
)
@pytest.mark.parametrize("text", ["Three.", ["Three.", "Four."]], ids=["one", "batch"])
def test_invalid_requests_are_rejected_before_any_synthesis(
    spoken_before: TestClient, body: dict[str, Any], status: int, code: str, field: str | None, text: str | list[str]
) -> None:
    answer = spoken_before.post("/api/tts", json={"text": text, **body})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("field")) == (status, code, field)
    assert len(UNTOUCHED.utterances) == 2


def test_an_unfinished_or_truncated_segment_cannot_be_continued() -> None:
    synthesizer = SteppedSynthesizer(features=("seed", "continuation"))
    with run_server(synthesizer) as url, httpx.Client(base_url=url) as client:
        speaking = open_request(url, {"text": "One.", "streaming": True}, f"X-Request-Id: {ID}\r\n")
        wait_until(lambda: synthesizer.load.running == 1)
        body = {"text": "Two.", "continue_from": {"request_id": ID, "segment": 0}}
        assert client.post("/api/tts", json=body).json()["error"]["field"] == "continue_from.segment"
        speaking.close()
        wait_until(lambda: client.get(f"/api/requests/{ID}").json()["ended"])
        assert client.post("/api/tts", json=body).json()["error"]["field"] == "continue_from.segment"


def test_an_engine_without_continuation_is_unsupported() -> None:
    answer = client_of(ZeroCostSynthesizer()).post(
        "/api/tts", json={"text": "Hi.", "continue_from": {"request_id": ID}}
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "unsupported")
    assert "Repeat voice_desc and seed" in error["message"]


@pytest.mark.parametrize(("name", "model"), [("fake", "another"), ("another", "fake")])
def test_another_model_cannot_continue_it(name: str, model: str) -> None:
    client = client_of(synthesizer := ContinuingSynthesizer())
    synthesizer.info = replace(synthesizer.info, name=name, model=model)  # changed while the program runs
    answer = client.post("/api/tts", json={"text": "Hi.", "continue_from": {"request_id": ID}})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "unsupported")
    assert "The segment was generated by fake voice for tests (fake)." in error["message"]
