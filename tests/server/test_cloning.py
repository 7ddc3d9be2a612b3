"""Cloning over HTTP: recordings that are saved, sent along with a text or rejected, and what is stored of them."""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.config import Settings
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import MODEL_FOR, Speech
from qwen3tts_webui.voices import Presets
from tests.support.cloning import CloningFake, FakeRecognizer
from tests.support.fakes import ContinuingSynthesizer, ZeroCostSynthesizer
from tests.support.server import make_client
from tests.support.sounds import RATE, syllables

CLIP = encode_all(syllables(4.0), "wav")
BASE64 = base64.b64encode(CLIP).decode()
FORM = {"name": "Me", "text": "What I said.", "consent": "true"}


@pytest.fixture
def library(tmp_path: Path) -> Iterator[HistoryStore]:
    library = HistoryStore(tmp_path)
    yield library
    library.close()


def client_of(
    synthesizer: ZeroCostSynthesizer, library: HistoryStore | None, recognizer: FakeRecognizer | None = None
) -> TestClient:
    return make_client(create_app(Speech(synthesizer, Presets.load(), library), Settings(), recognizer=recognizer))


@pytest.fixture
def engine() -> CloningFake:
    return CloningFake()


@pytest.fixture
def client(engine: CloningFake, library: HistoryStore) -> TestClient:
    return client_of(engine, library)


def upload(client: TestClient, clip: bytes = CLIP, path: str = "/api/voices", **fields: str) -> Any:
    return client.post(path, data=FORM | fields, files={"audio": ("clip.wav", clip)})


def error_of(answer: Any, status: int = 422) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    error: dict[str, Any] = answer.json()["error"]
    return error


def test_the_voice_of_a_recording_is_saved_and_spoken_without_encoding_it_again(
    client: TestClient, engine: CloningFake, library: HistoryStore
) -> None:
    answer = upload(client, encode_all(syllables(2.0), "flac"))
    assert answer.status_code == 201, answer.text
    card = answer.json()
    assert [card[name] for name in ("kind", "needs", "continuation", "mode", "consent")] == [
        "cloned",
        "base",
        "cloning",
        "icl",
        True,
    ]
    assert (card["seconds"], [hint["code"] for hint in card["warnings"]]) == (2.0, ["too_short"])
    kept = library.voices.get(card["id"])
    assert (kept.model, kept.recording, kept.sample, kept.consent) == ("fake", None, None, True)
    for text in ("One.", "Two."):
        assert client.post("/api/tts", json={"text": text, "voice": card["id"]}).status_code == 200
    references = [said.voice.reference for said in engine.utterances]
    assert all(one is not None and one.text == "What I said." and one.codes is not None for one in references)
    assert engine.references.num_encoded == 1


def test_the_audio_is_kept_only_if_asked_for(client: TestClient, library: HistoryStore) -> None:
    card = upload(client, keep_audio="true", mode="xvector", text="").json()
    kept = library.voices.get(card["id"])
    assert kept.recording is not None and kept.recording[:4] == b"OggS"
    assert (card["has_recording"], card["has_sample"], card["mode"]) == (True, True, "xvector")
    assert client.get(f"/api/voices/{card['id']}/sample").content[:4] == b"OggS"


@pytest.mark.parametrize("consent", ["false", None])
def test_nothing_is_saved_without_consent(client: TestClient, engine: CloningFake, consent: str | None) -> None:
    fields = {name: value for name, value in FORM.items() if name != "consent"}
    fields |= {} if consent is None else {"consent": consent}
    answer = client.post("/api/voices", data=fields, files={"audio": CLIP})
    assert error_of(answer)["field"] == "consent"
    assert engine.references.num_encoded == 0


@pytest.mark.parametrize(
    ("fields", "files", "field"),
    [
        ({}, {"language": (None, "en")}, "audio"),
        ({}, {"audio": (None, "/etc/passwd")}, "audio"),
        ({}, {"video": CLIP}, "video"),
        ({"text": " "}, {"audio": CLIP}, "text"),
        ({"mode": "both"}, {"audio": CLIP}, "mode"),
        ({"path": "/etc/passwd"}, {"audio": CLIP}, "path"),
        ({"name": "\u200b"}, {"audio": CLIP}, "name"),
        ({}, {"audio": CLIP, "video": CLIP}, None),
    ],
)
def test_a_form_that_is_wrong_names_the_field(
    client: TestClient, fields: dict[str, str], files: dict[str, Any], field: str | None
) -> None:
    answer = client.post("/api/voices", data=FORM | fields, files=files)
    if field is None:
        assert error_of(answer, 400)["code"] == "malformed_form"
    else:
        assert error_of(answer)["field"] == field


def test_a_body_that_is_no_form_is_refused(client: TestClient) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = client.post("/api/voices", content=b"--y\r\nnothing", headers={"Content-Type": kind})
        assert error_of(answer, 400)["code"] == "malformed_form"


def wav(pcm: Any, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, pcm, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def silent_hours() -> bytes:
    """Three hours in a small file."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(3 * 3_600 * 8_000, np.int8).astype(np.int16), 8_000, format="FLAC")
    assert len(file.getvalue()) < 2**20
    return file.getvalue()


HOSTILE = {
    "truncated": lambda: encode_all(syllables(4.0), "flac")[:5_000],
    "hours long": silent_hours,
    "one sample": lambda: wav(np.zeros(1, np.float32)),
    "NaN": lambda: wav(np.full(RATE, np.nan, np.float32)),
    "empty": lambda: b"",
    "text": lambda: b"#!/bin/sh\nrm -rf /\n" * 100,
    "polyglot": lambda: b"PK\x03\x04" + CLIP,
    "playlist": lambda: b"#EXTM3U\nfile:///etc/passwd\n",
    "lying header": lambda: b"RIFF" + struct.pack("<I", 2**31) + CLIP[8:],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_a_clear_error(client: TestClient, engine: CloningFake, name: str) -> None:
    data = HOSTILE[name]()
    for path in ("/api/voices", "/api/voices/check"):
        assert error_of(upload(client, data, path))["code"] == "invalid_file"
    assert engine.references.num_encoded == 0


def test_an_upload_beyond_the_limit_is_not_read(client: TestClient) -> None:
    answer = upload(client, bytes(34 * 2**20))
    assert error_of(answer, 413)["code"] == "body_too_large"


def test_the_check_needs_neither_a_base_model_nor_a_history() -> None:
    answer = upload(client_of(ZeroCostSynthesizer(), None), encode_all(syllables(20.0), "mp3"), "/api/voices/check")
    assert answer.status_code == 200
    assert answer.json()["seconds"] == pytest.approx(20.0, abs=0.1)
    assert [hint["code"] for hint in answer.json()["warnings"]] == ["too_long"]


def transcribe(client: TestClient, clip: bytes = CLIP, **fields: str) -> Any:
    return client.post("/api/voices/transcribe", data=fields, files={"audio": clip})


def test_what_is_said_is_recognized_before_any_model_is_loaded() -> None:
    recognizer = FakeRecognizer()
    client = client_of(ZeroCostSynthesizer(), None, recognizer)
    assert client.get("/api/info").json()["recognizer"] == "Fake ears"
    answer = transcribe(client, encode_all(syllables(2.0), "opus"), language="English")
    assert answer.status_code == 200, answer.text
    assert [answer.json()[name] for name in ("text", "language", "recognizer", "seconds")] == [
        "What I said.",
        "en",
        "Fake ears",
        2.0,
    ]
    assert [hint["code"] for hint in answer.json()["warnings"]] == ["too_short"]
    assert transcribe(client).status_code == 200
    assert [language for _, language in recognizer.heard] == ["en", "auto"]


def test_a_recording_that_cannot_be_recognized(client: TestClient) -> None:
    error = error_of(transcribe(client))
    assert error["code"] == "unsupported" and "[verify]" in error["message"]
    assert client.get("/api/info").json()["recognizer"] is None
    hearing, recognizer = CloningFake(), FakeRecognizer()
    client = client_of(hearing, None, recognizer)
    for name in HOSTILE:
        assert error_of(transcribe(client, HOSTILE[name]()))["code"] == "invalid_file"
    assert error_of(transcribe(client, language="tlh"))["code"] == "unknown_language"
    assert error_of(transcribe(client, path="/etc/passwd"))["field"] == "path"
    assert error_of(transcribe(client, bytes(34 * 2**20)), 413)["code"] == "body_too_large"
    assert recognizer.heard == []


@pytest.mark.parametrize("path", ["/api/voices", "/api/tts", "/v1/audio/speech"])
def test_without_a_base_model_the_error_names_one(library: HistoryStore, path: str) -> None:
    client = client_of(ZeroCostSynthesizer(), library)
    text = "input" if path.startswith("/v1") else "text"
    body = {text: "Hi.", "ref_audio": BASE64, "ref_text": "Hi."}
    answer = upload(client) if path == "/api/voices" else client.post(path, json=body)
    status = 400 if path.startswith("/v1") else 422
    error = error_of(answer, status)
    assert error["code"] == "unsupported" and MODEL_FOR["cloning"] in error["message"]


SPELLINGS = [
    BASE64,
    "data:audio/wav;base64," + BASE64,
    " DATA:audio/webm; codecs=opus; BASE64,\r\n" + base64.encodebytes(CLIP).decode(),
    base64.urlsafe_b64encode(CLIP).decode().rstrip("="),
]


@pytest.mark.parametrize("audio", SPELLINGS)
def test_a_recording_in_the_request_is_the_voice(client: TestClient, engine: CloningFake, audio: str) -> None:
    body = {"text": "One.\nTwo.", "ref_audio": audio, "ref_text": "What I said."}
    answer = client.post("/api/tts", json=body)
    assert answer.status_code == 200, answer.text
    assert [said.voice.reference is not None for said in engine.utterances] == [True, True]
    assert engine.references.num_encoded == 1
    assert "x-warning" not in answer.headers


def test_a_recording_in_a_form_is_the_voice(client: TestClient, engine: CloningFake) -> None:
    fields = {"text": "Hi.", "x_vector_only": "true", "seed": "7", "format": "flac"}
    answer = client.post("/api/tts", data=fields, files={"ref_audio": encode_all(syllables(2.0), "opus")})
    assert (answer.status_code, answer.content[:4], answer.headers["x-seed"]) == (200, b"fLaC", "7")
    assert answer.headers["x-warning"] == "recording: too_short"
    reference = engine.utterances[0].voice.reference
    assert reference is not None and reference.mode == "xvector"


def test_a_batch_shares_one_recording(client: TestClient, engine: CloningFake) -> None:
    body = {"text": ["One.", "Two.", "Three."], "ref_audio": BASE64, "ref_text": "What I said."}
    assert client.post("/api/tts", json=body).status_code == 200
    assert (len(engine.utterances), engine.references.num_encoded) == (3, 1)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ref_audio": "/home/me/clip.wav"}, "ref_audio"),
        ({"ref_audio": "https://example.org/clip.wav"}, "ref_audio"),
        ({"ref_audio": "file:///etc/passwd"}, "ref_audio"),
        ({"ref_audio": "data:audio/wav,RIFF" + "A" * 200}, "ref_audio"),
        ({"ref_audio": "*" * 400}, "ref_audio"),
        ({"ref_audio": BASE64, "ref_text": ""}, "ref_text"),
        ({"ref_audio": BASE64, "voice": "en-service"}, "ref_audio"),
        ({"ref_audio": None}, "ref_text"),
        ({"ref_audio": None, "ref_text": "", "x_vector_only": True}, "x_vector_only"),
    ],
)
def test_a_recording_that_cannot_be_taken(
    client: TestClient, engine: CloningFake, fields: dict[str, Any], field: str
) -> None:
    answer = client.post("/api/tts", json={"text": "Hi.", "ref_text": "What I said.", **fields})
    error = error_of(answer)
    assert error["field"] == field
    if field == "ref_audio" and "voice" not in fields:
        assert "paths and addresses are not read" in error["message"]
    assert engine.utterances == []


def test_a_description_next_to_a_recording_is_refused(client: TestClient) -> None:
    body = {"text": "Hi.", "ref_audio": BASE64, "ref_text": "What I said.", "voice_desc": "Angry."}
    assert error_of(client.post("/api/tts", json=body))["code"] == "unsupported"


def test_vllm_omnis_spellings_clone(client: TestClient, engine: CloningFake) -> None:
    body = {
        "input": "Hi.",
        "voice": "alloy",
        "task_type": "Base",
        "ref_audio": f"data:audio/wav;base64,{BASE64}",
        "ref_text": "What I said.",
        "x_vector_only_mode": False,
        "response_format": "wav",
    }
    answer = client.post("/v1/audio/speech", json=body)
    assert answer.status_code == 200, answer.text
    reference = engine.utterances[0].voice.reference
    assert reference is not None and (reference.mode, reference.text) == ("icl", "What I said.")
    assert answer.headers["x-warning"] == "voice ignored, as ref_audio is given"
    del body["ref_audio"]
    assert error_of(client.post("/v1/audio/speech", json=body), 400)["param"] == "ref_audio"


def test_a_voice_uploaded_as_to_vllm_omni_is_used_by_its_name(client: TestClient, engine: CloningFake) -> None:
    files = {"audio_sample": ("me.wav", CLIP, "audio/wav")}
    fields = {"name": "Grandma", "consent": "cons_1", "ref_text": "What I said.", "speaker_description": "old"}
    answer = client.post("/v1/audio/voices", data=fields, files=files)
    assert answer.status_code == 200, answer.text
    voice = answer.json()["voice"]
    assert (answer.json()["success"], voice["name"], voice["consent"]) == (True, "Grandma", "cons_1")
    assert voice["id"] in [one["id"] for one in client.get("/v1/audio/voices").json()["voices"]]
    body = {"input": "Hi.", "voice": "grandma", "task_type": "Base"}
    assert client.post("/v1/audio/speech", json=body).status_code == 200
    assert engine.utterances[0].voice.reference is not None
    refused = client.post("/v1/audio/voices", data=fields | {"consent": "false"}, files=files)
    assert error_of(refused, 400)["param"] == "consent"


def speak(client: TestClient, request_id: str, **body: Any) -> None:
    answer = client.post("/api/tts", json={"text": "One.", **body}, headers={"X-Request-Id": request_id})
    assert answer.status_code == 200, answer.text


def test_a_cloned_voice_is_saved_from_a_request_only_with_consent(client: TestClient, library: HistoryStore) -> None:
    speak(client, "cloned-request", ref_audio=BASE64, ref_text="What I said.")
    body = {"request_id": "cloned-request", "name": "Again"}
    assert error_of(client.post("/api/voices", json=body))["field"] == "consent"
    card = client.post("/api/voices", json=body | {"consent": True}).json()
    kept = library.voices.get(card["id"])
    assert (kept.kind, kept.model, kept.acoustic_prompt) == ("cloned", "fake", None)


def test_the_sidecar_says_how_the_voice_was_made(client: TestClient, library: HistoryStore) -> None:
    speak(client, "cloned-request", ref_audio=BASE64, ref_text="What I said.")
    assert client.get("/api/requests/cloned-request").json()["voice_kind"] == "cloned"
    entry = client.get("/api/history", params={"request_id": "cloned-request"}).json()["entries"][0]
    sidecar = json.loads(library.audio_path(entry["id"]).with_suffix(".json").read_text())
    assert sidecar["voice_kind"] == "cloned"
    assert BASE64[:40] not in json.dumps(sidecar)


def test_a_designed_take_becomes_a_cloned_voice_once_a_base_model_is_loaded(library: HistoryStore) -> None:
    designer, cloner = ContinuingSynthesizer(num_frames=25), CloningFake()
    switch = HotSwapSynthesizer(designer)
    client = client_of(switch, library)  # type: ignore[arg-type]
    speak(client, "designed-take", text="One.\nTwo words.", voice_desc="warm")
    body = {"request_id": "designed-take", "name": "Warm", "mode": "icl", "segment": 1}
    assert error_of(client.post("/api/voices", json=body))["code"] == "unsupported"
    switch.swap_to(cloner)
    card = client.post("/api/voices", json=body).json()
    kept = library.voices.get(card["id"])
    assert kept.reference is not None and kept.reference.text == "Two words."
    assert (card["kind"], card["needs"], kept.model, kept.sample is not None) == ("cloned", "base", "fake", True)
    speak(client, "cloned-take", voice=card["id"])
    assert cloner.utterances[-1].voice.reference is not None
    switch.close()
