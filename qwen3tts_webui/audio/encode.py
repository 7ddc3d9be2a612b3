"""Encode PCM while it is still being generated.

In: float32 blocks at 24 kHz. Out: raw s16le, WAV, FLAC, MP3, AAC, Ogg Opus or G.711 at 8 to 48 kHz (soxr resamples,
FFmpeg encodes through PyAV). Knows nothing of where the bytes go.

Audio needed before the first bytes come out, at 24 kHz (a resampler adds 20 to 60 ms):

    pcm, wav      none
    mulaw, alaw   none, but for the resampler
    flac          32 ms (the header comes at once)
    mp3           48 ms
    aac           85 ms
    opus          48 ms (the header comes at once)
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Protocol

import av
import numpy as np
import soxr

from qwen3tts_webui.audio.formats import FormatInfo, format_info
from qwen3tts_webui.audio.pcm import replace_nonfinite, to_int16, to_s16le
from qwen3tts_webui.types import SAMPLE_RATE, Pcm


def make_encoder(format: str, sample_rate: int | None = None) -> Encoder:
    """Return an encoder for streaming: sizes that are not known yet are left open in headers.

    `sample_rate` defaults to the format's own. Raises `InvalidValue` for an unknown format or a sample rate that the
    format cannot hold.
    """
    info = format_info(format, sample_rate)
    return Encoder(info, sample_rate or info.default_rate, live=True)


def encode_all(
    pcm: Pcm, format: str, sample_rate: int | None = None, *, tags: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """Return a complete file of `pcm`, with exact sizes and durations in its header.

    `tags` ("title", "artist", "comment") are written into formats that have them: flac, mp3 and opus.
    """
    info = format_info(format, sample_rate)
    encoder = Encoder(info, sample_rate or info.default_rate, live=False, tags=tags)
    try:
        return encoder.push(pcm) + encoder.flush()
    finally:
        encoder.close()


def wav_header(num_bytes: int | None, sample_rate: int = SAMPLE_RATE) -> bytes:
    """Return the 44-byte header for `num_bytes` of mono s16le; None means "to the end of the stream" (0xFFFFFFFF)."""
    unknown = 0xFFFF_FFFF
    data_size = unknown if num_bytes is None else min(num_bytes, unknown)
    riff_size = min(data_size + 36, unknown)
    layout = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, sample_rate * 2, 2, 16)
    return b"RIFF" + struct.pack("<I", riff_size) + b"WAVEfmt " + layout + b"data" + struct.pack("<I", data_size)


class Encoder:
    """Call `push` for each block, then `flush` once; `close` releases everything at any time (idempotent).

    Each call returns the bytes that are ready, possibly none. With `live`, bytes come out as early as possible.
    """

    def __init__(
        self, info: FormatInfo, sample_rate: int, *, live: bool, tags: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.format = info.name
        self.mime = info.mime
        self.extension = info.extension
        self.sample_rate = sample_rate
        self._resampler = None
        if sample_rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(SAMPLE_RATE, sample_rate, 1, dtype="float32", quality="HQ")
        self._encoder: _SampleEncoder
        if info.name in _CODECS:
            self._encoder = _FfmpegEncoder(_CODECS[info.name], sample_rate, live=live, tags=tags)
        else:
            self._encoder = _PcmEncoder(header=info.name == "wav", sample_rate=sample_rate, live=live)
        self._open = True

    def push(self, pcm: Pcm) -> bytes:
        """Encode `pcm`, float32 (samples,) at 24 kHz."""
        assert self._open, "push after flush or close"
        return self._encoder.push(self._resample(replace_nonfinite(pcm), last=False))

    def flush(self) -> bytes:
        """Return the last bytes."""
        assert self._open, "flush after flush or close"
        tail = self._encoder.push(self._resample(np.zeros(0, dtype=np.float32), last=True))
        end = self._encoder.flush()
        self.close()
        return tail + end

    def close(self) -> None:
        """Release the codec without finishing the file."""
        if self._open:
            self._open = False
            self._encoder.close()

    def _resample(self, pcm: Pcm, *, last: bool) -> Pcm:
        if self._resampler is None:
            return pcm
        resampled: Pcm = self._resampler.resample_chunk(pcm, last=last)
        return resampled


class _SampleEncoder(Protocol):
    """Samples at the target rate -> bytes."""

    def push(self, pcm: Pcm) -> bytes: ...

    def flush(self) -> bytes: ...

    def close(self) -> None: ...


class _PcmEncoder:
    """s16le, with an optional WAV header. A complete file waits for its end, since the header comes first."""

    def __init__(self, *, header: bool, sample_rate: int, live: bool) -> None:
        self._sample_rate = sample_rate
        self._late_header = header and not live
        self._ready = wav_header(None, sample_rate) if header and live else b""

    def push(self, pcm: Pcm) -> bytes:
        self._ready += to_s16le(pcm)
        return b"" if self._late_header else self._take()

    def flush(self) -> bytes:
        header = wav_header(len(self._ready), self._sample_rate) if self._late_header else b""
        return header + self._take()

    def close(self) -> None:
        self._ready = b""

    def _take(self) -> bytes:
        ready, self._ready = self._ready, b""
        return ready


@dataclass(frozen=True, slots=True, kw_only=True)
class _CodecSpec:
    """FFmpeg's names and options; the `live` ones make bytes come out early and leave sizes open in headers."""

    container: str
    codec: str
    sample_format: str
    codec_options: Mapping[str, str]
    live_codec_options: Mapping[str, str]
    live_container_options: Mapping[str, str]


def _g711(law: str) -> _CodecSpec:
    return _CodecSpec(
        container=law,
        codec=f"pcm_{law}",
        sample_format="s16",
        codec_options={},
        live_codec_options={},
        live_container_options={},
    )


_CODECS: Mapping[str, _CodecSpec] = MappingProxyType(
    {
        "flac": _CodecSpec(
            container="flac",
            codec="flac",
            sample_format="s16",
            codec_options={},
            live_codec_options={"compression_level": "2"},  # blocks of 24 ms instead of 96
            live_container_options={"metadata_header_padding": "0"},
        ),
        "mp3": _CodecSpec(
            container="mp3",
            codec="libmp3lame",
            sample_format="fltp",
            codec_options={"b": "96k"},
            live_codec_options={"reservoir": "0"},  # no frame depends on the bits of another
            live_container_options={"write_xing": "0", "id3v2_version": "0"},
        ),
        "aac": _CodecSpec(
            container="adts",
            codec="aac",
            sample_format="fltp",
            codec_options={"b": "96k"},
            live_codec_options={},
            live_container_options={},
        ),
        "mulaw": _g711("mulaw"),
        "alaw": _g711("alaw"),
        "opus": _CodecSpec(
            container="ogg",
            codec="libopus",
            sample_format="flt",
            codec_options={"b": "64k", "frame_duration": "20"},
            live_codec_options={},
            live_container_options={"page_duration": "20000"},  # one packet per page, in microseconds
        ),
    }
)


class _FfmpegEncoder:
    """FFmpeg's encoder and container. Empty audio becomes one silent sample: players reject files without any."""

    def __init__(self, spec: _CodecSpec, sample_rate: int, *, live: bool, tags: Mapping[str, str]) -> None:
        self._integer = spec.sample_format.startswith("s16")
        self._sample_format = spec.sample_format
        self._time_base = Fraction(1, sample_rate)
        self._sample_rate = sample_rate
        self._position = 0
        self._live = _OutputBuffer() if live else None
        self._file = io.BytesIO()
        container_options = {"flush_packets": "1", **spec.live_container_options} if live else {}
        self._container = av.open(self._live or self._file, "w", format=spec.container, options=container_options)
        self._container.metadata.update(tags)
        stream = self._container.add_stream(spec.codec, rate=sample_rate)
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.layout = "mono"
        stream.codec_context.format = spec.sample_format
        stream.codec_context.options = {**spec.codec_options, **(spec.live_codec_options if live else {})}
        self._stream = stream
        self._container.start_encoding()

    def push(self, pcm: Pcm) -> bytes:
        if len(pcm) > 0:
            samples = to_int16(pcm) if self._integer else pcm
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format=self._sample_format, layout="mono")
            frame.sample_rate = self._sample_rate
            frame.time_base = self._time_base
            frame.pts = self._position
            self._position += len(pcm)
            self._container.mux(self._stream.encode(frame))
        return self._live.take() if self._live else b""

    def flush(self) -> bytes:
        ready = b"" if self._position else self.push(np.zeros(1, dtype=np.float32))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return ready + (self._live.take() if self._live else self._file.getvalue())

    def close(self) -> None:
        self._container.close()


class _OutputBuffer:
    """FFmpeg's output for streaming: it cannot seek back."""

    def __init__(self) -> None:
        self._ready = bytearray()

    def write(self, data: bytes) -> int:
        self._ready += data
        return len(data)

    def take(self) -> bytes:
        ready = bytes(self._ready)
        self._ready.clear()
        return ready
