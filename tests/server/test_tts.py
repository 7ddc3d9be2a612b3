"""POST /api/tts over real sockets: the bytes, the headers, and when they are sent."""

import io
import re
import wave

import httpx
import numpy as np
import pytest

from qwen3tts_webui.audio import to_s16le
from qwen3tts_webui.errors import NumericalError
from tests.support.fakes import FailingSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer, audio_of
from tests.support.server import open_request, run_server
from tests.support.wait import wait_until

TWO = to_s16le(np.concatenate([audio_of("One.", 5), audio_of("Two.", 5)]))


def read_until(connection, end: bytes) -> bytes:  # type: ignore[no-untyped-def]
    got = b""
    while end not in got:
        piece = connection.recv(65_536)
        assert piece, f"closed after {got[-200:]!r}"
        got += piece
    return got


def test_streaming_returns_raw_audio_and_describes_it() -> None:
    with run_server(ZeroCostSynthesizer()) as url:
        answer = httpx.post(f"{url}/api/tts", json={"text": "One.\nTwo.", "streaming": True, "seed": 5})
    assert answer.content == TWO
    names = ("content-type", "x-sample-rate", "x-channels", "x-format", "x-engine", "x-seed", "cache-control")
    values = [answer.headers[name] for name in names]
    assert values == ["audio/pcm", "24000", "1", "s16le", "fake", "5", "no-store"]
    assert answer.headers["x-accel-buffering"] == "no"
    assert re.fullmatch(r"[A-Za-z0-9_-]{8,64}", answer.headers["x-request-id"])


def test_without_streaming_there_is_one_wav_of_exact_size() -> None:
    with run_server(ZeroCostSynthesizer()) as url:
        answer = httpx.post(f"{url}/api/tts", json={"text": "One.\nTwo.", "streaming": False})
    assert answer.headers["content-type"] == "audio/wav"
    assert int(answer.headers["content-length"]) == len(TWO) + 44
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (24_000, 1, 2)
        assert sound.readframes(sound.getnframes()) == TWO


def test_each_packet_is_sent_before_the_next_is_generated() -> None:
    synthesizer = SteppedSynthesizer(num_frames=3)
    with run_server(synthesizer) as url, open_request(url, {"text": "Hi.", "streaming": True}) as connection:
        wait_until(lambda: synthesizer.load.running == 1)
        got = b""
        for number in range(1, 3):
            synthesizer.step()
            got += read_until(connection, to_s16le(audio_of("Hi.", number))[-3_840:])
        assert synthesizer.packets_made == 2
        synthesizer.step()
        read_until(connection, b"0\r\n\r\n")


def test_every_chunk_but_the_last_is_whole_blocks_of_16_ms() -> None:
    synthesizer = ZeroCostSynthesizer(num_frames=1)
    body = {"text": "One.\nTwo.", "streaming": True, "speed": 1.3}
    with run_server(synthesizer) as url, open_request(url, body, "Connection: close\r\n") as connection:
        payload = read_until(connection, b"\r\n0\r\n\r\n").partition(b"\r\n\r\n")[2]
    sizes = []
    while payload:
        size, _, rest = payload.partition(b"\r\n")
        sizes.append(int(size, 16))
        payload = rest[sizes[-1] + 2 :]
    assert sizes.pop() == 0
    assert all(size % 768 == 0 for size in sizes[:-1]) and sum(sizes) == 2 * 2 * round(1_920 / 1.3)


def test_streamed_equals_whole() -> None:
    body = {"text": "One. [pause 0.3s] Two.", "speed": 1.25, "seed": 1}
    with run_server(ZeroCostSynthesizer()) as url:
        streamed = httpx.post(f"{url}/api/tts", json={**body, "streaming": True}).content
        whole = httpx.post(f"{url}/api/tts", json={**body, "streaming": False}).content
    assert whole[44:] == streamed


@pytest.mark.parametrize("streaming", [True, False])
def test_a_failure_before_the_first_audio_is_an_error_status(streaming: bool) -> None:
    synthesizer = FailingSynthesizer(error=lambda: NumericalError(where="logits", dtype="float16"))
    with run_server(synthesizer) as url:
        answer = httpx.post(f"{url}/api/tts", json={"text": "Hi.", "streaming": streaming})
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "numerical"
    assert answer.headers["content-type"] == "application/json"


def test_foreign_exceptions_do_not_leak() -> None:
    with run_server(FailingSynthesizer(error=lambda: ValueError("/secret/path"))) as url:
        answer = httpx.post(f"{url}/api/tts", json={"text": "Hi."})
    assert answer.status_code == 500 and "secret" not in answer.text


def test_a_failed_segment_leaves_the_rest_of_the_stream_valid() -> None:
    synthesizer = FailingSynthesizer(fails=lambda utterance: utterance.text == "Two.")
    with run_server(synthesizer) as url:
        answer = httpx.post(f"{url}/api/tts", json={"text": "One.\nTwo.\nThree.", "streaming": True})
    assert answer.content == to_s16le(np.concatenate([audio_of("One.", 5), audio_of("Three.", 5)]))


def test_a_full_queue_is_429_with_retry_after() -> None:
    synthesizer = SteppedSynthesizer(slots=1, queue_size=0)
    with run_server(synthesizer) as url, open_request(url, {"text": "Hi.", "streaming": True}):
        wait_until(lambda: synthesizer.load.running == 1)
        answer = httpx.post(f"{url}/api/tts", json={"text": "Hi."})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")


@pytest.mark.parametrize("streaming", [True, False])
def test_a_deadline_before_the_first_audio_is_504_and_frees_the_engine(streaming: bool) -> None:
    synthesizer = SteppedSynthesizer()
    with run_server(synthesizer) as url:
        body = {"text": "Hi.", "streaming": streaming}
        answer = httpx.post(f"{url}/api/tts", json=body, headers={"X-Deadline-Ms": "50"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
        wait_until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)


def test_security_headers_are_on_every_response() -> None:
    with run_server(ZeroCostSynthesizer()) as url:
        answers = [httpx.post(f"{url}/api/tts", json={"text": text}) for text in ("Hi.", "")]
        answers.append(httpx.get(f"{url}/health"))
    assert [answer.headers["x-content-type-options"] for answer in answers] == ["nosniff"] * 3
