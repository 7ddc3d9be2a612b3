import gc
import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from qwen3tts_webui.audio.encode import encode_all, make_encoder, wav_header
from qwen3tts_webui.audio.formats import FORMATS
from qwen3tts_webui.audio.pcm import from_s16le, to_s16le
from qwen3tts_webui.errors import InvalidValue
from tests.support.sounds import RATE, correlation, in_pieces, pitch, sine, syllables

_STATM = Path("/proc/self/statm")
COMPRESSED = ["flac", "mp3", "aac", "opus"]
G711 = ["mulaw", "alaw"]  # one rate, and no header to decode by
WIDE = [format for format in FORMATS if format not in G711]
PADDED = ("mp3", "aac")  # at both ends
DELAY_S = {"pcm": 0.0, "wav": 0.0, "flac": 0.0, "opus": 0.01, "mp3": 0.1, "aac": 0.1}


def streamed(pcm: np.ndarray, format: str, rate: int | None = RATE, size: int = 384) -> bytes:
    live = make_encoder(format, rate)
    return b"".join(live.push(piece) for piece in in_pieces(pcm, size)) + live.flush()


def decoded(data: bytes, format: str, rate: int) -> tuple[np.ndarray, int]:
    """Samples and the rate they are at (Opus always decodes at 48 kHz)."""
    if format == "pcm":
        return from_s16le(data), rate
    with av.open(io.BytesIO(data)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        actual = container.streams.audio[0].rate
    pcm = np.concatenate([frame.ravel() for frame in frames])
    return (pcm / 32_768 if pcm.dtype == np.int16 else pcm).astype(np.float32), actual


@pytest.mark.parametrize("format", WIDE)
@pytest.mark.parametrize("size", [1, 137, 384, 5_000, 10**6])
def test_content_survives_whatever_the_size_of_the_blocks(format, size):
    pcm = syllables(0.25 if size == 1 else 1.0)
    out, rate = decoded(streamed(pcm, format, size=size), format, RATE)
    out = out[:: rate // RATE]
    assert len(out) / RATE == pytest.approx(len(pcm) / RATE, abs=DELAY_S[format])
    assert correlation(pcm, out, 1_200 if format in PADDED else 2) > 0.98


@pytest.mark.parametrize("format", ["pcm", "wav", "flac"])
def test_lossless_formats_keep_every_sample(format):
    pcm = syllables(0.5)
    out, _ = decoded(streamed(pcm, format), format, RATE)
    assert to_s16le(out) == to_s16le(pcm)


@pytest.mark.parametrize("format", WIDE)
@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_duration_and_pitch_survive_every_sample_rate(format, rate):
    out, actual = decoded(streamed(sine(1_000, 1.5), format, rate, 137), format, rate)
    assert actual == (48_000 if format == "opus" else rate)
    assert len(out) / actual == pytest.approx(1.5, abs=0.3 if format in PADDED else 0.01)
    assert pitch(out, actual) == pytest.approx(1_000, rel=0.005)


@pytest.mark.parametrize("format", ["pcm", "wav", "flac", "mp3", "aac"])
@pytest.mark.parametrize("rate", [11_025, 22_050, 44_100])
def test_rates_of_the_compact_disc_work_where_the_format_has_them(format, rate):
    out, actual = decoded(streamed(sine(1_000, 1.0), format, rate), format, rate)
    assert actual == rate
    assert pitch(out, rate) == pytest.approx(1_000, rel=0.005)


@pytest.mark.parametrize("law", G711)
def test_telephone_audio_is_one_byte_per_sample_at_8_khz(law):
    data = streamed(sine(440, 1.0), law, None)
    assert (len(data), make_encoder(law).sample_rate) == (8_000, 8_000)
    with av.open(io.BytesIO(data), format=law, options={"sample_rate": "8000"}) as container:
        out = np.concatenate([frame.to_ndarray().ravel() for frame in container.decode(audio=0)]) / 32_768
    assert pitch(out.astype(np.float32), 8_000) == pytest.approx(440, rel=0.005)
    assert np.abs(out).max() == pytest.approx(np.abs(sine(440, 1.0)).max(), rel=0.05)


def test_an_odd_rate_works_where_the_format_allows_any():
    out, rate = decoded(streamed(sine(1_000, 1.0), "flac", 12_345), "flac", 12_345)
    assert (len(out), rate) == (12_345, 12_345)


@pytest.mark.parametrize("format", ["pcm", *COMPRESSED])
@pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
@pytest.mark.parametrize("length", [0, 1])
def test_almost_no_audio_is_still_a_file(format, rate, length):
    out, actual = decoded(streamed(np.ones(length, dtype=np.float32), format, rate), format, rate)
    assert len(out) / actual <= 0.3


def test_an_empty_wav_is_its_header():
    assert encode_all(np.zeros(0, dtype=np.float32), "wav") == wav_header(0)
    assert streamed(np.zeros(0, dtype=np.float32), "wav") == wav_header(None)


@pytest.mark.parametrize("format", FORMATS)
def test_bytes_arrive_while_audio_is_still_pushed(format):
    live = make_encoder(format)
    early = b"".join(live.push(piece) for piece in in_pieces(syllables(0.096), 384))
    live.close()
    least = {"pcm": 4_000, "wav": 4_000, "flac": 1_000, "mp3": 300, "aac": 100, "opus": 400, "mulaw": 400, "alaw": 400}
    assert len(early) > least[format]


@pytest.mark.parametrize("format", COMPRESSED)
def test_an_unfinished_stream_can_be_played_so_far(format):
    live = make_encoder(format)
    early = b"".join(live.push(piece) for piece in in_pieces(syllables(1.0), 384))
    live.close()
    out, rate = decoded(early, format, RATE)
    assert len(out) / rate > 0.85


@pytest.mark.parametrize("format", WIDE)
def test_loud_and_invalid_samples_are_encoded_as_valid_audio(format):
    pcm = sine(300, 0.5, level=4.0)
    pcm[6_000] = np.nan
    pcm[7_000] = np.inf
    out, _ = decoded(streamed(pcm, format, 48_000), format, 48_000)
    assert np.isfinite(out).all()
    assert 0.5 < np.abs(out).max() < 1.6


def test_resampling_in_pieces_equals_resampling_whole():
    pcm = syllables(0.5)
    assert streamed(pcm, "pcm", 44_100, 137) == streamed(pcm, "pcm", 44_100, len(pcm))


def test_a_streamed_wav_declares_an_unknown_length():
    header = streamed(sine(300, 0.1), "wav")[:44]
    assert header[:4] == b"RIFF" and header[8:16] == b"WAVEfmt "
    assert struct.unpack("<I", header[4:8]) == struct.unpack("<I", header[40:44]) == (0xFFFFFFFF,)


def test_libsndfile_reads_a_streamed_wav():
    pcm, rate = soundfile.read(io.BytesIO(streamed(sine(300, 0.1), "wav")), dtype="int16")
    assert (len(pcm), rate) == (2_400, RATE)


def test_a_complete_wav_has_exact_sizes():
    data = encode_all(sine(300, 0.1), "wav")
    assert struct.unpack("<I", data[4:8]) == (len(data) - 8,)
    assert struct.unpack("<I", data[40:44]) == (4_800,)
    assert len(data) == 44 + 4_800


def test_a_wav_too_long_for_its_header_declares_an_unknown_length():
    header = wav_header(5_000_000_000)
    assert struct.unpack("<I", header[4:8]) == struct.unpack("<I", header[40:44]) == (0xFFFFFFFF,)


def test_a_wav_at_another_rate_has_it_in_the_header():
    assert soundfile.info(io.BytesIO(encode_all(sine(300, 0.5), "wav", 16_000))).frames == 8_000


@pytest.mark.parametrize("format", ["wav", "flac", "mp3", "opus"])
def test_a_whole_file_knows_its_duration(format):
    with av.open(io.BytesIO(encode_all(syllables(2.0), format))) as container:
        assert container.duration / 1e6 == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("format", ["wav", "flac", "mp3"])
def test_a_complete_file_decodes_to_the_exact_length(format):
    out, _ = decoded(encode_all(syllables(1.0), format), format, RATE)
    assert len(out) == RATE
    assert correlation(syllables(1.0), out, 0) > 0.99


def test_a_whole_pcm_file_is_its_samples():
    pcm = syllables(0.1)
    assert encode_all(pcm, "pcm") == to_s16le(pcm)


def test_compression_compresses():
    pcm = syllables(2.0)
    sizes = {format: len(encode_all(pcm, format)) for format in FORMATS}
    assert sizes["flac"] < sizes["wav"]
    assert sizes["opus"] < sizes["mp3"] < sizes["wav"] / 3


@pytest.mark.parametrize("format", ["ogg", "", "MP3", "../wav"])
def test_unknown_formats_are_rejected_without_echoing_them(format):
    with pytest.raises(
        InvalidValue, match="format must be one of pcm, wav, flac, mp3, aac, opus, mulaw, alaw, not another value"
    ):
        make_encoder(format)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("rate", [0, -1, 7_999, 48_001, 10**9])
def test_rates_out_of_range_are_refused(format, rate):
    with pytest.raises(InvalidValue, match="sample_rate must be"):
        make_encoder(format, rate)


def test_a_rate_that_opus_lacks_is_refused_with_those_it_has():
    with pytest.raises(InvalidValue, match="one of 8000, 12000, 16000, 24000, 48000 for opus, not 44100"):
        make_encoder("opus", 44_100)


def test_the_table_and_the_encoder_agree():
    for format, info in FORMATS.items():
        live = make_encoder(format)
        assert (live.format, live.mime, live.extension) == (format, info.mime, info.extension)
        live.close()


@pytest.mark.parametrize("format", FORMATS)
def test_close_may_be_called_at_any_time_and_twice(format):
    fresh = make_encoder(format)
    fresh.close()
    fresh.close()
    done = make_encoder(format)
    done.push(sine(300, 0.1))
    done.flush()
    done.close()


@pytest.mark.skipif(not _STATM.exists(), reason="counts pages by Linux's /proc")
@pytest.mark.parametrize("format", COMPRESSED)
def test_cancelled_encoders_release_their_memory(format):
    def resident_mib() -> float:
        gc.collect()
        return int(_STATM.read_text().split()[1]) * 4096 / 2**20

    def cancelled() -> None:
        live = make_encoder(format, 16_000)
        live.push(sine(300, 0.1))
        live.close()

    for _ in range(30):
        cancelled()
    before = resident_mib()
    for _ in range(150):
        cancelled()
    assert resident_mib() - before < 8
