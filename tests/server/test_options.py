"""Every option of POST /api/tts, seen in what the engine receives or in the audio."""

import io
import wave
from dataclasses import replace
from functools import cache
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soxr
from fastapi.testclient import TestClient

from qwen3tts_webui.audio import LoudnessNormalizer, from_s16le, to_s16le
from qwen3tts_webui.config import Settings
from qwen3tts_webui.server import create_app
from qwen3tts_webui.speech import Speech
from qwen3tts_webui.types import Sampling, Utterance
from qwen3tts_webui.voices import Presets
from tests.support.fakes import ContinuingSynthesizer, SteppedSynthesizer, ZeroCostSynthesizer, audio_of, frame_of
from tests.support.server import make_client, open_request, run_server
from tests.support.wait import wait_until

MIMES = {
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "opus": "audio/ogg",
}
FORMATS = list(MIMES)


def client_of(synthesizer: ZeroCostSynthesizer) -> TestClient:
    return make_client(create_app(Speech(synthesizer, Presets.load()), Settings()))


ENGINE, LONGER = ZeroCostSynthesizer(), ZeroCostSynthesizer(num_frames=25)
shared_client = cache(client_of)  # of these two: building an app takes longer than most requests


def spoken(body: dict[str, Any], synthesizer: ZeroCostSynthesizer = ENGINE) -> httpx.Response:
    client = (shared_client if synthesizer in (ENGINE, LONGER) else client_of)(synthesizer)
    answer = client.post("/api/tts", json={"text": "Hi.", **body})
    assert answer.status_code == 200, answer.text
    return answer


def asked(body: dict[str, Any], **fake: Any) -> list[Utterance]:
    """What the engine heard of a request."""
    synthesizer = ZeroCostSynthesizer(**fake) if fake else ENGINE
    synthesizer.utterances.clear()
    spoken(body, synthesizer)
    return list(synthesizer.utterances)


def decoded(data: bytes, rate: int) -> np.ndarray[Any, Any]:
    """Any audio file as mono float32 at `rate`."""
    to_mono = av.AudioResampler(format="flt", layout="mono", rate=rate)
    with av.open(io.BytesIO(data)) as container:
        frames = [mono for frame in container.decode(audio=0) for mono in to_mono.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize(
    ("name", "code"), [("zh", "zh"), ("CHINESE", "zh"), ("中文", "zh"), ("EN-us", "en"), ("auto", "en")]
)
def test_language(name: str, code: str) -> None:
    assert asked({"language": name})[0].language == code


def test_voice_desc() -> None:
    assert asked({"voice_desc": "warm"})[0].voice.description == "warm"


def test_voice_is_a_preset_and_a_description_is_appended() -> None:
    preset = Presets.load().of("en")[0]
    assert asked({"voice": preset.id})[0].voice.description == preset.description
    assert asked({"voice": preset.id, "voice_desc": "whispering"})[0].voice.description == (
        f"{preset.description} whispering"
    )


@pytest.mark.parametrize("body", [{"speaker": "uncle_fu"}, {"voice": "UNCLE_FU"}])
def test_speaker_in_any_case(body: dict[str, str]) -> None:
    heard = asked(body, features=("speaker", "description"), speakers=("Vivian", "Uncle_Fu"))
    assert heard[0].voice.speaker == "Uncle_Fu"


def test_an_unknown_speaker_is_reported_with_the_known_ones() -> None:
    client = client_of(ZeroCostSynthesizer(features=("speaker",), speakers=("Vivian",)))
    error = client.post("/api/tts", json={"text": "Hi.", "speaker": "Bob"}).json()["error"]
    assert (error["code"], error["field"]) == ("unknown_speaker", "speaker") and "Vivian" in error["message"]


def test_seed() -> None:
    answer = spoken({"seed": 7})
    assert (ENGINE.utterances[-1].seed, answer.headers["x-seed"]) == (7, "7")


def test_a_random_seed_is_reported() -> None:
    answer = spoken({})
    assert answer.headers["x-seed"] == str(ENGINE.utterances[-1].seed)


def test_speed() -> None:
    slow, fast = (len(spoken({"speed": speed, "streaming": True}).content) for speed in (0.5, 2.0))
    assert slow == pytest.approx(4 * fast, rel=0.01)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
def test_format_and_sample_rate_streamed_and_whole(format: str, rate: int, streaming: bool) -> None:
    answer = spoken({"format": format, "sample_rate": rate, "streaming": streaming}, LONGER)
    assert answer.headers["content-type"] == MIMES[format]
    assert answer.headers["x-sample-rate"] == str(rate)
    assert answer.headers["x-format"] == ("s16le" if format == "pcm" else format)
    assert ("content-length" in answer.headers) is not streaming
    sound = from_s16le(answer.content) if format == "pcm" else decoded(answer.content, rate)
    assert len(sound) / rate == pytest.approx(2.0, abs=0.3 if format in ("mp3", "aac") else 0.03)  # those pad both ends
    assert np.abs(sound).max() > 0.2


@pytest.mark.parametrize(("law", "mime"), [("mulaw", "audio/PCMU"), ("alaw", "audio/PCMA")])
def test_telephone_formats_have_one_rate(law: str, mime: str) -> None:
    answer = spoken({"format": law, "streaming": True})
    assert (answer.headers["content-type"], answer.headers["x-sample-rate"]) == (mime, "8000")
    assert len(answer.content) == 5 * 640
    refused = shared_client(ENGINE).post("/api/tts", json={"text": "Hi.", "format": law, "sample_rate": 24_000})
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "sample_rate")


def test_soxr_resamples() -> None:
    heard = from_s16le(spoken({"format": "pcm", "sample_rate": 16_000}).content)
    wanted = soxr.resample(audio_of("Hi.", 5), 24_000, 16_000)
    assert len(heard) == len(wanted) and np.abs(heard - wanted).max() < 2e-3


def test_formats_are_case_insensitive() -> None:
    assert spoken({"format": "FLAC"}).content[:4] == b"fLaC"


@pytest.mark.parametrize(("streaming", "mime"), [(True, "audio/pcm"), (False, "audio/wav")])
def test_the_format_follows_streaming(streaming: bool, mime: str) -> None:
    assert spoken({"streaming": streaming}).headers["content-type"] == mime


def test_a_whole_wav_has_true_sizes_at_any_rate() -> None:
    with wave.open(io.BytesIO(spoken({"sample_rate": 8_000}).content)) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (8_000, 5 * 640)


def test_streaming_wav_is_the_same_samples_after_a_header() -> None:
    assert spoken({"format": "wav", "streaming": True}).content[44:] == to_s16le(audio_of("Hi.", 5))


@pytest.mark.parametrize(
    ("format", "rate", "packet_ms", "block"),
    [("pcm", 24_000, 16, 768), ("pcm", 24_000, 100, 4_800), ("pcm", 8_000, 20, 320), ("wav", 48_000, 40, 3_840)],
)
def test_packet_ms_is_the_size_of_the_blocks(format: str, rate: int, packet_ms: int, block: int) -> None:
    body = {"text": "Hi.", "streaming": True, "format": format, "sample_rate": rate, "packet_ms": packet_ms}
    with (
        run_server(ZeroCostSynthesizer(num_frames=7)) as url,
        httpx.stream("POST", f"{url}/api/tts", json=body) as answer,
    ):
        sizes = [len(chunk) for chunk in answer.iter_raw()]
    sizes[0] -= 44 if format == "wav" else 0
    assert all(size % block == 0 for size in sizes[:-1])


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_streams_during_synthesis(format: str) -> None:
    synthesizer = SteppedSynthesizer(num_frames=1_000)
    with (
        run_server(synthesizer) as url,
        open_request(url, {"text": "Hi.", "streaming": True, "format": format}) as connection,
    ):
        wait_until(lambda: synthesizer.load.running == 1)
        for _ in range(2):
            synthesizer.step()
        got = b""
        while b"200 OK" not in got or len(got.partition(b"\r\n\r\n")[2]) < 100:
            got += connection.recv(65_536)
        assert synthesizer.packets_made == 2


def test_max_duration_s() -> None:
    answer = spoken({"max_duration_s": 0.2, "streaming": True}, synthesizer := ZeroCostSynthesizer(num_frames=50))
    assert len(answer.content) == round(0.2 * 24_000) * 2
    assert synthesizer.utterances[0].max_frames == 3


def test_text_mode() -> None:
    assert [asked({"text_mode": mode})[0].text_mode for mode in ("whole", "streaming")] == ["whole", "streaming"]


@pytest.mark.parametrize("keep", [True, False])
def test_continue_voice(keep: bool) -> None:
    spoken({"text": "One.\nTwo.", "continue_voice": keep}, synthesizer := ContinuingSynthesizer())
    assert (synthesizer.utterances[1].voice.acoustic_prompt is not None) is keep


@pytest.mark.parametrize(("batch_size", "active"), [(None, 1), (1, 1), (3, 3)])
def test_batch_size_of_one_text_runs_segments_in_parallel(batch_size: int | None, active: int) -> None:
    synthesizer = SteppedSynthesizer(features=("continuation",))
    body = {"text": "One.\nTwo.\nThree.\nFour.", "streaming": True, "batch_size": batch_size}
    with run_server(synthesizer) as url, open_request(url, body):
        wait_until(lambda: synthesizer.load.running == active)
        synthesizer.step()
        assert synthesizer.load.running == active


def test_loudness() -> None:
    sound = audio_of("Hi.", 50)
    answer = spoken({"loudness": True, "streaming": True}, ZeroCostSynthesizer(num_frames=50))
    heard = from_s16le(answer.content)
    assert len(heard) == len(sound) and np.abs(heard - sound).max() > 0.05
    assert np.array_equal(heard[:1_920], from_s16le(to_s16le(LoudnessNormalizer().push(frame_of("Hi.", 0)))))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("greedy", True),
        ("temperature", 0.5),
        ("top_k", 7),
        ("top_p", 0.8),
        ("repetition_penalty", 1.2),
        ("subtalker_temperature", 0.4),
        ("subtalker_top_k", 9),
        ("subtalker_top_p", 0.7),
    ],
)
def test_sampling(option: str, value: Any) -> None:
    assert asked({option: value})[0].sampling == replace(Sampling(), **{option: value})


def test_an_engine_that_would_ignore_sampling_rejects_it() -> None:
    client = client_of(ZeroCostSynthesizer(features=("seed",)))
    answer = client.post("/api/tts", json={"text": "Hi.", "temperature": 0.5})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unsupported")


@pytest.mark.parametrize("streaming", [True, False])
def test_a_deadline_holds_in_every_format(streaming: bool) -> None:
    with run_server(SteppedSynthesizer()) as url:
        for format in FORMATS:
            body = {"text": "Hi.", "streaming": streaming, "format": format}
            answer = httpx.post(f"{url}/api/tts", json=body, headers={"X-Deadline-Ms": "50"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded"), format


@pytest.mark.parametrize("name", ["voice_desc", "instruct"])
def test_a_description_has_two_names(name: str) -> None:
    assert asked({name: "A calm old man."})[0].voice.description == "A calm old man."


def test_every_packet_has_the_requested_number_of_frames() -> None:
    assert asked({"frames_per_packet": 4}, features=("seed", "packet_size"))[0].frames_per_packet == 4


def test_an_engine_without_packet_sizes_rejects_them() -> None:
    client = client_of(ZeroCostSynthesizer(features=("seed",)))
    answer = client.post("/api/tts", json={"text": "Hi.", "frames_per_packet": 4})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (422, "unsupported")
    assert "packet size" in error["message"]
