"""A voice is saved from a request and used again: here, and from its file elsewhere."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import FinishReason, SynthesisResult
from qwen3tts_webui.voices import MAX_VOICE_FILE_BYTES, Presets
from tests.support.fakes import ContinuingSynthesizer, FailingSynthesizer, Job, ZeroCostSynthesizer, codes_of
from tests.support.server import make_client

ID = "voice-test-1"
JSON = {"Content-Type": "application/json"}


class NamingSynthesizer(ZeroCostSynthesizer):
    """Gives its voices names, like the preview voice."""

    def __init__(self) -> None:
        super().__init__(features=("engine_voice", "seed"))

    def finish(self, job: Job, reason: FinishReason) -> None:
        spoken = SynthesisResult(
            num_samples=0,
            finish_reason=reason,
            timings=job.timings,
            engine_voice_id=f"voice-{job.utterance.seed}",
        )
        job.sink.finish(spoken)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[HistoryStore]:
    library = HistoryStore(tmp_path)
    yield library
    library.close()


def client_of(synthesizer: ZeroCostSynthesizer, library: HistoryStore | None) -> TestClient:
    return make_client(create_app(Speech(synthesizer, Presets.load(), library), Settings()))


def save(client: TestClient, *, options: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
    """Speak, and keep the voice that spoke."""
    asked = {"text": "One.\nTwo.", "voice_desc": "warm", "seed": 3, "language": "en", "streaming": True}
    assert client.post("/api/tts", json=asked | (options or {}), headers={"X-Request-Id": ID}).status_code == 200
    answer = client.post("/api/voices", json={"request_id": ID, "name": "Night radio", **body})
    assert answer.status_code == 201, answer.text
    saved: dict[str, Any] = answer.json()
    return saved


def test_a_saved_voice_has_all_it_needs(library: HistoryStore) -> None:
    card = save(client_of(ContinuingSynthesizer(), library))
    kept = library.voices.get(card["id"])
    assert (kept.name, kept.description, kept.seed, kept.language, kept.engine) == (
        "Night radio",
        "warm",
        3,
        "en",
        "fake",
    )
    assert kept.acoustic_prompt is not None and kept.acoustic_prompt.text == "One."
    assert np.array_equal(kept.acoustic_prompt.codes, codes_of("One.", 5))
    assert (card["continuation"], card["has_sample"], card["starred"]) == ("acoustic_prompt", True, False)


def test_the_voice_of_another_segment(library: HistoryStore) -> None:
    card = save(client_of(ContinuingSynthesizer(), library), segment=1)
    kept = library.voices.get(card["id"])
    assert kept.acoustic_prompt is not None and kept.acoustic_prompt.text == "Two."


def test_a_saved_voice_is_used_by_its_id(library: HistoryStore) -> None:
    client = client_of(synthesizer := ContinuingSynthesizer(), library)
    card = save(client)
    answer = client.post("/api/tts", json={"text": "Three.", "voice": card["id"], "voice_desc": "slower"})
    said = synthesizer.utterances[-1]
    assert answer.status_code == 200
    assert said.voice.acoustic_prompt is not None and said.voice.acoustic_prompt.text == "One."
    assert (said.voice.description, said.seed) == ("warm slower", 3)


def test_a_request_may_have_another_seed_than_the_saved_voice(library: HistoryStore) -> None:
    client = client_of(synthesizer := ContinuingSynthesizer(), library)
    client.post("/api/tts", json={"text": "Three.", "voice": save(client)["id"], "seed": 9})
    assert synthesizer.utterances[-1].seed == 9


def test_a_saved_voice_by_openais_route(library: HistoryStore) -> None:
    client = client_of(synthesizer := ContinuingSynthesizer(), library)
    body = {"model": "tts-1", "input": "Three.", "voice": save(client)["id"]}
    assert client.post("/v1/audio/speech", json=body).status_code == 200
    assert synthesizer.utterances[-1].voice.acoustic_prompt is not None


def test_an_engine_with_voice_ids_gets_its_id_back(library: HistoryStore) -> None:
    client = client_of(synthesizer := NamingSynthesizer(), library)
    card = save(client, options={"voice_desc": ""})
    assert card["continuation"] == "engine_voice"
    client.post("/api/tts", json={"text": "Three.", "voice": card["id"]})
    assert synthesizer.utterances[-1].voice.engine_voice_id == "voice-3"
    described = client.post("/api/tts", json={"text": "Three.", "voice": card["id"], "voice_desc": "slower"})
    assert (described.status_code, described.json()["error"]["code"]) == (422, "unsupported")


def test_another_engine_cannot_continue_it(library: HistoryStore) -> None:
    card = save(client_of(ContinuingSynthesizer(), library))
    answer = client_of(ZeroCostSynthesizer(), library).post("/api/tts", json={"text": "Hi.", "voice": card["id"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unsupported")


def test_an_engine_without_continuation_keeps_description_and_seed(library: HistoryStore) -> None:
    client = client_of(synthesizer := ZeroCostSynthesizer(), library)
    card = save(client)
    assert card["continuation"] == "description"
    client.post("/api/tts", json={"text": "Three.", "voice": card["id"]})
    said = synthesizer.utterances[-1]
    assert (said.voice.description, said.seed) == ("warm", 3)


def test_the_list_has_presets_saved_voices_and_speakers(library: HistoryStore) -> None:
    client = client_of(ZeroCostSynthesizer(features=("speaker",), speakers=("Vivian",)), library)
    card = save(client, options={"voice_desc": ""})
    listed = client.get("/api/voices").json()
    assert [voice["id"] for voice in listed["saved"]] == [card["id"]]
    assert listed["speakers"] == ["Vivian"] and len(listed["presets"]) > 50
    assert client.get(f"/api/voices/{card['id']}").json() == listed["saved"][0] == card


def test_the_sample_is_the_audio_of_the_segment(library: HistoryStore) -> None:
    client = client_of(ContinuingSynthesizer(), library)
    sample = client.get(f"/api/voices/{save(client)['id']}/sample")
    assert sample.headers["content-type"] == "audio/ogg" and sample.content[:4] == b"OggS"


def test_rename_and_star(library: HistoryStore) -> None:
    client = client_of(ZeroCostSynthesizer(), library)
    path = f"/api/voices/{save(client)['id']}"
    renamed = client.patch(path, json={"name": " Tag\tund Nacht "}).json()
    assert (renamed["name"], renamed["starred"]) == ("Tag und Nacht", False)
    assert client.patch(path, json={"starred": True}).json()["starred"] is True
    assert client.get(path).json()["name"] == "Tag und Nacht"
    assert client.patch(path, json={"starred": False}).json()["starred"] is False


def test_export_and_import_reproduce_the_voice(library: HistoryStore, tmp_path: Path) -> None:
    here = client_of(ContinuingSynthesizer(), library)
    card = save(here)
    here.patch(f"/api/voices/{card['id']}", json={"name": "夜话 1"})
    file = here.get(f"/api/voices/{card['id']}/export")
    assert "filename*=UTF-8''%E5%A4%9C%E8%AF%9D-1.voice" in file.headers["content-disposition"]
    other = HistoryStore(tmp_path / "elsewhere")
    there = client_of(ContinuingSynthesizer(), other)
    answer = there.post("/api/voices/import", content=file.content, headers=JSON)
    assert answer.status_code == 201 and answer.json()["id"] != card["id"]
    kept = other.voices.get(answer.json()["id"])
    assert kept.name == "夜话 1" and kept.acoustic_prompt is not None and kept.acoustic_prompt.text == "One."
    other.close()


def test_delete(library: HistoryStore) -> None:
    client = client_of(ZeroCostSynthesizer(), library)
    path = f"/api/voices/{save(client)['id']}"
    assert [client.delete(path).status_code, client.delete(path).status_code, client.get(path).status_code] == [
        204,
        404,
        404,
    ]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[1]", b"PK\x03\x04", b"\x80\x04K\x01.", b"[" * 50_000, b'{"format": "qwen3tts-webui voice"}']
)
def test_an_invalid_voice_file_is_rejected(library: HistoryStore, data: bytes) -> None:
    answer = client_of(ZeroCostSynthesizer(), library).post("/api/voices/import", content=data, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_file")
    assert library.voices.list() == []


def test_a_file_that_is_too_large_is_not_read(library: HistoryStore) -> None:
    client = client_of(ZeroCostSynthesizer(), library)
    answer = client.post("/api/voices/import", content=b" " * (MAX_VOICE_FILE_BYTES + 1), headers=JSON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", ""])
def test_a_form_of_another_website_cannot_import(library: HistoryStore, kind: str) -> None:
    client = client_of(ZeroCostSynthesizer(), library)
    assert client.post("/api/voices/import", content=b"{}", headers={"Content-Type": kind}).status_code == 415


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_presets_cannot_be_changed(library: HistoryStore, method: str) -> None:
    client = client_of(ZeroCostSynthesizer(), library)
    answer = client.request(method, f"/api/voices/{Presets.load().of('en')[0].id}", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_value")


@pytest.mark.parametrize("name", ["", "  ", "\u200b", 5, None])
def test_a_voice_needs_a_name(library: HistoryStore, name: object) -> None:
    client = client_of(ZeroCostSynthesizer(), library)
    save(client)
    answer = client.post("/api/voices", json={"request_id": ID, "name": name})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "name")


def test_an_unfinished_request_has_no_voice(library: HistoryStore) -> None:
    client = client_of(FailingSynthesizer(), library)
    client.post("/api/tts", json={"text": "Hi."}, headers={"X-Request-Id": ID})
    for request_id in (ID, "no-such-request"):
        answer = client.post("/api/voices", json={"request_id": request_id, "name": "Nobody"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("id", ["saved-000000000000", "..%2f..%2fetc%2fpasswd", "saved-..%2f..%2fx", "%00"])
@pytest.mark.parametrize("path", ["", "/export", "/sample"])
def test_invalid_ids_are_404(library: HistoryStore, id: str, path: str) -> None:
    assert client_of(ZeroCostSynthesizer(), library).get(f"/api/voices/{id}{path}").status_code == 404


def test_without_history_nothing_is_saved() -> None:
    client = client_of(ZeroCostSynthesizer(), None)
    client.post("/api/tts", json={"text": "Hi."}, headers={"X-Request-Id": ID})
    assert client.post("/api/voices", json={"request_id": ID, "name": "Night"}).status_code == 404
    assert client.get("/api/voices").json()["saved"] == []


def test_the_report_file_names_the_voice(library: HistoryStore) -> None:
    client = client_of(ZeroCostSynthesizer(), library)
    card = save(client)
    client.post("/api/tts", json={"text": "Hi.", "voice": card["id"]}, headers={"X-Request-Id": "voice-test-2"})
    assert client.get("/api/requests/voice-test-2/audio").status_code == 200
    newest = library.entries(limit=1)[0]
    assert (newest.report["voice"], newest.report["description"]) == (card["id"], "warm")
    assert json.loads(newest.path.with_suffix(".json").read_text("utf-8"))["voice"] == card["id"]
