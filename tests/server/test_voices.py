"""The presets over HTTP."""

import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client


@pytest.fixture
def client() -> TestClient:
    return make_client(create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings()))


def test_all_presets_are_listed_in_their_order(client: TestClient) -> None:
    listed = client.get("/api/voices").json()["presets"]
    assert [preset["id"] for preset in listed] == [preset.id for preset in Presets.load().of("auto")]


@pytest.mark.parametrize("name", ["zh", "Chinese", "中文"])
def test_a_language_has_its_own(client: TestClient, name: str) -> None:
    listed = client.get("/api/voices", params={"language": name}).json()["presets"]
    assert {preset["language"] for preset in listed} == {"zh"}


def test_an_unknown_language_is_named(client: TestClient) -> None:
    answer = client.get("/api/voices", params={"language": "Klingon"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unknown_language")


def test_a_listed_voice_works(client: TestClient) -> None:
    first = client.get("/api/voices").json()["presets"][0]
    description = client.get(f"/api/voices/{first['id']}").json()["description"]
    assert client.post("/api/tts", json={"text": "Hi.", "voice_desc": description}).status_code == 200


def test_an_unknown_voice_is_404(client: TestClient) -> None:
    answer = client.get("/api/voices/nobody")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_voice")


def test_the_sample_of_a_preset_is_made_once() -> None:
    synthesizer = ZeroCostSynthesizer()
    client = make_client(create_app(Speech(synthesizer, Presets.load()), Settings()))
    preset = Presets.load().of("en")[1]
    first, second = (client.get(f"/api/voices/{preset.id}/sample") for _ in range(2))
    assert first.headers["content-type"] == "audio/ogg"
    assert first.content == second.content
    assert first.content[:4] == b"OggS"
    (asked,) = synthesizer.utterances
    assert asked.voice.description == preset.description
    assert preset.sample.startswith(asked.text)
    assert client.get("/api/voices/en-nobody/sample").json()["error"]["code"] == "unknown_voice"
