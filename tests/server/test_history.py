"""The history routes: list, entry, star, delete, and one line replaced in a take."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY
from urllib.parse import unquote

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.audio import from_s16le
from qwen3tts_webui.config import Settings
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer, audio_of
from tests.support.server import make_client

FRAMES = 5


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    library = HistoryStore(tmp_path)
    with make_client(create_app(Speech(ZeroCostSynthesizer(), Presets.load(), library), Settings())) as client:
        yield client
    library.close()


def spoken(client: TestClient, text: str, seed: int = 3) -> dict[str, Any]:
    """Speak `text`; the history entry it has become."""
    answer = client.post("/api/tts", json={"text": text, "seed": seed, "voice_desc": "an old man"})
    return client.get(f"/api/history?request_id={answer.headers['x-request-id']}").json()["entries"][0]


def pcm(client: TestClient, entry: dict[str, Any]) -> Any:
    return from_s16le(client.get(f"/api/history/{entry['id']}/audio?format=pcm").content)


def test_a_request_is_in_the_history_with_its_options(client: TestClient) -> None:
    entry = spoken(client, "Hello there.")
    page = client.get("/api/history").json()
    assert (page["kept"], page["total"], page["used_bytes"]) == (True, 1, 44 + 2 * 1920 * FRAMES)
    shown = page["entries"][0]
    assert {key: shown[key] for key in ("id", "text", "description", "seed", "engine", "num_samples")} == {
        "id": entry["id"],
        "text": "Hello there.",
        "description": "an old man",
        "seed": 3,
        "engine": "fake",
        "num_samples": 1920 * FRAMES,
    }


def test_a_list_shortens_texts_and_one_entry_is_complete(client: TestClient) -> None:
    entry = spoken(client, "word " * 1000)
    assert len(client.get("/api/history").json()["entries"][0]["text"]) == 240
    assert client.get(f"/api/history/{entry['id']}").json()["text"] == "word " * 1000


def test_search_star_and_pages(client: TestClient) -> None:
    entries = [spoken(client, text) for text in ("red apple", "green apple", "green pear")]
    client.patch(f"/api/history/{entries[0]['id']}", json={"starred": True})

    def texts(query: str) -> list[str]:
        return [entry["text"] for entry in client.get(f"/api/history?{query}").json()["entries"]]

    assert sorted(texts("search=apple")) == ["green apple", "red apple"]
    assert texts("starred=true") == ["red apple"]
    assert sorted(texts("limit=2") + texts("limit=2&offset=2")) == ["green apple", "green pear", "red apple"]


def test_delete_one_and_clear_the_rest(client: TestClient) -> None:
    entries = [spoken(client, text) for text in ("one", "two", "three")]
    assert client.delete(f"/api/history/{entries[0]['id']}").status_code == 204
    client.patch(f"/api/history/{entries[1]['id']}", json={"starred": True})
    assert client.delete("/api/history?keep_starred=true").json() == {"deleted": 1, "undo": ANY}
    assert client.delete("/api/history").json() == {"deleted": 1, "undo": ANY}
    assert client.get("/api/history").json()["total"] == 0


def test_a_deletion_of_what_matches_is_undone(client: TestClient) -> None:
    entries = [spoken(client, text) for text in ("red apple", "green apple", "green pear")]
    client.patch(f"/api/history/{entries[1]['id']}", json={"starred": True})
    assert client.get("/api/history?search=apple").json()["num_starred"] == 1
    answer = client.delete("/api/history?search=apple&keep_starred=true&undo_s=8").json()
    assert answer["deleted"] == 1
    assert client.get("/api/history").json()["total"] == 2
    assert client.get(f"/api/history/{entries[0]['id']}").status_code == 404
    assert client.post("/api/history/undelete", json={"undo": answer["undo"]}).json() == {"restored": 1}
    assert client.post("/api/history/undelete", json={"undo": answer["undo"]}).json() == {"restored": 0}
    assert client.get(f"/api/history/{entries[0]['id']}/audio").status_code == 200
    one = client.delete(f"/api/history/{entries[2]['id']}?undo_s=8").json()
    assert client.post("/api/history/undelete", json={"undo": one["undo"]}).json() == {"restored": 1}
    assert client.post("/api/history/undelete", json={"undo": "9" * 19}).json() == {"restored": 0}
    assert client.delete("/api/history?starred=true&keep_starred=true").json()["deleted"] == 0
    assert client.get("/api/history").json()["total"] == 3


def test_the_rest_of_a_take_is_replaced(client: TestClient) -> None:
    take = spoken(client, "First.\n\nSecond.\nThird.")
    rest = spoken(client, "Other second.\nOther third.", seed=9)
    path = f"/api/history/{take['id']}/lines"
    joined = client.put(f"{path}/1", json={"retake": rest["id"], "to_end": True}).json()
    np.testing.assert_array_equal(pcm(client, joined), np.concatenate([audio_of("First.", FRAMES), pcm(client, rest)]))
    assert joined["text"] == "First.\n\nOther second.\nOther third."
    assert [one["segment"]["line"] for one in joined["segments"]] == [0, 1, 2]
    assert [one["start_sample"] for one in joined["segments"]] == [0, 1920 * FRAMES, 2 * 1920 * FRAMES]
    assert client.put(f"{path}/3", json={"retake": rest["id"], "to_end": True}).status_code == 404


def test_a_line_is_replaced_in_the_audio_and_in_the_report(client: TestClient) -> None:
    take = spoken(client, "First.\n\nSecond. [pause 0.5s]\nThird.")
    retake = spoken(client, "[2x] Another second. [pause 0.1s]", seed=9)
    joined = client.put(f"/api/history/{take['id']}/lines/1", json={"retake": retake["id"]}).json()
    expected = np.concatenate([audio_of("First.", FRAMES), pcm(client, retake), audio_of("Third.", FRAMES)])
    np.testing.assert_array_equal(pcm(client, joined), expected)
    assert joined["text"] == "First.\n\n[2x] Another second. [pause 0.1s]\nThird."
    assert joined["num_samples"] == len(expected)
    third = joined["segments"][2]
    assert (third["segment"]["index"], third["segment"]["line"]) == (2, 2)
    assert third["start_sample"] == len(expected) - 1920 * FRAMES
    assert joined["retaken"] == [{"line": 1, "seed": 9}]
    assert [segment["continue_from"] for segment in joined["segments"]] == [
        {"request_id": take["request_id"], "segment": 0},
        {"request_id": retake["request_id"], "segment": 0},
        {"request_id": take["request_id"], "segment": 2},
    ]
    twice = client.put(f"/api/history/{joined['id']}/lines/0", json={"retake": retake["id"]}).json()
    assert [segment["continue_from"] for segment in twice["segments"][1:]] == [
        segment["continue_from"] for segment in joined["segments"][1:]
    ]


def test_an_earlier_take_of_a_line_comes_back_between_later_ones(client: TestClient) -> None:
    take = spoken(client, "First.\n\n  Second. [pause 0.5s]\nThird.")
    joined = take
    for line in (1, 2):
        retake = spoken(client, f"Other {line}.", seed=9)
        joined = client.put(f"/api/history/{joined['id']}/lines/{line}", json={"retake": retake["id"]}).json()
    back = {"retake": take["id"], "retake_line": 1}
    mixed = client.put(f"/api/history/{joined['id']}/lines/1", json=back).json()
    second = pcm(client, take)[1920 * FRAMES : -1920 * FRAMES]
    expected = np.concatenate([audio_of("First.", FRAMES), second, audio_of("Other 2.", FRAMES)])
    np.testing.assert_array_equal(pcm(client, mixed), expected)
    assert mixed["text"] == "First.\n\nSecond. [pause 0.5s]\nOther 2."
    assert [segment["continue_from"] for segment in mixed["segments"]] == [
        {"request_id": take["request_id"], "segment": 0},
        {"request_id": take["request_id"], "segment": 1},
        {"request_id": retake["request_id"], "segment": 0},
    ]
    missing = {"retake": take["id"], "retake_line": 3}
    assert client.put(f"/api/history/{joined['id']}/lines/1", json=missing).status_code == 404


def test_the_last_line_can_be_replaced_too(client: TestClient) -> None:
    take, retake = spoken(client, "First.\nSecond."), spoken(client, "Other.", seed=9)
    joined = client.put(f"/api/history/{take['id']}/lines/1", json={"retake": retake["id"]}).json()
    expected = np.concatenate([audio_of("First.", FRAMES), audio_of("Other.", FRAMES)])
    np.testing.assert_array_equal(pcm(client, joined), expected)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/history/20260101-000000-abcdef", None, 404),
        ("GET", "/api/history/..%2f..%2fetc", None, 404),
        ("DELETE", "/api/history/nothing", None, 404),
        ("PATCH", "/api/history/nothing", {"starred": True}, 404),
        ("PATCH", "/api/history/nothing", {"starred": 1}, 422),
        ("PUT", "/api/history/nothing/lines/-1", {"retake": "x"}, 422),
        ("PUT", "/api/history/nothing/lines/0", {"retake": "x"}, 404),
        ("GET", "/api/history?request_id=unknown-request", None, 404),
    ],
)
def test_unknown_ids_and_invalid_bodies_are_rejected(
    client: TestClient, method: str, path: str, body: Any, status: int
) -> None:
    assert client.request(method, path, json=body).status_code == status


def test_a_missing_line_is_rejected(client: TestClient) -> None:
    take = spoken(client, "First.")
    answer = client.put(f"/api/history/{take['id']}/lines/1", json={"retake": take["id"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_without_a_store_the_history_is_empty_and_says_so() -> None:
    client = make_client(create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings()))
    assert client.get("/api/history").json()["kept"] is False
    assert client.delete("/api/history").status_code == 404


def test_files_are_named_and_tagged(client: TestClient) -> None:
    preset = Presets.load().of("en")[0]
    body = {"text": "Good evening, and welcome back to the show.", "voice": preset.id}
    answer = client.post("/api/tts", json=body)
    entry = client.get(f"/api/history?request_id={answer.headers['x-request-id']}").json()["entries"][0]
    for format in ("wav", "mp3", "flac", "opus"):
        file = client.get(f"/api/history/{entry['id']}/audio?format={format}")
        name = file.headers["content-disposition"].split('"')[1]
        assert re.fullmatch(rf"good-evening-and-welcome_{preset.id[3:]}_\d{{8}}-\d{{4}}\.{format}", name), name
        if format == "wav":
            continue
        with av.open(io.BytesIO(file.content)) as container:
            tags = {
                key.lower(): value for key, value in {**container.metadata, **container.streams[0].metadata}.items()
            }
        assert tags["title"] == body["text"]
        assert tags["artist"] == preset.name["en"]
        assert tags["comment"] == entry["label"]
    accents = spoken(client, "Cafe\u0301 / ❤️ a\\b: नमस्ते?")  # accents and vowel signs stay, symbols do not
    header = client.get(f"/api/history/{accents['id']}/audio").headers["content-disposition"]
    assert unquote(header.partition("UTF-8''")[2]).startswith("café-a-b-नमस्ते_")
    chinese = spoken(client, "晚上好。")
    header = client.get(f"/api/history/{chinese['id']}/audio").headers["content-disposition"]
    assert "filename*=UTF-8''%E6%99%9A%E4%B8%8A%E5%A5%BD_an-old-man_" in header
    assert f'filename="{chinese["id"]}.wav"' in header
