"""A list of texts: synthesized together, labeled, each independent; nothing starts without capacity."""

import base64
import email
import json
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.audio import to_s16le
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import FailingSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer, audio_of
from tests.support.server import make_client, open_request, run_server
from tests.support.wait import wait_until

NDJSON = {"Accept": "application/x-ndjson"}
ID = {"X-Request-Id": "batch-test-1"}
Message = dict[str, Any]


def client_of(synthesizer: ZeroCostSynthesizer) -> TestClient:
    return make_client(create_app(Speech(synthesizer, Presets.load()), Settings()))


def lines_of(answer: httpx.Response) -> list[Message]:
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def sound_in(messages: list[Message], index: int) -> bytes:
    """The audio of one item, joined in the order of its sequence numbers."""
    own = [message for message in messages if message["index"] == index]
    assert [message["sequence"] for message in own] == list(range(len(own)))
    return b"".join(base64.b64decode(message["audio"]) for message in own if message["type"] == "audio")


def endings(messages: list[Message]) -> dict[int, str]:
    """How each item ended; its last message says so."""
    return {message["index"]: message["type"] for message in messages}


def said(text: str, num_frames: int = 5) -> bytes:
    return to_s16le(audio_of(text, num_frames))


def test_ndjson_has_the_audio_of_each_item_and_its_end() -> None:
    body = {"text": ["One.", "Two.", "Three."], "streaming": True, "seed": 4}
    answer = client_of(ZeroCostSynthesizer()).post("/api/tts", json=body, headers=NDJSON | ID)
    messages = lines_of(answer)
    assert (answer.headers["content-type"], answer.headers["x-items"]) == ("application/x-ndjson", "3")
    assert [sound_in(messages, index) for index in range(3)] == [said("One."), said("Two."), said("Three.")]
    done = [message for message in messages if message["type"] == "done"]
    for index, message in enumerate(sorted(done, key=lambda one: one["index"])):
        (word,) = message["words"]
        assert (word["text"], word["start"], word["start_sample"]) == (body["text"][index].rstrip("."), 0, 0)  # type: ignore[index]
        assert 0 < word["end_sample"] <= message["num_samples"] and message["words_estimated"] is True
    assert sorted((each["index"], each["request_id"], each["seed"], each["num_samples"]) for each in done) == [
        (index, f"batch-test-1-{index}", 4, 9_600) for index in range(3)
    ]


def test_multipart_has_the_same_in_parts() -> None:
    body = {"text": ["One.", "Two."], "streaming": True}
    answer = client_of(ZeroCostSynthesizer()).post("/api/tts", json=body)
    kind = answer.headers["content-type"]
    assert kind.startswith("multipart/mixed; boundary=")
    parts = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + answer.content).get_payload()
    heard = {"0": b"", "1": b""}
    kinds = []
    for part in parts:
        assert len(part.get_payload(decode=True)) == int(part["Content-Length"])
        kinds.append((part["X-Type"], part.get_content_type()))
        if part["X-Type"] == "audio":
            heard[part["X-Index"]] += part.get_payload(decode=True)
        else:
            assert json.loads(part.get_payload(decode=True))["finish_reason"] == "stop"
    assert heard == {"0": said("One."), "1": said("Two.")}
    assert set(kinds) == {("audio", "audio/pcm"), ("done", "application/json")}


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus", "pcm"])
def test_without_streaming_each_item_is_one_file(format: str) -> None:
    client = client_of(ZeroCostSynthesizer())
    body = {"text": ["One.", "Two."], "format": format, "seed": 1}
    messages = lines_of(client.post("/api/tts", json=body, headers=NDJSON))
    alone = [client.post("/api/tts", json={**body, "text": text}).content for text in ("One.", "Two.")]
    assert sorted(message["type"] for message in messages) == ["audio", "audio", "done", "done"]
    if format != "opus":  # an Ogg stream has a serial number of its own
        assert [sound_in(messages, index) for index in (0, 1)] == alone
    assert all(len(sound_in(messages, index)) > 100 for index in (0, 1))


def test_a_failure_does_not_affect_other_items() -> None:
    synthesizer = FailingSynthesizer(fails=lambda utterance: utterance.text == "Two.", after=2)
    body = {"text": ["One.", "Two.", "Three."], "streaming": True}
    messages = lines_of(client_of(synthesizer).post("/api/tts", json=body, headers=NDJSON))
    assert endings(messages)[0] == endings(messages)[2] == "done"
    assert [sound_in(messages, index) for index in (0, 2)] == [said("One."), said("Three.")]
    assert sound_in(messages, 1) == said("Two.", 2)
    failed = [message for message in messages if message["index"] == 1 and message["type"] == "segment_failed"]
    assert [(message["code"], message["segment"]) for message in failed] == [("synthesis_failed", 0)]


def test_an_item_that_fails_before_its_first_audio_ends_with_the_error() -> None:
    synthesizer = FailingSynthesizer(fails=lambda utterance: utterance.text == "Two.")
    headers = NDJSON | {"Accept-Language": "zh"}
    messages = lines_of(client_of(synthesizer).post("/api/tts", json={"text": ["One.", "Two."]}, headers=headers))
    assert endings(messages) == {0: "done", 1: "error"}
    error = next(message for message in messages if message["type"] == "error")
    assert (error["code"], error["message"]) == ("synthesis_failed", "合成失败。文本已保留，请重试。")


def test_an_invalid_text_fails_alone() -> None:
    body = {"text": ["One.", "…", "[9x] Three."], "streaming": True}
    messages = lines_of(client_of(ZeroCostSynthesizer()).post("/api/tts", json=body, headers=NDJSON))
    assert endings(messages) == {0: "done", 1: "error", 2: "error"}
    errors = {message["index"]: message["code"] for message in messages if message["type"] == "error"}
    assert errors == {1: "empty_text", 2: "invalid_value"}


@pytest.mark.parametrize(("field", "value"), [("language", "Klingon"), ("speed", 9), ("voice", "nobody")])
def test_an_error_of_all_texts_is_a_4xx(field: str, value: object) -> None:
    synthesizer = ZeroCostSynthesizer()
    answer = client_of(synthesizer).post("/api/tts", json={"text": ["One.", "Two."], field: value})
    assert answer.status_code in (404, 422) and answer.json()["error"]["field"] == field
    assert synthesizer.utterances == []


def test_a_full_queue_is_429_before_any_synthesis() -> None:
    synthesizer = SteppedSynthesizer(slots=2, queue_size=1)
    with run_server(synthesizer) as url, open_request(url, {"text": "Hi.", "streaming": True}):
        wait_until(lambda: synthesizer.load.running == 1)
        answer = httpx.post(f"{url}/api/tts", json={"text": ["One.", "Two.", "Three."], "batch_size": 3})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
        assert len(synthesizer.utterances) == 1


@pytest.mark.parametrize(("batch_size", "active"), [(1, 1), (2, 2), (None, 4), (5, 5)])
def test_batch_size_limits_concurrent_items(batch_size: int | None, active: int) -> None:
    synthesizer = SteppedSynthesizer(num_frames=2, slots=4 if batch_size is None else 8)
    body = {"text": [f"Text {number}." for number in range(7)], "streaming": True, "batch_size": batch_size}
    with (
        run_server(synthesizer) as url,
        open_request(url, body, "Accept: application/x-ndjson\r\nConnection: close\r\n") as connection,
    ):
        wait_until(lambda: synthesizer.load.running == active)
        most, done = active, False
        got = b""
        connection.setblocking(False)
        while not done:
            synthesizer.step()
            most = max(most, synthesizer.load.running + synthesizer.load.queued)
            try:
                piece = connection.recv(1 << 20)
                got, done = got + piece, not piece
            except BlockingIOError:
                pass
        assert most == active
        assert got.count(b'"type": "done"') == 7


def test_a_disconnect_cancels_all_items() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000)
    with run_server(synthesizer) as url:
        connection = open_request(url, {"text": ["One.", "Two.", "Three."], "streaming": True, "batch_size": 2})
        wait_until(lambda: synthesizer.load.running == 2)
        synthesizer.step()
        connection.close()
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running + synthesizer.load.queued == 0)
        assert [utterance.text for utterance in synthesizer.utterances] == ["One.", "Two."]


def test_one_item_can_be_cancelled_by_its_id() -> None:
    synthesizer = SteppedSynthesizer(num_frames=3)
    headers = "X-Request-Id: batch-test-1\r\nAccept: application/x-ndjson\r\nConnection: close\r\n"
    with (
        run_server(synthesizer) as url,
        open_request(url, {"text": ["One.", "Two."], "streaming": True}, headers) as connection,
    ):
        wait_until(lambda: synthesizer.load.running == 2)
        assert httpx.delete(f"{url}/api/requests/batch-test-1-0").status_code == 204
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)
        got = b""
        while piece := connection.recv(65_536):
            got += piece
        reports = [httpx.get(f"{url}/api/requests/batch-test-1-{index}").json() for index in (0, 1)]
    assert [report["finish_reason"] for report in reports] == ["cancelled", "stop"]


def test_a_deadline_ends_every_unfinished_item() -> None:
    synthesizer = SteppedSynthesizer(num_frames=10_000, slots=1)
    with run_server(synthesizer) as url:
        headers = NDJSON | {"X-Deadline-Ms": "200"}
        answer = httpx.post(f"{url}/api/tts", json={"text": ["One.", "Two.", "Three."]}, headers=headers)
        codes = [message["code"] for message in lines_of(answer)]
        assert codes == ["deadline_exceeded"] * 3
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)


def test_without_a_seed_all_items_share_one() -> None:
    synthesizer = ZeroCostSynthesizer()
    client_of(synthesizer).post("/api/tts", json={"text": ["One.", "Two.", "Three."]})
    assert len({utterance.seed for utterance in synthesizer.utterances}) == 1


TEXTS = st.lists(
    st.sampled_from(["One.", "Two. [pause 0.2s] Three.", "…", "", "四。\n五。", "fail"]), min_size=1, max_size=9
)


@pytest.fixture(scope="module")
def client() -> TestClient:
    return client_of(FailingSynthesizer(fails=lambda utterance: utterance.text == "fail", num_frames=2))


@settings(max_examples=30, deadline=None)
@given(texts=TEXTS, batch_size=st.none() | st.integers(1, 5), streaming=st.booleans())
def test_batched_equals_alone_whatever_is_batched(
    client: TestClient, texts: list[str], batch_size: int | None, streaming: bool
) -> None:
    body = {"batch_size": batch_size, "streaming": streaming, "seed": 1, "format": "pcm"}
    alone = [client.post("/api/tts", json={**body, "batch_size": None, "text": text}) for text in texts]
    together = client.post("/api/tts", json={**body, "text": texts}, headers=NDJSON)
    if all(answer.status_code == 422 for answer in alone):
        assert together.status_code == 422
        return
    messages = lines_of(together)
    for index, answer in enumerate(alone):
        if answer.status_code == 200:
            assert sound_in(messages, index) == answer.content
            assert endings(messages)[index] == "done"
        else:
            last = [message for message in messages if message["index"] == index]
            assert [(message["type"], message["code"]) for message in last] == [
                ("error", answer.json()["error"]["code"])
            ]
