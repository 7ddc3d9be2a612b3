"""Output formats on every transport: slow encoders never run on the event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from qwen3tts_webui.audio import Encoder
from tests.server.test_websocket import talking
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import run_server


def over_http(format: str) -> None:
    with run_server(ZeroCostSynthesizer()) as url:
        body = {"text": "Hello.", "streaming": True, "format": format}
        assert httpx.post(f"{url}/api/tts", json=body).status_code == 200


def over_the_websocket(format: str) -> None:
    with talking(ZeroCostSynthesizer()) as talk:
        talk.speak("Hello.", format=format)


def on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("speak", [over_http, over_the_websocket])
@pytest.mark.parametrize(("format", "expected"), [("pcm", True), ("opus", False)])
def test_compressed_audio_is_encoded_in_a_thread(
    speak: Callable[[str], None], format: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: set[bool] = set()
    encode = Encoder.push

    def watched(encoder: Encoder, pcm: Any) -> bytes:
        places.add(on_a_loop())
        return encode(encoder, pcm)

    monkeypatch.setattr(Encoder, "push", watched)
    speak(format)
    assert places == {expected}
