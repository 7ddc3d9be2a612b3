"""CORS: browsers on allowed origins may send any header; others get no permission."""

from __future__ import annotations

import pytest

from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ZeroCostSynthesizer
from tests.support.server import make_client

ORIGIN = "https://app.example"


@pytest.mark.parametrize(("origin", "allowed"), [(ORIGIN, ORIGIN), ("https://evil.example", None)])
def test_a_preflight_may_ask_for_any_header(origin: str, allowed: str | None) -> None:
    app = create_app(Speech(ZeroCostSynthesizer(), Presets.load()), Settings(cors_origins=(ORIGIN,)))
    wanted = "authorization,content-type,x-stainless-lang,x-stainless-retry-count"
    answer = make_client(app).options(
        "/v1/audio/speech",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": wanted,
        },
    )
    assert answer.headers.get("access-control-allow-origin") == allowed
    if allowed:
        assert (answer.status_code, answer.headers["access-control-allow-headers"]) == (200, wanted)
