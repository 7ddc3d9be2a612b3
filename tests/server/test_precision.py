"""Precision over HTTP: the choices, the effect of a change, and engines that cannot change."""

from __future__ import annotations

from concurrent.futures import Future

from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import NotReady
from qwen3tts_webui.hot_swap import HotSwapSynthesizer
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import PrecisionChange, Synthesizer
from qwen3tts_webui.voices import Presets
from tests.support.fakes import PreciseSynthesizer, ZeroCostSynthesizer
from tests.support.server import make_client

ROUTE = "/api/settings/precision"


def client_of(synthesizer: Synthesizer) -> TestClient:
    return make_client(create_app(Speech(synthesizer, Presets.load()), Settings()), base_url="http://127.0.0.1")


def test_a_change_reports_the_memory_before_and_after() -> None:
    client = client_of(PreciseSynthesizer())
    assert client.get(ROUTE).json() == {
        "precision": "float32",
        "choices": ["auto", "float32", "bfloat16"],
        "memory_bytes": 4_000,
    }
    answer = client.patch(ROUTE, json={"precision": "bfloat16"}).json()
    assert answer == {
        "before": "float32",
        "after": "bfloat16",
        "bytes_before": 4_000,
        "bytes_after": 2_000,
        "seconds": 0.0,
    }
    assert client.get("/api/info").json()["dtype"] == "bfloat16"


def test_the_engine_of_a_hot_swap_synthesizer_is_used() -> None:
    switch = HotSwapSynthesizer(PreciseSynthesizer())
    assert client_of(switch).patch(ROUTE, json={"precision": "auto"}).json()["after"] == "bfloat16"
    switch.close()


def test_an_engine_with_one_dtype_has_no_choices_and_is_unsupported() -> None:
    client = client_of(ZeroCostSynthesizer())
    assert client.get(ROUTE).json() == {"precision": "float32", "choices": [], "memory_bytes": None}
    answer = client.patch(ROUTE, json={"precision": "auto"})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "unsupported"


def test_an_unavailable_dtype_is_rejected() -> None:
    answer = client_of(PreciseSynthesizer()).patch(ROUTE, json={"precision": "float8"})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_value"


class Failing(PreciseSynthesizer):
    """A change that comes to nothing."""

    def switch(self, dtype: str) -> Future[PrecisionChange]:
        future: Future[PrecisionChange] = Future()
        future.set_exception(NotReady(reason="the fake is out of order"))
        return future


def test_a_failed_change_is_reported() -> None:
    answer = client_of(Failing()).patch(ROUTE, json={"precision": "bfloat16"})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "not_ready"
