"""The similarity of each segment to its voice: in the report and the history, and never while the processor is busy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.history import HistoryStore
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.server.test_cloning import BASE64
from tests.support.cloning import HearingFake
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client
from tests.support.wait import wait_until

ID = "measured-request"


@pytest.fixture
def engine() -> HearingFake:
    return HearingFake()


@pytest.fixture
def client(engine: ZeroCostSynthesizer, tmp_path: Path) -> Iterator[TestClient]:
    with closing(HistoryStore(tmp_path)) as history:
        app = create_app(Speech(engine, Presets.load(), history), Settings())
        with make_client(app) as client:
            yield client


def speak(client: TestClient, text: str, **fields: Any) -> list[tuple[float | None, bool]]:
    answer = client.post("/api/tts", json={"text": text} | fields, headers={"X-Request-Id": ID})
    assert answer.status_code == 200, answer.text
    report = client.get(f"/api/requests/{ID}", params={"measured": "true"}).json()
    return [(one["similarity"], one["drifted"]) for one in report["segments"]]


def test_a_segment_unlike_the_recording_is_marked_in_report_and_history(client: TestClient, tmp_path: Path) -> None:
    expected = [(1.0, False), (0.0, True), (1.0, False)]
    assert speak(client, "One.\nOff.\nTwo.", ref_audio=BASE64, ref_text="Hi.") == expected
    (entry,) = client.get("/api/history").json()["entries"]
    stored = client.get(f"/api/history/{entry['id']}").json()["segments"]
    assert [(one["similarity"], one["drifted"]) for one in stored] == expected
    assert '"drifted": true' in (tmp_path / f"{entry['id']}.json").read_text()


def test_a_designed_voice_is_that_of_its_first_segment(client: TestClient) -> None:
    assert speak(client, "One.\nOff.\nTwo.") == [(None, False), (0.0, True), (1.0, False)]


def test_a_single_segment_of_a_new_voice_is_compared_with_nothing(client: TestClient, engine: HearingFake) -> None:
    assert speak(client, "One.") == [(None, False)]
    assert engine.ears.num_heard == 0


def test_nothing_is_measured_while_the_processor_is_busy(client: TestClient, engine: HearingFake) -> None:
    engine.busy = True
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(speak(client, "One.\nTwo.")))
    thread.start()
    wait_until(lambda: bool(client.get("/api/history").json()["entries"]))  # the audio is complete
    assert engine.ears.num_heard == 0 and not found
    engine.busy = False
    thread.join(30)
    assert found == [[(None, False), (1.0, False)]]


def test_without_a_model_that_clones_nothing_is_measured() -> None:
    with make_client(create_app(Speech(ZeroCostSynthesizer(num_frames=10), Presets.load()), Settings())) as client:
        assert speak(client, "One.\nOff.") == [(None, False), (None, False)]
