"""Recordings to clone: what is read, what is refused and why, and hints about quality."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from qwen3tts_webui.audio import encode_all, reference
from qwen3tts_webui.audio.reference import decode_reference, read_reference, to_mono
from qwen3tts_webui.errors import InvalidFile
from qwen3tts_webui.types import SAMPLE_RATE
from tests.support.sounds import RATE, correlation, sine, syllables

Array = np.ndarray[Any, Any]


def wav(pcm: Array, rate: int = RATE, subtype: str = "PCM_16", container: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, pcm, rate, format=container, subtype=subtype)
    return file.getvalue()


def by_ffmpeg(pcm: Array, container: str, codec: str, *, rate: int = 48_000, picture: bool = False) -> bytes:
    """An audio file in any format that FFmpeg writes; with `picture`, a video track next to the audio."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        if picture:
            video = file.add_stream("mpeg4", rate=5)
            video.width = video.height = 16
            video.pix_fmt = "yuv420p"
            for _ in range(3):
                file.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")))
            file.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return out.getvalue()


def at_48k(pcm: Array) -> Array:
    return np.repeat(pcm, 2)


SPEECH = syllables(4.0)
FORMATS = {
    "wav": lambda: wav(SPEECH),
    "wav_float": lambda: wav(SPEECH, subtype="FLOAT"),
    "flac": lambda: encode_all(SPEECH, "flac"),
    "mp3": lambda: encode_all(SPEECH, "mp3"),
    "opus": lambda: encode_all(SPEECH, "opus"),
    "aac": lambda: encode_all(SPEECH, "aac"),
    "m4a": lambda: by_ffmpeg(at_48k(SPEECH), "mp4", "aac"),
    "webm": lambda: by_ffmpeg(at_48k(SPEECH), "webm", "libopus"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_becomes_mono_at_24_khz(name: str) -> None:
    pcm = decode_reference(FORMATS[name]())
    assert pcm.dtype == np.float32
    assert len(pcm) == pytest.approx(len(SPEECH), abs=3_000)
    assert correlation(SPEECH[:RATE], pcm[: RATE + 3_000], 3_000) > 0.95


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 192_000])
def test_any_rate_and_channels(rate: int) -> None:
    tone = sine(500, 1.0, rate=rate)
    pcm = decode_reference(wav(np.stack([tone, tone], axis=1), rate))
    assert abs(len(pcm) - SAMPLE_RATE) <= 1
    assert np.abs(pcm[2_000:-2_000]).max() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("num_channels", [1, 8, 16])
def test_many_channels_are_mixed(num_channels: int) -> None:
    scaled = np.stack([SPEECH * (channel + 1) / num_channels for channel in range(num_channels)], axis=1)
    pcm = decode_reference(wav(scaled.astype(np.float32)))
    assert np.abs(pcm - SPEECH * (num_channels + 1) / 2 / num_channels).max() < 1e-4


def test_channels_that_cancel_each_other_become_one() -> None:
    opposite = np.stack([SPEECH, -SPEECH], axis=1)
    assert np.abs(decode_reference(wav(opposite, subtype="FLOAT")) - SPEECH).max() < 1e-6
    assert np.abs(to_mono(opposite, RATE) - SPEECH).max() < 1e-6
    one_side = np.stack([np.zeros_like(SPEECH), SPEECH], axis=1)
    assert np.abs(decode_reference(wav(one_side, subtype="FLOAT")) - SPEECH / 2).max() < 1e-6


def test_a_16_bit_file_comes_back_to_the_sample() -> None:
    values = (SPEECH * 32_767).astype(np.int16)
    assert decode_reference(wav(values)).tolist() == (values / np.float32(32_768)).tolist()


def tagged(data: bytes, num_bytes: int, flags: bytes = b"\0") -> bytes:
    """`data` after an ID3 tag of that size."""
    size = bytes(num_bytes >> shift & 127 for shift in (21, 14, 7, 0))
    return b"ID3\x04\0" + flags + size + b"\xff\xfb" * (num_bytes // 2) + data


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "aac"])
def test_any_format_may_follow_tags(name: str) -> None:
    data = FORMATS[name]()
    twice = tagged(tagged(bytes(100) + data, 2_000), 4_000_000)
    with_footer = tagged(b"3DI" + bytes(7) + data, 20, b"\x10")
    for found in (decode_reference(twice), decode_reference(with_footer)):
        assert correlation(SPEECH[:RATE], found[: RATE + 3_000], 3_000) > 0.95


@pytest.mark.parametrize(
    ("code", "bits", "valid", "scale", "dtype"),
    [
        (1, 16, 16, 32_767, "<i2"),
        (1, 32, 32, 2**31 - 128, "<i4"),
        (1, 32, 24, 2**31 - 128, "<i4"),
        (3, 32, 32, 1, "<f4"),
    ],
)
def test_extensible_wav(code: int, bits: int, valid: int, scale: float, dtype: str) -> None:
    guid = struct.pack("<H", code) + bytes.fromhex("000000001000800000aa00389b71")
    fmt = struct.pack("<HHIIHH", 0xFFFE, 1, RATE, RATE * bits // 8, bits // 8, bits)
    fmt += struct.pack("<HHI", 22, valid, 4) + guid
    pcm = (SPEECH.astype(np.float64) * scale).astype(dtype).tobytes()
    junk = b"JUNK" + struct.pack("<I", 33) + bytes(34)
    chunks = junk + b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(pcm)) + pcm
    assert np.abs(decode_reference(riff_named_wav(chunks)) - SPEECH).max() < 1e-4


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "DOUBLE", "ULAW"])
def test_other_wav_samples(subtype: str) -> None:
    assert np.abs(decode_reference(wav(SPEECH, subtype=subtype)) - SPEECH).max() < 0.02


def test_chained_ogg_is_read_to_its_end() -> None:
    """A recorder that was paused writes one stream after another."""
    assert len(decode_reference(2 * encode_all(SPEECH, "opus"))) == pytest.approx(2 * len(SPEECH), abs=3_000)


def test_silence_around_speech_is_cut_off_and_the_level_is_a_common_one() -> None:
    silence = np.zeros(2 * RATE, np.float32)
    quiet = read_reference(wav(np.concatenate([silence, SPEECH * 0.05, silence])))
    loud = read_reference(wav(np.concatenate([silence, SPEECH * 2, silence])))
    assert quiet.seconds == pytest.approx(8.0)
    for found in (quiet, loud):
        assert len(found.pcm) == pytest.approx(len(SPEECH) + RATE // 5, abs=RATE // 5)
        level = np.sqrt(np.mean(found.pcm**2))
        assert 20 * np.log10(level) == pytest.approx(-23.5, abs=1.5)


def test_peaks_stay_below_full_scale() -> None:
    clicks = SPEECH * 0.02
    clicks[RATE] = 0.9
    assert np.abs(read_reference(wav(clicks)).pcm).max() <= 0.951


def clipped() -> Array:
    return np.clip(SPEECH * 8, -1, 1)


def noisy() -> Array:
    return SPEECH + 0.3 * np.random.default_rng(0).standard_normal(len(SPEECH)).astype(np.float32)


@pytest.mark.parametrize(
    ("pcm", "warnings"),
    [
        (SPEECH, ()),
        (syllables(1.5), ("too_short",)),
        (syllables(20.0), ("too_long",)),
        (SPEECH * 0.01, ("too_quiet",)),
        (clipped(), ("clipped",)),
        (noisy(), ("noisy",)),
    ],
    ids=["good", "too_short", "too_long", "too_quiet", "clipped", "noisy"],
)
def test_what_may_spoil_a_clone_is_named(pcm: Array, warnings: tuple[str, ...]) -> None:
    assert read_reference(wav(pcm, subtype="FLOAT")).warnings == warnings


def code_of(data: bytes) -> str:
    with pytest.raises(InvalidFile) as caught:
        read_reference(data)
    reason = caught.value.params["reason"]
    return str(getattr(reason, "code", ""))


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", bytes(10**7))
    return out.getvalue()


def riff_named_wav(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def wav_header(rate: int, channels: int, bits: int = 16) -> bytes:
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", 1, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    data = bytes(48_000)
    return riff_named_wav(b"fmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(data)) + data)


HOSTILE = {
    "empty": (lambda: b"", "unknown_audio_format"),
    "text": (lambda: b"hello" * 1_000, "unknown_audio_format"),
    "zip": (zipped, "unknown_audio_format"),
    "pdf_polyglot": (lambda: b"%PDF-1.4\n" + wav(SPEECH), "unknown_audio_format"),
    "playlist": (lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "unknown_audio_format"),
    "concat": (lambda: b"ffconcat version 1.0\nfile '/etc/passwd'\n", "unknown_audio_format"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(1_000), "unknown_audio_format"),
    "aiff": (lambda: b"FORM\x00\x00\x00\x10AIFF" + bytes(100), "unknown_audio_format"),
    "wav_truncated": (lambda: wav(SPEECH)[:60_000], "unreadable_audio"),
    "flac_truncated": (lambda: encode_all(SPEECH, "flac")[: len(encode_all(SPEECH, "flac")) // 2], "unreadable_audio"),
    "only_tags": (lambda: tagged(b"", 2_000), "unknown_audio_format"),
    "tags_longer_than_the_file": (
        lambda: tagged(encode_all(SPEECH, "mp3"), 0)[:6] + b"\x7f" * 4,
        "unknown_audio_format",
    ),
    "many_tags": (lambda: tagged(b"", 0) * 100_000 + encode_all(SPEECH, "mp3"), "unknown_audio_format"),
    "aac_of_three_bytes": (lambda: encode_all(SPEECH, "aac")[:3], "unreadable_audio"),
    "chained_ogg_of_two_rates": (
        lambda: wav(SPEECH, 48_000, "VORBIS", "OGG") + wav(SPEECH, RATE, "VORBIS", "OGG"),
        "unreadable_audio",
    ),
    "m4a_truncated": (lambda: FORMATS["m4a"]()[:2_000], "unreadable_audio"),
    "only_magic_flac": (lambda: b"fLaC", "unreadable_audio"),
    "only_magic_webm": (lambda: b"\x1a\x45\xdf\xa3" + bytes(100), "unreadable_audio"),
    "only_magic_wav": (lambda: riff_named_wav(b""), "unreadable_audio"),
    "rate_of_one_hertz": (lambda: wav_header(1, 1), "unreadable_audio"),
    "giant_rate": (lambda: wav_header(2**31 - 1, 1), "unreadable_audio"),
    "a_thousand_channels": (lambda: wav_header(24_000, 1_000), "unreadable_audio"),
    "unknown_codec": (lambda: FORMATS["webm"]().replace(b"A_OPUS", b"A_NONE"), "unreadable_audio"),
    "one_sample": (lambda: wav(np.ones(1)), "too_short"),
    "shorter_than_half_a_second": (lambda: wav(syllables(0.4)), "too_short"),
    "a_click_in_silence": (lambda: wav(np.concatenate([sine(500, 0.1), np.zeros(RATE)])), "too_short"),
    "silence": (lambda: wav(np.zeros(RATE)), "silent"),
    "not_a_number": (lambda: wav(np.full(RATE, np.nan, np.float32), subtype="FLOAT"), "invalid_samples"),
    "infinite": (lambda: wav(np.full(RATE, np.inf, np.float32), subtype="FLOAT"), "invalid_samples"),
    "enormous": (lambda: wav(np.full(RATE, 1e30, np.float32), subtype="FLOAT"), "invalid_samples"),
    "video": (lambda: by_ffmpeg(at_48k(SPEECH), "mp4", "aac", picture=True), "video"),
    "too_long": (lambda: wav(np.zeros(61 * 8_000), 8_000), "too_long"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_cannot_be_used_says_why(name: str) -> None:
    make, code = HOSTILE[name]
    assert code_of(make()) == code


def test_ten_hours_of_silence_in_a_small_file_are_given_up_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode_all(np.zeros(600 * RATE, np.float32), "flac")
    assert len(data) < 2**20
    decoded = 0
    make = av.AudioResampler

    class Counting:
        def __init__(self, **options: Any) -> None:
            self.inner = make(**options)

        def resample(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
            nonlocal decoded
            decoded += frame.samples
            return self.inner.resample(frame)

    monkeypatch.setattr(av, "AudioResampler", Counting)
    assert code_of(data) == "too_long"
    assert decoded < 62 * RATE


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    assert code_of(bytes(reference.MAX_REFERENCE_BYTES + 1)) == "too_large"


def test_a_file_that_decodes_forever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MAX_DECODE_S", -1.0)
    assert code_of(wav(SPEECH)) == "slow_to_decode"


def test_a_cover_picture_is_no_video() -> None:
    """Phones and music players put one in."""
    cover = io.BytesIO()
    with av.open(cover, "w", format="image2pipe") as file:
        stream = file.add_stream("png")
        stream.width = stream.height = 8
        stream.pix_fmt = "rgb24"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), format="rgb24")))
        file.mux(stream.encode(None))
    frame = b"\x00image/png\x00\x03\x00" + cover.getvalue()
    apic = b"APIC" + struct.pack(">I", len(frame)) + b"\x00\x00" + frame
    size = len(apic)
    head = bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
    data = b"ID3\x03\x00\x00" + head + apic + encode_all(SPEECH, "mp3")
    assert len(decode_reference(data)) == pytest.approx(len(SPEECH), abs=4_000)
