"""The routes behind the page's text and description boxes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.text import analyze_text
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings())
    with make_client(app, base_url="http://127.0.0.1") as client:
        yield client


def test_a_text_is_analyzed_line_by_line(client: TestClient) -> None:
    text = "[1.2x] One. [pause 0.5s]\n\nTwo."
    answer = client.post("/api/analyze-text", json={"text": text}).json()
    assert answer["language"] == "en"
    assert answer["seconds"] == pytest.approx(analyze_text(text).seconds, abs=0.005)
    assert answer["lines"] == [
        {"num_lines": 1, "speed": 1.2, "pause_s": 0.5, "prefix_length": 7, "suffix_length": 13},
        {"num_lines": 0, "speed": 1.0, "pause_s": 0.0, "prefix_length": 0, "suffix_length": 0},
        {"num_lines": 1, "speed": 1.0, "pause_s": 0.0, "prefix_length": 0, "suffix_length": 0},
    ]


def test_a_given_language_is_used(client: TestClient) -> None:
    seconds = [
        client.post("/api/analyze-text", json={"text": "Guten Morgen allerseits.", "language": language}).json()[
            "seconds"
        ]
        for language in ("de", "fr")
    ]
    assert seconds[0] > seconds[1]


def test_a_description_is_analyzed(client: TestClient) -> None:
    answer = client.post("/api/analyze-description", json={"description": "a calm old man, not high"}).json()
    assert answer["language"] == "en"
    assert (answer["traits"]["gender"], answer["traits"]["age"], answer["traits"]["pitch"]) == ("male", "senior", None)
    assert answer["missing"] == ["pitch", "pace", "texture", "use"]


@pytest.mark.parametrize(
    ("route", "body", "code"),
    [
        ("analyze-text", {"text": "a", "language": "tlh"}, "unknown_language"),
        ("analyze-text", {}, "invalid_value"),
        ("analyze-description", {"description": 1}, "invalid_value"),
    ],
)
def test_mistakes_are_named(client: TestClient, route: str, body: dict[str, object], code: str) -> None:
    answer = client.post(f"/api/{route}", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
