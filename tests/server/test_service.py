"""Liveness, readiness, engine info and GPU."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fastapi.testclient import TestClient

import qwen3tts_webui
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import SteppedSynthesizer, ZeroCostSynthesizer
from tests.support.server import make_client


@dataclass
class Reading:
    util_percent: int = 37
    used_bytes: int = 5
    total_bytes: int = 9


def client_of(synthesizer: ZeroCostSynthesizer, reading: Reading | None = None) -> TestClient:
    return make_client(create_app(Speech(synthesizer, Presets.load()), Settings(), gpu=lambda: reading))


def test_health_is_ok_before_the_engine_is_ready() -> None:
    assert client_of(ZeroCostSynthesizer(ready=False)).get("/health").status_code == 200


def test_ready_is_503_until_the_engine_is_ready() -> None:
    answer = client_of(ZeroCostSynthesizer(ready=False)).get("/ready")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    assert client_of(ZeroCostSynthesizer()).get("/ready").json() == {
        "status": "ready",
        "load_s": None,
        "engine": "fake",
        "preview": True,
    }


def test_info_reports_engine_load_and_limits() -> None:
    synthesizer = SteppedSynthesizer(slots=2, queue_size=3)
    info = client_of(synthesizer).get("/api/info").json()
    assert (info["name"], info["preview"], info["label"]) == ("fake", True, "fake voice for tests")
    assert info["load_state"] == {"state": "loaded", "load_s": None}
    assert info["load"] == {"running": 0, "queued": 0, "slots": 2, "queue_size": 3}
    assert info["limits"] == {"text": 20_000, "description": 2_048, "speed": [0.5, 2.0]}
    assert info["language_names"]["zh"] == "中文" and len(info["language_names"]) == 10
    assert info["speed"] is info["engines"][0]["speed"] is None


def test_gpu_readings_are_null_without_a_gpu() -> None:
    answer = client_of(ZeroCostSynthesizer()).get("/api/gpu")
    assert answer.json() == {"util_percent": None, "used_bytes": None, "total_bytes": None}


def test_gpu_readings_are_the_drivers() -> None:
    answer = client_of(ZeroCostSynthesizer(), Reading()).get("/api/gpu")
    assert answer.json() == {"util_percent": 37, "used_bytes": 5, "total_bytes": 9}


def test_the_server_needs_neither_torch_nor_gradio() -> None:
    code = "import sys, qwen3tts_webui.server; assert not {'torch', 'gradio', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_probes_may_use_head() -> None:
    client = make_client(create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings()))
    waiting = make_client(create_app(Speech(ZeroCostSynthesizer(ready=False), Presets.load()), Settings()))
    assert [client.head(path).status_code for path in ("/health", "/ready")] == [200, 200]
    assert waiting.head("/ready").status_code == 503


def test_every_router_checks_its_query() -> None:
    routes = Path(qwen3tts_webui.__file__).parent / "server" / "routes"
    own = [file.name for file in routes.glob("*.py") if "APIRouter(" in file.read_text()]
    assert own == ["unknown_routes.py"]  # it answers any path
