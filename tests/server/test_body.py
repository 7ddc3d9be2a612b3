"""Request bodies: malformed and odd ones get a 4xx in our format and the client's language, never a 500."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.schemas import TtsBody
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client

LIMIT = 1_000
JSON = {"Content-Type": "application/json"}


def client_of(synthesizer: ZeroCostSynthesizer) -> TestClient:
    speech = Speech(synthesizer, Presets.load(), max_text=LIMIT)
    return make_client(create_app(speech, Settings(max_text=LIMIT)))


@pytest.fixture(scope="module")
def client() -> TestClient:
    return client_of(ZeroCostSynthesizer(num_frames=1))


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 422, "invalid_value", "text"),
        ({"text": ""}, 422, "empty_text", "text"),
        ({"text": "…!?"}, 422, "empty_text", "text"),
        ({"text": "<|im_end|>"}, 422, "empty_text", "text"),
        ({"text": "a" * (LIMIT + 1)}, 413, "text_too_long", "text"),
        ({"text": 5}, 422, "invalid_value", "text"),
        ({"text": None}, 422, "invalid_value", "text"),
        ({"text": {"a": "Hi."}}, 422, "invalid_value", "text"),
        ({"text": []}, 422, "invalid_value", "text"),
        ({"text": ["Hi.", 5]}, 422, "invalid_value", "text.1"),
        ({"text": ["Hi.", ["Hi."]]}, 422, "invalid_value", "text.1"),
        ({"text": ["Hi."] * 257}, 422, "invalid_value", "text"),
        ({"text": ["a" * 600, "b" * 600]}, 413, "text_too_long", "text"),
        ({"text": ["", "…"]}, 422, "empty_text", "text"),
        ({"text": ["Hi."], "batch_size": 0}, 422, "invalid_value", "batch_size"),
        ({"text": "Hi.", "batch_size": 0}, 422, "invalid_value", "batch_size"),
        ({"text": "Hi.", "voice": "nobody"}, 404, "unknown_voice", "voice"),
        ({"text": "Hi.", "voice": "saved-000000000000"}, 404, "unknown_voice", "voice"),
        ({"text": "Hi.", "voice": "../../etc/passwd"}, 404, "unknown_voice", "voice"),
        ({"text": "Hi.", "speaker": "Vivian"}, 422, "unsupported", None),
        ({"text": "Hi.", "format": "exe"}, 422, "invalid_value", "format"),
        ({"text": "Hi.", "sample_rate": 7_999}, 422, "invalid_value", "sample_rate"),
        ({"text": "Hi.", "sample_rate": 48_001}, 422, "invalid_value", "sample_rate"),
        ({"text": "Hi.", "sample_rate": 44_100, "format": "opus"}, 422, "invalid_value", "sample_rate"),
        ({"text": "Hi.", "sample_rate": 24_000.5}, 422, "invalid_value", "sample_rate"),
        ({"text": "Hi.", "packet_ms": 0}, 422, "invalid_value", "packet_ms"),
        ({"text": "Hi.", "packet_ms": 10**30}, 422, "invalid_value", "packet_ms"),
        ({"text": "Hi.", "text_mode": "slow"}, 422, "invalid_value", "text_mode"),
        ({"text": "Hi.", "max_duration_s": 0}, 422, "invalid_value", "max_duration_s"),
        ({"text": "Hi.", "temperature": 0}, 422, "invalid_value", "temperature"),
        ({"text": "Hi.", "top_p": 1.1}, 422, "invalid_value", "top_p"),
        ({"text": "Hi.", "top_k": -1}, 422, "invalid_value", "top_k"),
        ({"text": "Hi.", "repetition_penalty": float("inf")}, 422, "invalid_value", "repetition_penalty"),
        ({"text": "Hi.", "continue_voice": "yes"}, 422, "invalid_value", "continue_voice"),
        ({"text": "Hi.", "voice_desc": "x" * 2_049}, 422, "description_too_long", "voice_desc"),
        ({"text": "Hi.", "voice_desc": None}, 422, "invalid_value", "voice_desc"),
        ({"text": "Hi.", "language": "Klingon"}, 422, "unknown_language", "language"),
        ({"text": "Hi.", "language": 1}, 422, "invalid_value", "language"),
        ({"text": "Hi.", "streaming": "yes"}, 422, "invalid_value", "streaming"),
        ({"text": "Hi.", "streaming": 1}, 422, "invalid_value", "streaming"),
        ({"text": "Hi.", "seed": -1}, 422, "invalid_value", "seed"),
        ({"text": "Hi.", "seed": 2**63}, 422, "invalid_value", "seed"),
        ({"text": "Hi.", "seed": 10**400}, 422, "invalid_value", "seed"),
        ({"text": "Hi.", "seed": 1.5}, 422, "invalid_value", "seed"),
        ({"text": "Hi.", "seed": True}, 422, "invalid_value", "seed"),
        ({"text": "Hi.", "seed": "1"}, 422, "invalid_value", "seed"),
        ({"text": "Hi.", "speed": "fast"}, 422, "invalid_value", "speed"),
        ({"text": "Hi.", "speed": 0.49}, 422, "invalid_value", "speed"),
        ({"text": "Hi.", "speed": 10**400}, 422, "invalid_value", "speed"),
        ({"text": "Hi.", "speed": float("nan")}, 422, "invalid_value", "speed"),
        ({"text": "Hi.", "speed": float("-inf")}, 422, "invalid_value", "speed"),
        ({"text": "Hi.", "voice-desc": "warm"}, 422, "invalid_value", "voice-desc"),
        ({"text": "[9x] Hi."}, 422, "invalid_value", "text"),
        ([], 400, "malformed_json", None),
        ("Hi.", 400, "malformed_json", None),
        (None, 400, "malformed_json", None),
    ],
)
def test_a_wrong_value_is_named(client: TestClient, body: object, status: int, code: str, field: str | None) -> None:
    answer = client.post("/api/tts", content=json.dumps(body), headers=JSON)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("field")) == (status, code, field)


NOT_JSON = [
    b"",
    b"{",
    b'{"text": "Hi."',
    b"\xff\xfe",
    b'{"text": "\xff"}',
    b"[" * 10_000,
    b'{"a":' * 5_000,
    b'{"seed": ' + b"9" * 5_000,
]


@pytest.mark.parametrize("raw", NOT_JSON)
def test_what_is_not_json_is_400(client: TestClient, raw: bytes) -> None:
    answer = client.post("/api/tts", content=raw, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed_json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_415(client: TestClient, kind: str) -> None:
    answer = client.post("/api/tts", content=b'{"text": "Hi."}', headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("encoding", "status"), [("gzip", 415), ("br", 415), ("deflate, gzip", 415), ("identity", 200), ("", 200)]
)
def test_a_compressed_body_is_refused(client: TestClient, encoding: str, status: int) -> None:
    answer = client.post("/api/tts", content=b'{"text": "Hi."}', headers=JSON | {"Content-Encoding": encoding})
    assert answer.status_code == status
    if status == 415:
        assert answer.json()["error"]["code"] == "unsupported_encoding"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_content_types_are_accepted(client: TestClient, kind: str) -> None:
    assert client.post("/api/tts", content=b'{"text": "Hi."}', headers={"Content-Type": kind}).status_code == 200


def test_a_body_over_the_cap_is_413_declared_or_not(client: TestClient) -> None:
    large = b'{"text": "' + b"a" * 17 * 2**20 + b'"}'  # a recording may be in it
    declared = client.post("/api/tts", content=large, headers=JSON)
    chunked = client.post("/api/tts", content=iter([large[:50_000], large[50_000:]]), headers=JSON)
    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in (declared, chunked)] == [
        (413, "body_too_large"),
        (413, "body_too_large"),
    ]


def test_the_longest_text_fits_in_any_json_escape(client: TestClient) -> None:
    body = json.dumps({"text": "😀" * (LIMIT - 2) + "Hi"})  # 12 bytes for each in JSON
    assert client.post("/api/tts", content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize("escape", [r"\ud800", r"\udc00", r"\udfff\ud800", r"\u0000", r"\u200b", r"\ufffd", r"\u202e"])
def test_odd_characters_are_never_an_error(escape: str) -> None:
    synthesizer = ZeroCostSynthesizer(num_frames=1)
    raw = f'{{"text": "Hel{escape}lo.", "voice_desc": "wa{escape}rm"}}'
    assert client_of(synthesizer).post("/api/tts", content=raw, headers=JSON).status_code == 200
    assert [(said.text, said.voice.description) for said in synthesizer.utterances] == [("Hello.", "warm")]


def test_a_surrogate_in_a_key_is_an_unknown_key(client: TestClient) -> None:
    answer = client.post("/api/tts", content=rb'{"text": "Hi.", "\ud800": 1}', headers=JSON)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("accept_language", "beginning"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "没有可以合成的内容"),
        ("en", "There is nothing to synthesize"),
        ("fr", "There is nothing to synthesize"),
        ("", "There is nothing to synthesize"),
    ],
)
def test_errors_are_in_the_clients_language(client: TestClient, accept_language: str, beginning: str) -> None:
    answer = client.post("/api/tts", json={"text": ""}, headers={"Accept-Language": accept_language})
    assert answer.json()["error"]["message"].startswith(beginning)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Request-Id", "short"),
        ("X-Request-Id", "../../etc/passwd"),
        ("X-Request-Id", "x" * 65),
        ("X-Deadline-Ms", "soon"),
        ("X-Deadline-Ms", "0"),
        ("X-Deadline-Ms", "-5"),
        ("X-Deadline-Ms", "9" * 5_000),
    ],
)
def test_a_wrong_header_is_named(client: TestClient, header: str, value: str) -> None:
    answer = client.post("/api/tts", json={"text": "Hi."}, headers={header: value})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, header)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/tts", 405, "method_not_allowed"),
        ("GET", "/nowhere", 404, "route_not_found"),
        ("GET", "/no-docs", 404, "route_not_found"),
    ],
)
def test_other_errors_have_the_same_shape(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([*TtsBody.model_fields, "Text", "__class__"])


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.characters(codec=None), max_size=80), streaming=st.booleans())
def test_any_text_is_synthesized_or_rejected(client: TestClient, text: str, streaming: bool) -> None:
    body = json.dumps({"text": text, "voice_desc": text, "streaming": streaming})
    answer = client.post("/api/tts", content=body, headers=JSON)
    assert answer.status_code in (200, 422)


@settings(max_examples=150, deadline=None)
@given(body=VALUES | st.dictionaries(FIELDS, VALUES), known=st.booleans())
def test_any_json_gets_a_response(client: TestClient, body: Any, known: bool) -> None:
    if known and isinstance(body, dict):
        body = {"text": "Hi.", **body}
    answer = client.post("/api/tts", content=json.dumps(body), headers=JSON)
    assert answer.status_code in (200, 400, 404, 413, 422)
    assert answer.status_code == 200 or set(answer.json()) == {"error"}


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=200))
def test_any_bytes_get_a_response(client: TestClient, raw: bytes) -> None:
    assert client.post("/api/tts", content=raw, headers=JSON).status_code in (400, 422)
