import io
import struct

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3tts_webui.audio.encode import encoded, wav_bytes
from qwen3tts_webui.audio.read import read_sound
from qwen3tts_webui.errors import BadFile
from tests.audio.sounds import RATE, correlation, pitch, sine, syllables


def with_libsndfile(pcm: np.ndarray, rate: int, container: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, pcm, rate, format=container, subtype=subtype)
    return file.getvalue()


def webm(pcm: np.ndarray) -> bytes:
    """What a browser's MediaRecorder makes."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus"])
def test_our_own_files_come_back(format):
    pcm = syllables(1.0)
    out = read_sound(encoded(pcm, format))
    assert out.dtype == np.float32
    assert len(out) == pytest.approx(RATE, abs=200)
    assert correlation(pcm, out, 2) > 0.98


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
@pytest.mark.parametrize(
    ("container", "subtype"),
    [("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "PCM_U8"), ("WAV", "FLOAT"), ("FLAC", "PCM_24"), ("AIFF", "PCM_16")],
)
def test_any_rate_and_depth_becomes_24_khz(rate, container, subtype):
    out = read_sound(with_libsndfile(sine(1_000, 1.0, rate=rate), rate, container, subtype))
    assert len(out) == RATE
    assert pitch(out) == pytest.approx(1_000, rel=0.002)
    assert np.abs(out[2_000:-2_000]).max() == pytest.approx(0.5, abs=0.02)


def test_a_recording_of_the_browser_can_be_read():
    out = read_sound(webm(sine(1_000, 1.0, rate=48_000)))
    assert len(out) == pytest.approx(RATE, abs=400)
    assert pitch(out) == pytest.approx(1_000, rel=0.005)


def test_channels_are_mixed():
    left, right = sine(500, 1.0), sine(2_000, 1.0)
    out = read_sound(with_libsndfile(np.stack([left, right], axis=1), RATE, "WAV", "PCM_16"))
    assert correlation(left + right, out, 0) > 0.999
    assert np.abs(out).max() <= 1.0


def test_numbers_that_are_none_become_silence():
    pcm = np.array([0.5, np.nan, np.inf, 7.0], dtype=np.float32)
    assert np.isfinite(read_sound(with_libsndfile(np.tile(pcm, 100), RATE, "WAV", "FLOAT"))).all()


def test_too_many_bytes_are_refused_before_they_are_read():
    with pytest.raises(BadFile, match="it is larger than 1 MiB"):
        read_sound(bytes(2**20 + 1), max_bytes=2**20)


def test_too_many_seconds_are_refused():
    data = encoded(np.zeros(3 * RATE, dtype=np.float32), "flac")
    assert len(read_sound(data, max_seconds=3)) == 3 * RATE
    with pytest.raises(BadFile, match=r"it is longer than 2\.5 seconds"):
        read_sound(data, max_seconds=2.5)


def test_a_small_file_that_unpacks_to_hours_is_stopped_early():
    hours = io.BytesIO()
    soundfile.write(hours, np.zeros(RATE * 1_800, dtype=np.int16), RATE, format="FLAC")
    assert len(hours.getvalue()) < 2**20
    with pytest.raises(BadFile, match="longer than 60 seconds"):
        read_sound(hours.getvalue(), max_seconds=60)


def test_a_file_without_a_sample_is_refused():
    with pytest.raises(BadFile, match="there is no sound in it"):
        read_sound(wav_bytes(np.zeros(0, dtype=np.float32)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"not a sound at all" * 100,
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        b"%PDF-1.7" + bytes(100),
        wav_bytes(sine(300, 0.1))[:30],
    ],
)
def test_what_is_no_sound_file_is_refused(data):
    with pytest.raises(BadFile):
        read_sound(data)


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    ],
)
def test_a_playlist_cannot_make_it_open_another_file(playlist):
    with pytest.raises(BadFile):
        read_sound(playlist.encode() + b"\n" * 2_000)


def test_a_header_that_promises_too_much_is_only_believed_as_far_as_it_goes():
    data = bytearray(wav_bytes(sine(300, 0.5)))
    data[40:44] = struct.pack("<I", 0x7FFFFFFF)
    assert len(read_sound(bytes(data))) == 12_000


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_are_refused_or_read_but_never_crash(data):
    format = data.draw(st.sampled_from(["wav", "flac", "mp3", "opus"]))
    whole = bytearray(encoded(sine(300, 0.2), format))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        pcm = read_sound(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    except BadFile:
        return
    assert np.isfinite(pcm).all()
