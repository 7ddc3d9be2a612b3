"""RealtimeTTS: its OpenAI engine with its defaults, which sends `"instructions": null` and asks for mp3."""

from __future__ import annotations

import pytest

engines = pytest.importorskip("RealtimeTTS", reason="needs RealtimeTTS, and portaudio19-dev to build PyAudio")
TEXT = "Hello there, this is a test."


@pytest.mark.parametrize("response_format", [None, "pcm"])
def test_its_openai_engine_speaks(url: str, monkeypatch: pytest.MonkeyPatch, response_format: str | None) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
    options = {} if response_format is None else {"response_format": response_format}
    engine = engines.OpenAIEngine(api_key="none", **options)
    assert engine.synthesize(TEXT)
    audio = b"".join(engine.queue.get_nowait() for _ in range(engine.queue.qsize()))
    if response_format == "pcm":
        assert len(audio) > 24_000
    else:
        assert audio[:3] == b"ID3" or (audio[0] == 0xFF and audio[1] & 0xE0 == 0xE0)
        assert len(audio) > 4_000


def test_its_voices_and_instructions_are_understood(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
    engine = engines.OpenAIEngine(model="gpt-4o-mini-tts", api_key="none", instructions="Speak cheerfully.", speed=1.5)
    for voice in engine.get_voices():
        engine.set_voice(voice)
        assert engine.synthesize("Hi.")
