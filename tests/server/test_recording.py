"""Recording: the same samples as were streamed, with a report next to them, and no partial files."""

import io
import json
import re
import wave
from pathlib import Path
from typing import Any

import httpx
import pytest

from qwen3tts_webui.audio import to_s16le
from tests.support.fakes import FailingSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer, audio_of
from tests.support.server import open_request, run_server
from tests.support.wait import wait_until

ID = "kept-request-1"
HEADERS = {"X-Request-Id": ID}
BODY = {"text": "Hi.", "voice_desc": "warm", "language": "en", "seed": 3, "streaming": True}


def kept(outputs: Path) -> tuple[Path, dict[str, Any]]:
    """The only audio file below `outputs`, and the report next to it."""
    sounds, accounts = list(outputs.rglob("*.wav")), list(outputs.rglob("*.json"))
    assert len(sounds) == len(accounts) == 1 and accounts[0].stem == sounds[0].stem
    return sounds[0], json.loads(accounts[0].read_text(encoding="utf-8"))


def samples_of(data: bytes) -> bytes:
    with wave.open(io.BytesIO(data)) as sound:
        return sound.readframes(sound.getnframes())


@pytest.mark.parametrize("streaming", [True, False])
def test_the_stored_audio_equals_the_streamed_audio(tmp_path: Path, streaming: bool) -> None:
    with run_server(ZeroCostSynthesizer(), outputs=tmp_path) as url:
        httpx.post(f"{url}/api/tts", json={**BODY, "streaming": streaming}, headers=HEADERS)
        assert httpx.get(f"{url}/api/requests/{ID}/audio").status_code == 200
        sound, account = kept(tmp_path)
        assert samples_of(sound.read_bytes()) == to_s16le(audio_of("Hi.", 5))
    assert (account["text"], account["description"], account["language"], account["seed"]) == ("Hi.", "warm", "en", 3)
    assert (account["engine"], account["preview"], account["finish_reason"]) == ("fake", True, "stop")
    assert account["timings"]["total_ms"] > 0


def test_the_file_waits_for_the_end_and_comes_in_any_format(tmp_path: Path) -> None:
    with run_server(ZeroCostSynthesizer(), outputs=tmp_path) as url:
        httpx.post(f"{url}/api/tts", json=BODY, headers=HEADERS)
        answers = {
            form: httpx.get(f"{url}/api/requests/{ID}/audio", params={"format": form})
            for form in ("wav", "pcm", "flac", "mp3", "opus")
        }
    assert samples_of(answers["wav"].content) == answers["pcm"].content == to_s16le(audio_of("Hi.", 5))
    begins = {form: answer.content[:4] for form, answer in answers.items() if form in ("flac", "opus")}
    assert begins == {"flac": b"fLaC", "opus": b"OggS"}
    assert answers["mp3"].headers["content-type"] == "audio/mpeg" and len(answers["mp3"].content) > 100
    disposition = answers["flac"].headers["content-disposition"]
    assert re.match(r'attachment; filename="hi_warm_\d{8}-\d{4}\.flac"; filename', disposition), disposition


def test_an_unknown_format_is_named(tmp_path: Path) -> None:
    with run_server(ZeroCostSynthesizer(), outputs=tmp_path) as url:
        httpx.post(f"{url}/api/tts", json=BODY, headers=HEADERS)
        answer = httpx.get(f"{url}/api/requests/{ID}/audio", params={"format": "exe"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "format")


def test_audio_from_before_a_cancel_is_kept_and_marked(tmp_path: Path) -> None:
    synthesizer = SteppedSynthesizer(num_frames=1_000)
    with run_server(synthesizer, outputs=tmp_path) as url:
        with open_request(url, BODY, f"X-Request-Id: {ID}\r\n") as connection:
            wait_until(lambda: synthesizer.load.running == 1)
            synthesizer.step()
            assert connection.recv(100)
        assert httpx.get(f"{url}/api/requests/{ID}/audio").status_code == 200
    sound, account = kept(tmp_path)
    assert samples_of(sound.read_bytes()) == to_s16le(audio_of("Hi.", 1))
    assert account["finish_reason"] == "cancelled"


def test_a_request_without_audio_leaves_nothing(tmp_path: Path) -> None:
    with run_server(FailingSynthesizer(), outputs=tmp_path) as url:
        assert httpx.post(f"{url}/api/tts", json=BODY, headers=HEADERS).status_code == 500
        assert httpx.get(f"{url}/api/requests/{ID}/audio").json()["error"]["code"] == "not_found"
    assert [path for path in tmp_path.rglob("*") if path.suffix in (".wav", ".json")] == []


def test_no_finished_file_is_visible_during_synthesis(tmp_path: Path) -> None:
    synthesizer = SteppedSynthesizer(num_frames=1_000)
    with (
        run_server(synthesizer, outputs=tmp_path) as url,
        open_request(url, BODY, f"X-Request-Id: {ID}\r\n") as connection,
    ):
        wait_until(lambda: synthesizer.load.running == 1)
        synthesizer.step()
        assert connection.recv(100)
        assert list(tmp_path.rglob("*.wav")) == []


def test_without_history_there_is_no_file() -> None:
    with run_server(ZeroCostSynthesizer()) as url:
        httpx.post(f"{url}/api/tts", json=BODY, headers=HEADERS)
        assert httpx.get(f"{url}/api/requests/{ID}/audio").status_code == 404
