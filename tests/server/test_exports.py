"""Exports: exactly the samples of each segment, its text and its times."""

from __future__ import annotations

import io
import re
import struct
import wave
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from qwen3tts_webui.audio import from_s16le
from tests.support.fakes import ZeroCostSynthesizer, audio_of
from tests.support.server import run_server

ID = "exports-1"
TEXT = "Good morning.\n早上好，世界。[pause 0.5s]\nThe end -> <b>now</b>."
FRAMES = 5
PIECE_S = FRAMES * 0.08


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server on which `TEXT` was spoken as request `ID`."""
    outputs = tmp_path_factory.mktemp("outputs")
    with (
        run_server(ZeroCostSynthesizer(num_frames=FRAMES), outputs=outputs) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        body = {"text": TEXT, "streaming": True, "seed": 3}
        assert client.post("/api/tts", json=body, headers={"X-Request-Id": ID}).status_code == 200
        client.get(f"/api/requests/{ID}/audio").raise_for_status()
        yield client


@pytest.fixture(params=["requests", "history"])
def place(request: pytest.FixtureRequest, client: httpx.Client) -> str:
    """The same sound, as a request and as an entry of the history."""
    if request.param == "requests":
        return f"/api/requests/{ID}"
    entries = client.get(f"/api/history?request_id={ID}").json()["entries"]
    return f"/api/history/{entries[0]['id']}"


def test_srt_has_one_cue_per_segment_at_the_times_of_its_audio(client: httpx.Client, place: str) -> None:
    lines = client.get(f"{place}/subtitles?format=srt").text.split("\n")
    assert lines[:3] == ["1", "00:00:00,000 --> 00:00:00,400", "Good morning."]
    assert lines[4:7] == ["2", "00:00:00,400 --> 00:00:00,800", "早上好，世界。"]
    assert lines[8:10] == ["3", "00:00:01,300 --> 00:00:01,700"]


def test_vtt_escapes_tags(client: httpx.Client, place: str) -> None:
    answer = client.get(f"{place}/subtitles?format=vtt")
    assert answer.headers["content-type"] == "text/vtt; charset=utf-8"
    assert answer.text.startswith("WEBVTT\n")
    assert "<b>" not in answer.text
    assert answer.text.count(" --> ") == 3


def test_the_zip_contains_exactly_the_audio_of_each_segment(client: httpx.Client, place: str) -> None:
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"{place}/segments.zip").content))
    names = archive.namelist()
    assert names[:2] == ["001-Good_morning.wav", "002-早上好_世界.wav"]
    assert re.fullmatch(r"003-The_end\w*\.wav", names[2])
    assert names[3:] == ["subtitles.srt"]
    with wave.open(io.BytesIO(archive.read(names[1]))) as sound:
        pcm = from_s16le(sound.readframes(sound.getnframes()))
    assert np.array_equal(pcm, audio_of("早上好，世界。", FRAMES))


@pytest.mark.parametrize(("format", "magic"), [("flac", b"fLaC"), ("mp3", b"\xff"), ("opus", b"OggS")])
def test_the_zip_comes_in_other_formats(client: httpx.Client, format: str, magic: bytes) -> None:
    content = client.get(f"/api/requests/{ID}/segments.zip?format={format}").content
    archive = zipfile.ZipFile(io.BytesIO(content))
    first = archive.namelist()[0]
    assert first.endswith(format)
    assert magic in archive.read(first)[:64]


def test_the_picture_is_a_png_of_the_documented_size(client: httpx.Client, place: str) -> None:
    answer = client.get(f"{place}/picture.png?language=zh")
    assert answer.headers["content-type"] == "image/png"
    assert answer.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", answer.content[16:24]) == (1600, 900)


def test_subtitles_by_word(client: httpx.Client, place: str) -> None:
    lines = client.get(f"{place}/subtitles?format=vtt&by=word").text.split("\n")
    assert lines[5:7] == ["00:00:00.133 --> 00:00:00.400", "morning"]
    assert "世" in lines
    assert client.get(f"{place}/subtitles?by=letter").status_code == 422


@pytest.mark.parametrize("what", ["subtitles", "segments.zip", "picture.png"])
@pytest.mark.parametrize("where", ["requests/nobody-there", "history/20260101-000000-abcdef", "history/..%2f..%2fetc"])
def test_an_unknown_id_is_a_404(client: httpx.Client, where: str, what: str) -> None:
    answer = client.get(f"/api/{where}/{what}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] in {"not_found", "route_not_found"}


@pytest.mark.parametrize("path", ["subtitles?format=doc", "segments.zip?format=exe"])
def test_an_unknown_format_is_rejected(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/api/requests/{ID}/{path}")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_value"


def test_without_history_nothing_can_be_exported(tmp_path: Path) -> None:
    with run_server(ZeroCostSynthesizer()) as url:
        httpx.post(f"{url}/api/tts", json={"text": "Hi."}, headers={"X-Request-Id": ID})
        assert httpx.get(f"{url}/api/requests/{ID}/subtitles").status_code == 404
