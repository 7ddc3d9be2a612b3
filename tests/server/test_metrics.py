"""`/metrics`: events are counted, in the registry of this server."""

from __future__ import annotations

import re

import httpx
import pytest

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server import create_app
from qwen3tts_webui.server.observability import Metrics
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.streams import PcmStream, TextQueue
from qwen3tts_webui.types import Utterance
from qwen3tts_webui.voices import Presets
from tests.server.test_service import Reading
from tests.support.fakes import FailingSynthesizer, SteppedSynthesizer, TextStreamingSynthesizer, ZeroCostSynthesizer
from tests.support.server import make_client, open_request, run_server
from tests.support.wait import wait_until


def value(text: str, line: str) -> float | None:
    """The figure behind `line`, a name with its labels."""
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return None if found is None else float(found[1])


def test_a_request_is_counted_with_its_route_and_audio() -> None:
    app = create_app(Speech(ZeroCostSynthesizer(num_frames=5), Presets.load()), Settings())
    client = make_client(app)
    client.post("/api/tts", json={"text": "Hello."})
    client.get("/api/requests/not-known-1")
    client.get("/secret-path-of-a-user")
    text = client.get("/metrics").text
    assert value(text, 'qwen3tts_http_requests_total{method="POST",route="/api/tts",status="200"}') == 1
    assert (
        value(text, 'qwen3tts_http_requests_total{method="GET",route="/api/requests/{request_id}",status="404"}') == 1
    )
    assert value(text, 'qwen3tts_http_requests_total{method="GET",route="other",status="404"}') == 1
    assert "secret" not in text and "not-known" not in text
    assert value(text, 'qwen3tts_first_audio_seconds_count{model="fake"}') == 1
    assert value(text, 'qwen3tts_inter_packet_seconds_count{model="fake"}') == 4
    assert value(text, 'qwen3tts_audio_seconds_total{model="fake"}') == 0.4
    assert value(text, 'qwen3tts_utterances_total{finish_reason="stop",model="fake"}') == 1
    assert value(text, "qwen3tts_slots") == 4
    labels = 'device="cpu",dtype="float32",engine="fake",model="fake",preview="true"'
    assert value(text, f"qwen3tts_engine_info{{{labels}}}") == 1


def test_each_server_has_its_own_metrics() -> None:
    for _ in range(2):
        client = make_client(create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings()))
        client.post("/api/tts", json={"text": "Hello."})
        assert value(client.get("/metrics").text, 'qwen3tts_utterances_total{finish_reason="stop",model="fake"}') == 1


def test_errors_are_counted_by_code() -> None:
    client = make_client(create_app(Speech(FailingSynthesizer(), Presets.load()), Settings()))
    client.post("/api/tts", json={"text": "Hello."})
    text = client.get("/metrics").text
    assert value(text, 'qwen3tts_errors_total{code="synthesis_failed",model="fake"}') == 1
    busy = make_client(create_app(Speech(SteppedSynthesizer(slots=0, queue_size=0), Presets.load()), Settings()))
    busy.post("/api/tts", json={"text": "Hello."})
    assert value(busy.get("/metrics").text, 'qwen3tts_errors_total{code="busy",model="fake"}') == 1


def test_a_cancel_is_counted_and_slots_and_queue_are_shown() -> None:
    synthesizer = SteppedSynthesizer(num_frames=1_000, slots=1)
    with run_server(synthesizer) as url:
        with (
            open_request(url, {"text": "One.", "streaming": True}),
            open_request(url, {"text": "Two.", "streaming": True}),
        ):
            wait_until(lambda: synthesizer.load.queued == 1)
            text = httpx.get(f"{url}/metrics").text
            assert (value(text, "qwen3tts_slots_active"), value(text, "qwen3tts_queue_depth")) == (1, 1)
            assert value(text, "qwen3tts_http_in_flight") == 3
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running + synthesizer.load.queued == 0)
        assert value(httpx.get(f"{url}/metrics").text, 'qwen3tts_cancels_total{model="fake"}') == 2


def test_memory_is_the_devices_and_absent_without_one() -> None:
    speech = Speech(ZeroCostSynthesizer(), Presets.load())
    text = make_client(create_app(speech, Settings(), gpu=lambda: Reading())).get("/metrics").text
    assert value(text, "qwen3tts_device_memory_used_bytes") == 5
    assert "device_memory" not in make_client(create_app(speech, Settings())).get("/metrics").text


def metrics_of(synthesizer: ZeroCostSynthesizer) -> Metrics:
    return Metrics(lambda: (synthesizer.info,), lambda: synthesizer.load, lambda: None)


def test_a_late_packet_is_an_underrun(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    synthesizer = SteppedSynthesizer(num_frames=4)
    metrics = metrics_of(synthesizer)
    now = [100.0]
    monkeypatch.setattr("qwen3tts_webui.server.observability.metrics.time.monotonic", lambda: now[0])
    metrics.instrument(synthesizer).submit([(Utterance(text="Hi."), PcmStream())])
    for wait_s in (0.5, 0.079, 0.2, 0.01):  # a packet holds 80 ms: only the third comes too late
        now[0] += wait_s
        synthesizer.step()
    text = metrics.text().decode()
    assert value(text, 'qwen3tts_underruns_total{model="fake"}') == 1
    assert value(text, 'qwen3tts_first_audio_seconds_sum{model="fake"}') == 0.5


def test_time_spent_waiting_for_text_is_not_measured(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    synthesizer = TextStreamingSynthesizer()
    metrics = metrics_of(synthesizer)
    now = [100.0]
    monkeypatch.setattr("qwen3tts_webui.server.observability.metrics.time.monotonic", lambda: now[0])
    feed = TextQueue()
    metrics.instrument(synthesizer).submit([(Utterance(text="One", text_stream=feed), PcmStream())])

    def step(after_s: float) -> None:
        now[0] += after_s
        synthesizer.step()

    step(0.5)
    feed.write(" two three")
    step(0.05)  # since its text came
    step(0.25)  # a player had 80 ms: this is late
    now[0] += 7  # nothing is written
    synthesizer.step()
    feed.write(" four")
    step(0.03)
    feed.close()
    step(0.0)
    assert synthesizer.spoken == ["One", "two", "three", "four"]
    text = metrics.text().decode()
    assert value(text, 'qwen3tts_inter_packet_seconds_count{model="fake"}') == 3
    assert value(text, 'qwen3tts_inter_packet_seconds_sum{model="fake"}') == pytest.approx(0.33)
    assert value(text, 'qwen3tts_underruns_total{model="fake"}') == 1


def test_a_rejection_reaches_the_caller() -> None:
    synthesizer = SteppedSynthesizer(slots=0, queue_size=0)
    try:
        metrics_of(synthesizer).instrument(synthesizer).submit([(Utterance(text="Hi."), PcmStream())])
    except SpeechError as error:
        assert error.code == "busy"
    else:
        raise AssertionError("it was taken")
