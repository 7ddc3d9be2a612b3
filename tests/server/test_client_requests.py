"""Requests to /v1 as popular clients send them: their fields and headers, with our own words to speak."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client

TEXT = "The kettle is on, so sit down for a minute."
REQUESTS: dict[str, dict[str, Any]] = {
    "RealtimeTTS, defaults": {"model": "tts-1", "voice": "nova", "response_format": "mp3", "instructions": None},
    "Open WebUI": {"model": "tts-1", "voice": "alloy"},
    "Open WebUI, with parameters": {"model": "kokoro", "voice": "af_bella", "speed": 1.25, "user": "x"},
    "Kokoro-FastAPI, two voices": {"model": "kokoro", "voice": "af_sky+af_bella", "response_format": "mp3"},
    "Kokoro-FastAPI, weighted voices": {"model": "kokoro", "voice": "af_bella(2)+af_sky(1)", "speed": 1.0},
    "Kokoro-FastAPI, raw samples": {"voice": "af_bella", "response_format": "pcm", "stream": True, "lang_code": "b"},
    "Kokoro-FastAPI, aliases": {
        "model": "kokoro",
        "voice": "narrator",
        "allow_voice_tags": True,
        "voice_aliases": {"narrator": "af_bella(2)+af_sky"},
        "normalization_options": {"normalize": False},
        "return_download_link": False,
    },
    "vLLM-Omni, a speaker": {
        "model": "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
        "voice": "Vivian",
        "response_format": "wav",
        "task_type": "CustomVoice",
        "language": "Auto",
        "max_new_tokens": 2_048,
    },
    "vLLM-Omni, a description": {
        "model": "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
        "voice": "Vivian",
        "response_format": "aac",
        "task_type": "VoiceDesign",
        "instructions": "A woman of about 60, low and unhurried.",
        "language": "English",
    },
    "litellm": {"model": "tts-1", "voice": "alloy", "extra_headers": None, "timeout": None},
    "SillyTavern": {"model": "tts-1", "voice": "shimmer", "response_format": "mp3", "speed": 1, "instructions": ""},
}
START = {"mp3": b"\xff", "wav": b"RIFF", "aac": b"\xff\xf1", "pcm": b""}


@pytest.fixture(scope="module")
def client() -> TestClient:
    return make_client(create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings()))


@pytest.mark.parametrize("name", REQUESTS)
def test_the_request_is_spoken(client: TestClient, name: str) -> None:
    fields = REQUESTS[name]
    headers = {"Authorization": "Bearer not-needed", "X-OpenWebUI-User-Name": "x", "X-Stainless-Lang": "python"}
    answer = client.post("/v1/audio/speech", json={"input": TEXT, **fields}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(START[fields.get("response_format") or "mp3"])
    assert answer.headers["x-model"] == "fake"


def test_open_webui_fills_its_menus(client: TestClient) -> None:
    voices = {voice["id"]: voice["name"] for voice in client.get("/v1/audio/voices").json()["voices"]}
    assert voices["alloy"] == "alloy"
    models = client.get("/v1/audio/models").json()["models"]
    assert {"id": "tts-1", "name": "tts-1"} in models
