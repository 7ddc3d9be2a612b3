"""`/ws/tts`: flush, formats, base64 audio, names of other APIs, and keys in a subprotocol."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.typing import Subprotocol

from qwen3tts_webui.audio import encode_all, to_s16le
from qwen3tts_webui.server.auth import ApiKeyStore
from qwen3tts_webui.voices import OPENAI_VOICES
from tests.support.cloning import CloningFake
from tests.support.fakes import ZeroCostSynthesizer, audio_of
from tests.support.server import connect, run_server
from tests.support.sounds import syllables

NUM_FRAMES = 3
SOUND = to_s16le(audio_of("Hello.", NUM_FRAMES))


@pytest.fixture(scope="module")
def synthesizer() -> ZeroCostSynthesizer:
    return ZeroCostSynthesizer(num_frames=NUM_FRAMES)


@pytest.fixture(scope="module")
def socket_url(synthesizer: ZeroCostSynthesizer) -> Iterator[str]:
    with run_server(synthesizer) as url:
        yield url.replace("http", "ws") + "/ws/tts"


@pytest.fixture
def socket(socket_url: str) -> Iterator[ClientConnection]:
    with connect(socket_url) as connection:
        yield connection


def test_a_recording_is_the_voice_of_its_utterance(socket_url: str, socket: ClientConnection) -> None:
    engine = CloningFake(num_frames=NUM_FRAMES)
    clip = base64.b64encode(encode_all(syllables(4.0), "wav")).decode()
    assert len(clip) > 128 * 1024  # more than any other message may have
    with run_server(engine) as url, connect(url.replace("http", "ws") + "/ws/tts", max_size=None) as cloning:
        say(cloning, "open", id="a", ref_audio=clip, ref_text="What I said.")
        say(cloning, "text", id="a", text="Hello. ")
        say(cloning, "close", id="a")
        events, _ = until(cloning, "done")
        assert events[0]["type"] == "opened" and events[0]["recording_warnings"] == []
        (said,) = engine.utterances
        assert said.voice.reference is not None and said.voice.reference.text == "What I said."
        say(cloning, "text", id="b", text="x" * 70_000)
        assert until(cloning, "error")[0][-1]["code"] == "body_too_large"
        say(cloning, "open", id="c", ref_text="Without a recording.")
        assert until(cloning, "error")[0][-1]["field"] == "ref_text"
    say(socket, "open", id="a", ref_audio=clip, ref_text="What I said.")
    assert until(socket, "error")[0][-1]["code"] == "unsupported"


def say(socket: ClientConnection, kind: str, **fields: Any) -> None:
    socket.send(json.dumps({"type": kind, **fields}))


def until(socket: ClientConnection, kind: str) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Events up to the first of `kind`, and binary messages."""
    events: list[dict[str, Any]] = []
    frames: list[bytes] = []
    while not events or events[-1]["type"] != kind:
        message = socket.recv(timeout=60)
        if isinstance(message, str):
            events.append(json.loads(message))
        else:
            frames.append(message)
    return events, frames


def speak(socket: ClientConnection, **fields: Any) -> tuple[list[dict[str, Any]], list[bytes]]:
    say(socket, "open", **fields)
    say(socket, "text", text="Hello.")
    say(socket, "close")
    return until(socket, "done")


def test_a_flush_is_answered_after_its_audio(socket: ClientConnection) -> None:
    say(socket, "open", packet_ms=1_000)
    for count in (1, 2):
        say(socket, "text", text=" Hello there")
        say(socket, "flush")
        events, frames = until(socket, "flushed")
        assert events[-1] == {"type": "flushed", "id": "0", "sample": count * NUM_FRAMES * 1_920}
        assert b"".join(frame[12:] for frame in frames) == to_s16le(audio_of("Hello there", NUM_FRAMES))
    say(socket, "close")
    assert until(socket, "done")[0][-1]["num_samples"] == 2 * NUM_FRAMES * 1_920


def test_a_flush_of_nothing_is_answered_at_once(socket: ClientConnection) -> None:
    say(socket, "open")
    say(socket, "flush")
    assert until(socket, "flushed")[0][-1]["sample"] == 0


@pytest.mark.parametrize(("format", "code", "rate"), [("mp3", 3, 24_000), ("mulaw", 4, 8_000), ("alaw", 5, 8_000)])
def test_formats(socket: ClientConnection, format: str, code: int, rate: int) -> None:
    events, frames = speak(socket, format=format)
    assert (events[0]["format"], events[0]["sample_rate"]) == (format, rate)
    assert {struct.unpack(">BBHII", frame[:12])[1] for frame in frames} == {code}
    audio = b"".join(frame[12:] for frame in frames)
    assert audio[:2] in (b"\xff\xf3", b"\xff\xe3") if format == "mp3" else len(audio) == NUM_FRAMES * 640


def test_audio_as_base64(socket: ClientConnection) -> None:
    events, frames = speak(socket, audio="base64")
    audio = [event for event in events if event["type"] == "audio"]
    assert b"".join(base64.b64decode(event["audio"]) for event in audio) == SOUND
    assert [event["sequence"] for event in audio] == list(range(events[-1]["num_frames"]))
    assert frames == [] and events[0]["audio"] == "base64"


@pytest.mark.parametrize(
    ("fields", "description"),
    [
        ({"voice": "Onyx"}, OPENAI_VOICES["onyx"]),
        ({"voice": "onyx", "instructions": "A calm old man."}, "A calm old man."),
        ({"instructions": "A calm old man."}, "A calm old man."),
    ],
)
def test_names_of_openai(
    socket: ClientConnection, synthesizer: ZeroCostSynthesizer, fields: dict[str, str], description: str
) -> None:
    speak(socket, **fields)
    assert synthesizer.utterances[-1].voice.description == description


def test_keys_and_tokens_as_a_subprotocol(tmp_path: Path) -> None:
    store = ApiKeyStore(tmp_path / "keys.json")
    key, secret = store.create()

    def opened(url: str, *names: str) -> str | None:
        with connect(url.replace("http", "ws") + "/ws/tts", subprotocols=[Subprotocol(name) for name in names]) as it:
            speak(it)
            return it.subprotocol

    with run_server(ZeroCostSynthesizer(), api_keys_file=tmp_path / "keys.json") as url:
        assert opened(url, "qwen3tts", f"key.{secret}") == "qwen3tts"
        assert httpx.post(f"{url}/api/token").status_code == 401
        answer = httpx.post(f"{url}/api/token", headers={"Authorization": f"Bearer {secret}"}).json()
        token = answer["token"]
        assert answer["expires_in_s"] == 300
        assert opened(url, "qwen3tts", f"key.{token}") == "qwen3tts"
        assert httpx.get(f"{url}/api/info", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert httpx.get(f"{url}/api/info", cookies={"qwen3tts_session": token}).status_code == 401
        renewed = httpx.post(f"{url}/api/token", headers={"Authorization": f"Bearer {token}"})
        assert (renewed.status_code, renewed.json()["error"]["code"]) == (401, "unauthorized")
        in_query = httpx.get(f"{url}/docs?key={token}", headers={"Accept": "text/html"})
        assert in_query.headers["location"] == "/login" and "set-cookie" not in in_query.headers
        for wrong in ("key.nothing", f"key.{token}x", "other"):
            with pytest.raises(InvalidStatus, match="401"):
                opened(url, "qwen3tts", wrong)
        store.revoke(key.id)
        with pytest.raises(InvalidStatus, match="401"):
            opened(url, "qwen3tts", f"key.{token}")


def test_no_token_is_needed_without_keys(socket_url: str) -> None:
    url = socket_url.replace("ws://", "http://").removesuffix("/ws/tts")
    assert httpx.post(f"{url}/api/token").json() == {"token": None, "expires_in_s": None}
